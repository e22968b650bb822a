import { randomUUID } from 'node:crypto';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { type Answer, answerOf } from './application.ts';

const now = (): number => Math.floor(Date.now() / 1000);

/** What a JWT differs in from a good one. */
export interface Changes {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: CryptoKey | Uint8Array;
}

/** Who vouches for instances of clients. */
export class Attester {
  readonly issuer: string;
  readonly key: CryptoKey;
  readonly publicJwk: JWK;

  private constructor(issuer: string, key: CryptoKey, publicJwk: JWK) {
    this.issuer = issuer;
    this.key = key;
    this.publicJwk = publicJwk;
  }

  static async make(issuer: string): Promise<Attester> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return new Attester(issuer, privateKey, {
      ...(await exportJWK(publicKey)),
      kid: 'attester',
      alg: 'ES256',
    });
  }
}

/** An instance of a client, with a key of its own and somebody who vouches for it. */
export class AttestedInstance {
  readonly clientId: string;
  readonly #issuer: string;
  readonly #attester: Attester;
  readonly #key: CryptoKey;
  readonly #publicJwk: JWK;

  private constructor(
    options: { clientId: string; issuer: string; attester: Attester },
    key: CryptoKey,
    publicJwk: JWK,
  ) {
    this.clientId = options.clientId;
    this.#issuer = options.issuer;
    this.#attester = options.attester;
    this.#key = key;
    this.#publicJwk = publicJwk;
  }

  static async make(options: {
    clientId: string;
    issuer: string;
    attester: Attester;
  }): Promise<AttestedInstance> {
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    return new AttestedInstance(options, privateKey, await exportJWK(publicKey));
  }

  attestation({ claims, header, key }: Changes = {}): Promise<string> {
    const { issuer, key: own } = this.#attester;
    return new SignJWT({
      iss: issuer,
      sub: this.clientId,
      iat: now(),
      exp: now() + 3600,
      cnf: { jwk: this.#publicJwk },
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'attester', typ: 'oauth-client-attestation+jwt', ...header })
      .sign(key ?? own);
  }

  async challenge(): Promise<string> {
    const { body } = await answerOf(await fetch(new URL('/challenge', this.#issuer), { method: 'POST' }));
    return body.attestation_challenge;
  }

  async proof({ claims, header, key }: Changes = {}): Promise<string> {
    const challenge = await this.challenge();
    return new SignJWT({ aud: this.#issuer, jti: randomUUID(), iat: now(), challenge, ...claims })
      .setProtectedHeader({ alg: 'ES256', typ: 'oauth-client-attestation-pop+jwt', ...header })
      .sign(key ?? this.#key);
  }

  /** A DPoP proof by the same key (RFC 9449 §4.2). */
  dpop(path: string, nonce: string | undefined): Promise<string> {
    return new SignJWT({
      htm: 'POST',
      htu: `${this.#issuer}${path}`,
      jti: randomUUID(),
      iat: now(),
      ...(nonce === undefined ? {} : { nonce }),
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: this.#publicJwk })
      .sign(this.#key);
  }

  thumbprint(): Promise<string> {
    return calculateJwkThumbprint(this.#publicJwk);
  }

  /** The headers by which it authenticates; each good for one request. */
  async headers(changes: { attestation?: Changes; proof?: Changes } = {}): Promise<Record<string, string>> {
    return {
      'OAuth-Client-Attestation': await this.attestation(changes.attestation),
      'OAuth-Client-Attestation-PoP': await this.proof(changes.proof),
    };
  }

  /** A form to one of the endpoints. */
  async post(
    path: string,
    parameters: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Answer> {
    return answerOf(
      await fetch(new URL(path, this.#issuer), {
        method: 'POST',
        body: new URLSearchParams(parameters),
        headers: { Accept: 'application/json', ...(headers ?? (await this.headers())) },
      }),
    );
  }
}
