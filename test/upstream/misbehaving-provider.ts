import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT, UnsecuredJWT } from 'jose';

/** Each is a provider of its own, with its own issuer, that gets one thing wrong. */
export const FAULTS = [
  ...['wrong-nonce', 'no-nonce', 'wrong-issuer', 'wrong-audience', 'expired', 'no-algorithm'],
  ...['wrong-signature', 'other-userinfo', 'wrong-response-issuer', 'no-response-issuer', 'used-code'],
  ...['no-id-token', 'no-subject', 'control-subject'],
] as const;
/** The same, of those that cannot be reached, or only by a way that is not gone. */
export const OUTAGES = [
  ...['broken-token-endpoint', 'private-token-endpoint', 'endless-answer', 'other-metadata'],
] as const;
/** What a provider may answer instead of a code. */
export const REFUSALS = ['access_denied', 'server_error'] as const;

/** What `other-address` has in userinfo alone, where it says nothing of whether it is verified. */
export const OTHER_ADDRESS = 'owner@works.example';

type Behaviour =
  | 'good'
  | 'mapped'
  | 'other-address'
  | (typeof FAULTS)[number]
  | (typeof OUTAGES)[number]
  | (typeof REFUSALS)[number];

const SECONDS = 300;

/** OpenID providers on one server: nobody is asked anything there, and everybody is Mallory. */
export class MisbehavingProvider {
  readonly #server: Server;
  readonly #key: CryptoKey;
  readonly #otherKey: CryptoKey;
  readonly #jwk: JWK;
  readonly #codes = new Map<string, { nonce: string; clientId: string }>();
  /** Requests of every endpoint, by path. */
  readonly calls: string[] = [];
  /** What authorization requests asked for. */
  readonly asked: URLSearchParams[] = [];
  /** What is answered in place of the key set. */
  keySet: unknown;
  /** Claims that ID tokens say besides. */
  claims: Record<string, unknown> = {};

