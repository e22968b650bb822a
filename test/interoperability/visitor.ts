import { FormBrowser, type Landing } from '../flows/form-browser.ts';

/** How somebody answers the provider's pages. */
export interface Answers {
  login: string;
  password: string;
  /** What they press on the consent page. */
  consent?: 'approve' | 'deny';
}

/** Where a visit ended, and the provider's pages that were answered on the way. */
export interface Visit {
  landing: Landing;
  pages: string[];
}

const MOST_STEPS = 20;

/**
 * Somebody whose browser, which is without JavaScript, goes back and forth between one application and the provider, and who answers
 * the pages of the provider.
 */
export class Visitor {
  readonly #application: FormBrowser;
  readonly #provider: FormBrowser;
  readonly #applicationOrigin: string;
  readonly #answers: Answers;

  /** `application` is an address of the application, whose origin counts. */
  constructor(application: string, issuer: string, answers: Answers) {
    this.#applicationOrigin = new URL(application).origin;
    this.#application = new FormBrowser(application);
    this.#provider = new FormBrowser(issuer);
    this.#answers = answers;
  }

  /**
   * Goes to an address of the application or of the provider and on from there, answering pages, until there is neither a redirect nor a page of
   * the provider that asks for something.
   */
  async visit(address: string, init: RequestInit = {}): Promise<Visit> {
    const pages: string[] = [];
    let landing = await this.#open(new URL(address, this.#applicationOrigin), init);
    for (let step = 0; step < MOST_STEPS; step += 1) {
      const location = isRedirect(landing.status);
      const answered = location ? undefined : await this.#answer(landing);
      if (!location && answered === undefined) return { landing, pages };
      if (!location) pages.push(String(landing.pageName));
      landing = answered ?? (await this.#open(landing.url));
    }
    throw new Error(`the way led on and on: ${landing.url.href}`);
  }

  async #open(url: URL, init: RequestInit = {}): Promise<Landing> {
    const browser = url.origin === this.#applicationOrigin ? this.#application : this.#provider;
    return browser.visit(url, init);
  }

  /** Undefined for a page that asks for nothing. */
  async #answer(landing: Landing): Promise<Landing | undefined> {
    const { consent = 'approve', login, password } = this.#answers;
    if (landing.pageName === 'login') return this.#provider.submit(landing, 'submit', { login, password });
    if (landing.pageName === 'consent') return this.#provider.submit(landing, consent);
    if (landing.pageName === 'logout') return this.#provider.submit(landing, 'confirm');
    return undefined;
  }
}

const isRedirect = (status: number) => status >= 300 && status < 400;
