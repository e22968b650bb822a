import { createHash, randomBytes } from 'node:crypto';
import { FormBrowser, type Landing } from './form-browser.ts';
import type { LatchkeyProcess } from './latchkey-process.ts';

/** Somebody's login and password. */
export interface Credentials {
  login: string;
  password: string;
}

export const ADA: Credentials = { login: 'ada@example.com', password: 'correct horse battery' };

/** An endpoint's answer, with its body as JSON where it is. */
export interface Answer {
  status: number;
  headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: bodies differ from endpoint to endpoint, and a test says what it expects.
  body: any;
}

/** An authorization request that is under way: where to send the browser, and what the code is redeemed with. */
export interface AuthorizationRequest {
  url: URL;
  verifier: string;
}

export interface Tokens {
  access_token: string;
  refresh_token: string;
  id_token: string;
  token_type: string;
  scope: string;
  expires_in: number;
}

export async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.startsWith('application/json') === true;
  return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
}

/**
 * An application that speaks the protocol by hand, for what well-behaved libraries do not send. Confidential ones
 * authenticate by HTTP Basic.
 */
export class Application {
  readonly clientId: string;
  readonly secret: string | undefined;
  readonly redirectUri: string;
  readonly issuer: string;

  private constructor(issuer: string, clientId: string, secret: string | undefined, redirectUri: string) {
    this.issuer = issuer;
    this.clientId = clientId;
    this.secret = secret;
    this.redirectUri = redirectUri;
  }

  static async register(
    latchkey: LatchkeyProcess,
    metadata: Record<string, unknown> = {},
  ): Promise<Application> {
    const redirectUris = (metadata.redirect_uris as string[] | undefined) ?? ['http://localhost:9/callback'];
    const client = await latchkey.createClient({
      client_name: 'Notes',
      redirect_uris: redirectUris,
      grant_types: ['authorization_code', 'refresh_token'],
      ...metadata,
    });
    return new Application(latchkey.issuer, client.client_id, client.client_secret, redirectUris[0] ?? '');
  }

  /** One that is registered; without `secret` it authenticates in a way of its own. */
  static known(issuer: string, clientId: string, redirectUri: string, secret?: string): Application {
    return new Application(issuer, clientId, secret, redirectUri);
  }

  /** Parameters with an empty value are left out. */
  authorizationRequest(parameters: Record<string, string> = {}): AuthorizationRequest {
    const verifier = randomBytes(32).toString('base64url');
    const url = new URL('/auth', this.issuer);
    const all = {
      client_id: this.clientId,
      response_type: 'code',
      redirect_uri: this.redirectUri,
      scope: 'openid',
      state: 'a-state',
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...parameters,
    };
    for (const [name, value] of Object.entries(all)) if (value !== '') url.searchParams.set(name, value);
    return { url, verifier };
  }

  /** Sends the browser through sign-in and consent; answers where it landed, and the verifier. */
  async authorize(
    browser: FormBrowser,
    parameters: Record<string, string> = {},
    person = ADA,
  ): Promise<{ landing: Landing; code: string; verifier: string }> {
    const { url, verifier } = this.authorizationRequest(parameters);
    const landing = await browser.authorize(url, person);
    return { landing, code: landing.url.searchParams.get('code') ?? '', verifier };
  }

  redeem(
    { code, verifier }: { code: string; verifier: string },
    parameters: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    return this.token(
      {
        grant_type: 'authorization_code',
        code,
        code_verifier: verifier,
        redirect_uri: this.redirectUri,
        ...parameters,
      },
      headers,
    );
  }

  /** The whole flow. Throws when it does not end with tokens. */
  async signIn(
    browser = new FormBrowser(this.issuer),
    parameters: Record<string, string> = {},
    person = ADA,
  ): Promise<Tokens> {
    const authorized = await this.authorize(browser, parameters, person);
    const { status, body } = await this.redeem(authorized);
    if (status !== 200) {
      const { url, page } = authorized.landing;
      throw new Error(`no tokens: ${status} ${JSON.stringify(body)} after ${url.href}\n${page}`);
    }
    return body as Tokens;
  }

  /** A form to one of the endpoints, with this application's authentication. */
  async post(
    path: string,
    parameters: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const body = new URLSearchParams(parameters);
    const authentication: Record<string, string> = {};
    if (this.secret === undefined) body.set('client_id', this.clientId);
    else {
      const credentials = `${encodeURIComponent(this.clientId)}:${encodeURIComponent(this.secret)}`;
      authentication.Authorization = `Basic ${Buffer.from(credentials).toString('base64')}`;
    }
    return answerOf(
      await fetch(new URL(path, this.issuer), {
        method: 'POST',
        body,
        headers: { Accept: 'application/json', ...authentication, ...headers },
      }),
    );
  }

  token(parameters: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
    return this.post('/token', parameters, headers);
  }

  refresh(refreshToken: string, parameters: Record<string, string> = {}): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...parameters });
  }

  introspect(token: string): Promise<Answer> {
    return this.post('/introspection', { token });
  }

  revoke(token: string): Promise<Answer> {
    return this.post('/token/revocation', { token });
  }

  async userinfo(accessToken: string, headers: Record<string, string> = {}): Promise<Answer> {
    const authorization = { Authorization: `Bearer ${accessToken}`, Accept: 'application/json' };
    return answerOf(await fetch(new URL('/me', this.issuer), { headers: { ...authorization, ...headers } }));
  }
}

/** What the client's address was told: the parameters of an authorization response. */
export function answerIn(landing: Landing): Record<string, string> {
  return Object.fromEntries(landing.url.searchParams);
}