  private constructor(server: Server, keys: { key: CryptoKey; otherKey: CryptoKey; jwk: JWK }) {
    this.#server = server;
    this.#key = keys.key;
    this.#otherKey = keys.otherKey;
    this.#jwk = keys.jwk;
    server.on('request', (request, response) => void this.#answer(request, response));
  }

  static async start(): Promise<MisbehavingProvider> {
    const { privateKey: key, publicKey } = await generateKeyPair('RS256');
    const { privateKey: otherKey } = await generateKeyPair('RS256');
    const jwk = { ...(await exportJWK(publicKey)), kid: 'one', use: 'sig', alg: 'RS256' };
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new MisbehavingProvider(server, { key, otherKey, jwk });
  }

  get origin(): string {
    return `http://localhost:${(this.#server.address() as { port: number }).port}`;
  }

  /** Settings of the provider that behaves so. */
  settings(behaviour: Behaviour): Record<string, unknown> {
    return {
      issuer: `${this.origin}/${behaviour}`,
      client_id: behaviour,
      client_secret: 'a secret that nobody checks',
      name: behaviour,
      trust_email_verified: true,
      provisioning: 'just_in_time',
    };
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** A token of this provider's, as it makes them. */
  sign(behaviour: Behaviour, claims: Record<string, unknown>, type?: string): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const made = { iss: `${this.origin}/${behaviour}`, aud: behaviour, iat: now, exp: now + 120 };
    return new SignJWT({ ...made, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'one', ...(type === undefined ? {} : { typ: type }) })
      .sign(this.#key);
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.origin);
    this.calls.push(url.pathname);
    const [, behaviour, ...rest] = url.pathname.split('/');
    const json = (body: unknown, status = 200): void => {
      response.writeHead(status, { 'Content-Type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    switch (rest.join('/')) {
      case '.well-known/openid-configuration':
        json(this.#metadata(behaviour as Behaviour));
        return;
      case 'jwks':
        json(this.keySet ?? { keys: [this.#jwk] });
        return;
      case 'auth':
        this.asked.push(url.searchParams);
        response.writeHead(303, { Location: this.#authorize(behaviour as Behaviour, url.searchParams) });
        response.end();
        return;
      case 'token': {
        let body = '';
        for await (const chunk of request) body += chunk;
        await this.#redeem(behaviour as Behaviour, new URLSearchParams(body), response, json);
        return;
      }
      case 'userinfo':
        json({
          sub: behaviour === 'other-userinfo' ? 'somebody-else' : 'mallory',
          ...(behaviour === 'other-address' ? { email: OTHER_ADDRESS } : {}),
        });
        return;
      default:
        json({ error: 'not_found' }, 404);
    }
  }

  #metadata(behaviour: Behaviour): Record<string, unknown> {
    const issuer = `${this.origin}/${behaviour}`;
    return {
      issuer: behaviour === 'other-metadata' ? `${this.origin}/good` : issuer,
      authorization_endpoint: `${issuer}/auth`,
      token_endpoint:
        behaviour === 'private-token-endpoint' ? 'http://169.254.169.254/token' : `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      ...(['other-userinfo', 'other-address'].includes(behaviour)
        ? { userinfo_endpoint: `${issuer}/userinfo` }
        : {}),
      response_types_supported: ['code'],
      subject_types_supported: ['public'],
      id_token_signing_alg_values_supported: ['RS256'],
      authorization_response_iss_parameter_supported: true,
    };
  }

  #authorize(behaviour: Behaviour, asked: URLSearchParams): string {
    const back = new URL(asked.get('redirect_uri') ?? '');
    back.searchParams.set('state', asked.get('state') ?? '');
    if (behaviour !== 'no-response-issuer') {
      const named = behaviour === 'wrong-response-issuer' ? 'good' : behaviour;
      back.searchParams.set('iss', `${this.origin}/${named}`);
    }
    if ((REFUSALS as readonly string[]).includes(behaviour)) {
      back.searchParams.set('error', behaviour);
    } else {
      const code = randomUUID();
      this.#codes.set(code, { nonce: asked.get('nonce') ?? '', clientId: asked.get('client_id') ?? '' });
      back.searchParams.set('code', code);
    }
    return back.href;
  }

  async #redeem(
    behaviour: Behaviour,
    given: URLSearchParams,
    response: ServerResponse,
    json: (body: unknown, status?: number) => void,
  ): Promise<void> {
    const known = this.#codes.get(given.get('code') ?? '');
    this.#codes.delete(given.get('code') ?? '');
    if (behaviour === 'broken-token-endpoint') {
      json({ error: 'server_error' }, 500);
    } else if (behaviour === 'endless-answer') {
      response.writeHead(200, { 'Content-Type': 'application/json' });
      response.end(`{"padding":"${'x'.repeat(2_000_000)}"}`);
    } else if (known === undefined || behaviour === 'used-code') {
      json({ error: 'invalid_grant' }, 400);
    } else {
      const idToken = behaviour === 'no-id-token' ? undefined : await this.#idToken(behaviour, known);
      json({ access_token: randomUUID(), token_type: 'Bearer', id_token: idToken, expires_in: SECONDS });
    }
  }

  async #idToken(behaviour: Behaviour, known: { nonce: string; clientId: string }): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const subject = behaviour === 'control-subject' ? 'mal\u0000lory' : 'mallory';
    const claims = {
      iss: `${this.origin}/${behaviour === 'wrong-issuer' ? 'good' : behaviour}`,
      ...(behaviour === 'no-subject' ? {} : { sub: subject }),
      aud: behaviour === 'wrong-audience' ? 'another' : known.clientId,
      iat: behaviour === 'expired' ? now - 2 * SECONDS : now,
      exp: behaviour === 'expired' ? now - SECONDS : now + SECONDS,
      ...(behaviour === 'no-nonce' ? {} : { nonce: behaviour === 'wrong-nonce' ? 'wrong' : known.nonce }),
      email: `mallory@${behaviour}.example`,
      email_verified: true,
      ...this.claims,
    };
    if (behaviour === 'no-algorithm') return new UnsecuredJWT(claims).encode();
    return new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(behaviour === 'wrong-signature' ? this.#otherKey : this.#key);
  }
}
