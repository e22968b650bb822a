import { createHash, randomBytes, randomUUID, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type Answer, answerOf } from './application.ts';
import type { LatchkeyProcess } from './latchkey-process.ts';

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';
const PROFILED_REDIRECT_URI = 'https://app.example/callback';

/** What differs from a well-formed JWT. */
export interface Changes {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: CryptoKey;
}

/** What differs from a well-formed request to an endpoint. */
export interface RequestChanges {
  assertion?: Changes;
  /** `false`: none. */
  proof?: Changes | false;
  /** The certificate's PEM file, shown by the header of a trusted proxy. */
  certificate?: string | undefined;
}

const now = () => Math.floor(Date.now() / 1000);

/** An application of a FAPI profile, by hand: it authenticates by `private_key_jwt`, proves its key by DPoP or a certificate, and signs requests. */
export class ProfiledApplication {
  readonly issuer: string;
  readonly clientId: string;
  readonly #key: CryptoKey;
  readonly #publicJwk: JWK;
  readonly #certificate: string | undefined;
  readonly verifier = randomBytes(32).toString('base64url');

  private constructor(
    issuer: string,
    clientId: string,
    key: CryptoKey,
    publicJwk: JWK,
    certificate?: string,
  ) {
    this.issuer = issuer;
    this.clientId = clientId;
    this.#key = key;
    this.#publicJwk = publicJwk;
    this.#certificate = certificate;
  }

  /** With `certificate`, its tokens are bound to that rather than by DPoP. */
  static async register(
    latchkey: LatchkeyProcess,
    metadata: Record<string, unknown>,
    certificate?: string,
  ): Promise<ProfiledApplication> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    const publicJwk = await exportJWK(publicKey);
    const { client_id: clientId } = await latchkey.createClient({
      client_name: 'Bank',
      redirect_uris: [PROFILED_REDIRECT_URI],
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      jwks: { keys: [publicJwk] },
      ...(certificate === undefined ? {} : { tls_client_certificate_bound_access_tokens: true }),
      ...metadata,
    });
    return new ProfiledApplication(latchkey.issuer, clientId, privateKey, publicJwk, certificate);
  }

  #sign(
    claims: Record<string, unknown>,
    header: Record<string, unknown>,
    changes: Changes = {},
  ): Promise<string> {
    return new SignJWT({ ...claims, ...changes.claims })
      .setProtectedHeader({ alg: 'ES256', ...header, ...changes.header })
      .sign(changes.key ?? this.#key);
  }

  assertion(changes?: Changes): Promise<string> {
    const claims = { iss: this.clientId, sub: this.clientId, aud: this.issuer, iat: now(), exp: now() + 60 };
    return this.#sign({ ...claims, jti: randomUUID() }, {}, changes);
  }

  proof(url: string, method = 'POST', changes?: Changes): Promise<string> {
    const claims = { htu: url, htm: method, jti: randomUUID(), iat: now() };
    return this.#sign(claims, { typ: 'dpop+jwt', jwk: this.#publicJwk }, changes);
  }

  /** A signed request (RFC 9101). */
  requestObject(parameters: Record<string, unknown>, changes?: Changes): Promise<string> {
    const times = { iat: now(), nbf: now(), exp: now() + 300 };
    const claims = { iss: this.clientId, aud: this.issuer, ...times, ...parameters };
    return this.#sign(claims, { typ: 'oauth-authz-req+jwt' }, changes);
  }

  /** Parameters of a complete request; those with an empty value are left out. */
  parameters(changed: Record<string, string> = {}): Record<string, string> {
    const all = {
      client_id: this.clientId,
      response_type: 'code',
      redirect_uri: PROFILED_REDIRECT_URI,
      scope: 'openid offline_access',
      prompt: 'consent',
      state: 'a-state',
      nonce: 'n'.repeat(64),
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changed,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== ''));
  }

  async post(
    path: string,
    parameters: Record<string, string>,
    changes: RequestChanges = {},
  ): Promise<Answer> {
    const url = `${this.issuer}${path}`;
    const certificate = 'certificate' in changes ? changes.certificate : this.#certificate;
    const proves = changes.proof !== false && this.#certificate === undefined && path === '/token';
    const body = new URLSearchParams({
      ...parameters,
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: await this.assertion(changes.assertion),
    });
    const headers: Record<string, string> = {
      ...(certificate === undefined ? {} : { 'Client-Cert': certificateHeader(certificate) }),
      ...(proves ? { DPoP: await this.proof(url, 'POST', changes.proof || undefined) } : {}),
    };
    return answerOf(await fetch(url, { method: 'POST', body, headers }));
  }

  push(parameters: Record<string, string>, changes: RequestChanges = {}): Promise<Answer> {
    return this.post('/request', parameters, changes);
  }

  /** The address of an authorization request: by a `request_uri`, a signed request, or plain parameters. */
  url(parameters: Record<string, string>): URL {
    const url = new URL('/auth', this.issuer);
    url.search = String(new URLSearchParams({ client_id: this.clientId, ...parameters }));
    return url;
  }

  redeem(
    code: string,
    parameters: Record<string, string> = {},
    changes: RequestChanges = {},
  ): Promise<Answer> {
    const form = { grant_type: 'authorization_code', code, redirect_uri: PROFILED_REDIRECT_URI };
    return this.post('/token', { ...form, code_verifier: this.verifier, ...parameters }, changes);
  }
}

/** RFC 9440 §2.1. */
export function certificateHeader(file: string): string {
  return `:${new X509Certificate(readFileSync(file)).raw.toString('base64')}:`;
}
