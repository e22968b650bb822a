/** A field of a form: its name and value. */
type Fields = Record<string, string>;

interface StoredCookie {
  value: string;
  path: string;
}

/** Where a walk ended: the last page, or the address of a client that was to be visited. */
export interface Landing {
  status: number;
  url: URL;
  page: string;
  /** `<body data-page>` of the last page, if it was one. */
  pageName: string | undefined;
}

function attribute(tag: string, name: string): string | undefined {
  const match = new RegExp(`\\s${name}="([^"]*)"`).exec(tag);
  return match?.[1]?.replaceAll('&amp;', '&').replaceAll('&quot;', '"').replaceAll('&#39;', "'");
}

/**
 * A browser without JavaScript: cookies by path, redirects, forms. Stops at the first address outside the provider,
 * which is the client's. For what only a real browser shows there is test/browser.
 */
export class FormBrowser {
  readonly #origin: string;
  readonly #headers: Record<string, string>;
  readonly #cookies = new Map<string, StoredCookie>();

  /** `headers` go with every request: what the browser says of itself. */
  constructor(issuer: string, headers: Record<string, string> = {}) {
    this.#origin = new URL(issuer).origin;
    this.#headers = headers;
  }

  /** Cookies held, by name. */
  get cookies(): ReadonlyMap<string, StoredCookie> {
    return this.#cookies;
  }

  #remember(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = '', ...attributes] = line.split(/;\s*/);
      const name = pair.slice(0, pair.indexOf('='));
      const value = pair.slice(pair.indexOf('=') + 1);
      const path = attributes.find((text) => /^path=/i.test(text))?.slice(5) ?? '/';
      const expires = attributes.find((text) => /^expires=/i.test(text))?.slice(8);
      const key = `${name}|${path}`;
      if (value === '' || (expires !== undefined && Date.parse(expires) < Date.now()))
        this.#cookies.delete(key);
      else this.#cookies.set(key, { value, path });
    }
  }

  #cookieHeader(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path === cookie.path || path.startsWith(cookie.path.replace(/\/?$/, '/')))
      .map(([key, { value }]) => `${key.slice(0, key.indexOf('|'))}=${value}`)
      .join('; ');
  }

  /** One request with cookies, redirects not followed. */
  async request(url: URL | string, init: RequestInit = {}): Promise<Response> {
    const target = new URL(url, this.#origin);
    const headers = new Headers({ ...this.#headers, ...Object.fromEntries(new Headers(init.headers)) });
    headers.set('Accept', headers.get('Accept') ?? 'text/html,application/xhtml+xml');
    const cookie = this.#cookieHeader(target.pathname);
    if (cookie !== '') headers.set('Cookie', cookie);
    const response = await fetch(target, { ...init, headers, redirect: 'manual' });
    this.#remember(response);
    return response;
  }

  async #follow(first: Response, from: URL): Promise<Landing> {
    let response = first;
    let url = from;
    for (;;) {
      const location = response.headers.get('Location');
      if (location === null) {
        const page = await response.text();
        return {
          status: response.status,
          url,
          page,
          pageName: attribute(/<body[^>]*>/.exec(page)?.[0] ?? '', 'data-page'),
        };
      }
      await response.body?.cancel();
      url = new URL(location, url);
      if (url.origin !== this.#origin) return { status: response.status, url, page: '', pageName: undefined };
      response = await this.request(url);
    }
  }

  /** Visits an address and follows redirects. */
  async visit(url: URL | string, init: RequestInit = {}): Promise<Landing> {
    const target = new URL(url, this.#origin);
    return this.#follow(await this.request(target, init), target);
  }

  /** Submits the form that holds the element with this id, with its hidden fields and `fields`, and follows redirects. */
  async submit(landing: Landing, buttonId: string, fields: Fields = {}): Promise<Landing> {
    const form = [...landing.page.matchAll(/<form[^>]*>[\s\S]*?<\/form>/g)]
      .map(([text]) => text)
      .find((text) => text.includes(`id="${buttonId}"`));
    if (form === undefined)
      throw new Error(`no form with #${buttonId} on ${landing.pageName}:\n${landing.page}`);
    const body = new URLSearchParams();
    for (const [tag] of form.matchAll(/<input[^>]*>/g)) {
      const name = attribute(tag, 'name');
      if (name !== undefined && attribute(tag, 'type') === 'hidden')
        body.set(name, attribute(tag, 'value') ?? '');
    }
    const button = [...form.matchAll(/<button[^>]*>/g)]
      .map(([tag]) => tag)
      .find((tag) => tag.includes(`id="${buttonId}"`));
    const buttonName = button === undefined ? undefined : attribute(button, 'name');
    if (button !== undefined && buttonName !== undefined)
      body.set(buttonName, attribute(button, 'value') ?? '');
    for (const [name, value] of Object.entries(fields)) body.set(name, value);
    const action = new URL(attribute(form, 'action') ?? landing.url.href, landing.url);
    return this.#follow(await this.request(action, { method: 'POST', body }), action);
  }

  /** Submits the page's only form as it stands, as a page does that posts itself by a script. */
  async submitItself(landing: Landing): Promise<Landing> {
    const body = new URLSearchParams();
    for (const [tag] of landing.page.matchAll(/<input[^>]*>/g)) {
      body.set(attribute(tag, 'name') ?? '', attribute(tag, 'value') ?? '');
    }
    const form = /<form[^>]*>/.exec(landing.page)?.[0] ?? '';
    const action = new URL(attribute(form, 'action') ?? landing.url.href, landing.url);
    return this.#follow(await this.request(action, { method: 'POST', body }), action);
  }

  /** Signs in and consents as asked, until the client's address is reached or a page needs something else. */
  async authorize(url: URL | string, person: { login: string; password: string }): Promise<Landing> {
    let landing = await this.visit(url);
    for (let step = 0; step < 4; step += 1) {
      if (landing.pageName === 'login') landing = await this.submit(landing, 'submit', person);
      else if (landing.pageName === 'consent') landing = await this.submit(landing, 'approve');
      else break;
    }
    return landing;
  }
}
