import {
  type CryptoKey,
  decodeProtectedHeader,
  exportJWK,
  type GenerateKeyPairResult,
  generateKeyPair,
  SignJWT,
} from 'jose';
import type { Pace } from './pace.ts';
import type { Recorded, RecordedClient } from './recorded-client.ts';

/** An application that gets tokens for itself, by signed assertions. */
export interface ServiceRegistration {
  clientId: string;
  privateKey: CryptoKey;
  api: string;
}

const ASSERTION_TYPE = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

/** Shows each assertion, and each proof of a key, twice at the same moment: one of the two may be accepted. */
export class Service {
  readonly #client: RecordedClient;
  readonly #registration: ServiceRegistration;
  readonly #pace: Pace;

  constructor(client: RecordedClient, registration: ServiceRegistration, pace: Pace) {
    this.#client = client;
    this.#registration = registration;
    this.#pace = pace;
  }

  async live(): Promise<void> {
    const holder = await generateKeyPair('ES256', { extractable: true });
    while (this.#pace.isRunning) {
      await this.#pace.pause(120);
      const assertion = await this.#assertion();
      await Promise.all([
        this.#show('assert', assertion, assertion),
        this.#show('assert', assertion, assertion),
      ]);
      const proof = await this.#proof(holder);
      await Promise.all(
        [await this.#assertion(), await this.#assertion()].map((own) =>
          this.#show('prove', proof, own, { DPoP: proof }),
        ),
      );
    }
  }

  #show(
    action: 'assert' | 'prove',
    presented: string,
    assertion: string,
    headers: Record<string, string> = {},
  ): Promise<Recorded> {
    const form = {
      grant_type: 'client_credentials',
      resource: this.#registration.api,
      scope: 'read',
      client_assertion_type: ASSERTION_TYPE,
      client_assertion: assertion,
    };
    return this.#client.call(action, '/token', { presented }, { form, headers }, ({ access_token }) => ({
      kids: [String(decodeProtectedHeader(access_token).kid)],
    }));
  }

  #assertion(): Promise<string> {
    const { clientId, privateKey } = this.#registration;
    return new SignJWT({ jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256' })
      .setIssuer(clientId)
      .setSubject(clientId)
      .setAudience(this.#client.issuer)
      .setIssuedAt()
      .setExpirationTime('1m')
      .sign(privateKey);
  }

  async #proof({ privateKey, publicKey }: GenerateKeyPairResult): Promise<string> {
    const htu = `${this.#client.issuer}/token`;
    return new SignJWT({ htu, htm: 'POST', jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: await exportJWK(publicKey) })
      .setIssuedAt()
      .sign(privateKey);
  }
}

/** An API that fetches the key set over and over, and discovery. */
export async function readDocuments(client: RecordedClient, pace: Pace): Promise<void> {
  while (pace.isRunning) {
    await client.call('jwks', '/jwks', {}, {}, ({ keys }) => ({
      kids: (keys as { kid: string }[]).map(({ kid }) => kid),
    }));
    await client.call('discovery', '/.well-known/openid-configuration', {}, {});
    await pace.pause(200);
  }
}
