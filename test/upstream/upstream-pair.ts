import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { freePort, LatchkeyProcess } from '../flows/latchkey-process.ts';

/** A person of the other Latchkey. */
export const GRACE = { login: 'grace@works.example', password: 'nanoseconds are short' };

/** What the Latchkey under test is told of the other one, beside what every one is told. */
export type ProviderSettings = Record<string, unknown>;

/** One Latchkey that people sign in at by another: two servers, and an application of the first. */
export class UpstreamPair {
  readonly works: LatchkeyProcess;
  readonly latchkey: LatchkeyProcess;
  readonly application: Application;
  readonly clientId: string;

  private constructor(
    works: LatchkeyProcess,
    latchkey: LatchkeyProcess,
    application: Application,
    clientId: string,
  ) {
    this.works = works;
    this.latchkey = latchkey;
    this.application = application;
    this.clientId = clientId;
  }

  /** `providers` are there beside `works`, which gets `settings`; `client` adds to its registration there. */
  static async start(
    options: {
      settings?: ProviderSettings;
      providers?: (works: LatchkeyProcess) => Record<string, ProviderSettings>;
      client?: (issuer: string) => Record<string, unknown>;
      environment?: Record<string, string>;
      /** Where the other one is: a browser keeps the cookies of two servers apart by their hosts alone. */
      worksHost?: string;
      application?: Record<string, unknown>;
    } = {},
  ): Promise<UpstreamPair> {
    const { settings = {}, providers = () => ({}), client = () => ({}), environment = {} } = options;
    const port = await freePort();
    const issuer = `http://localhost:${port}`;
    const worksPort = String(await freePort());
    const works = await LatchkeyProcess.start({
      LATCHKEY_ISSUER: `http://${options.worksHost ?? 'localhost'}:${worksPort}`,
      LATCHKEY_PORT: worksPort,
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
    });
    try {
      await works.createPerson(GRACE.login, GRACE.password);
      const registered = await works.createClient({
        client_name: 'Latchkey',
        redirect_uris: [`${issuer}/upstream/works/callback`],
        post_logout_redirect_uris: [`${issuer}/upstream/works/signed-out`],
        grant_types: ['authorization_code'],
        ...client(issuer),
      });
      const given = {
        issuer: works.issuer,
        client_id: registered.client_id,
        client_secret: registered.client_secret,
        name: 'Works',
        trust_email_verified: true,
        ...settings,
      };
      const latchkey = await LatchkeyProcess.start({
        LATCHKEY_ISSUER: issuer,
        LATCHKEY_PORT: String(port),
        LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
        LATCHKEY_UPSTREAM_PROVIDERS: JSON.stringify({ works: given, ...providers(works) }),
        ...environment,
      });
      await latchkey.createPerson(ADA.login, ADA.password);
      const application = await Application.register(latchkey, options.application);
      return new UpstreamPair(works, latchkey, application, registered.client_id);
    } catch (error) {
      await works.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    await this.latchkey.stop();
    await this.works.stop();
  }

  /** A person of the other Latchkey, whose address that has verified. */
  async createWorker(email: string, claims: string[] = []): Promise<{ login: string; password: string }> {
    const words = ['--claim', 'email_verified=true', ...claims.flatMap((claim) => ['--claim', claim])];
    await this.works.json(
      ['users', 'create', '--email', email, '--name', 'Grace Hopper', '--password-stdin', ...words],
      GRACE.password,
    );
    return { login: email, password: GRACE.password };
  }

  visitor(): Visitor {
    return new Visitor(this);
  }
}

/** One browser of one person, which keeps the cookies of the two servers apart as a browser does by their names. */
export class Visitor {
  readonly here: FormBrowser;
  readonly there: FormBrowser;
  readonly #pair: UpstreamPair;

  constructor(pair: UpstreamPair) {
    this.#pair = pair;
    this.here = new FormBrowser(pair.latchkey.issuer);
    this.there = new FormBrowser(pair.works.issuer);
  }

  /** The login page of an application. */
  openLogin(parameters: Record<string, string> = {}): Promise<Landing> {
    return this.here.visit(this.#pair.application.authorizationRequest(parameters).url);
  }

  /** Presses a provider's button; answers where that sends the browser. */
  press(landing: Landing, provider = 'works'): Promise<Landing> {
    return this.here.submit(landing, `upstream-${provider}`);
  }

  /** Signs in there, and answers the address that the browser is sent back to. */
  async signInThere(asked: Landing, person: { login: string; password: string }): Promise<URL> {
    const back = await this.there.authorize(asked.url, person);
    if (back.url.origin !== this.#pair.latchkey.issuer) {
      throw new Error(`not back from the provider, but on ${back.pageName}:\n${back.page}`);
    }
    return back.url;
  }

  /** The whole way: the button, the sign-in there, and back; with consent here where that is asked. */
  async signIn(
    person: { login: string; password: string },
    parameters: Record<string, string> = {},
  ): Promise<Landing> {
    const asked = await this.press(await this.openLogin(parameters));
    return this.consent(await this.here.visit(await this.signInThere(asked, person)));
  }

  async consent(landing: Landing): Promise<Landing> {
    return landing.pageName === 'consent' ? this.here.submit(landing, 'approve') : landing;
  }
}
