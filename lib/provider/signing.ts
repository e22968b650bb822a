import type { KeyObject } from 'node:crypto';
import { ExternalSigningKey, type JWK, type JWKS } from 'oidc-provider';
import type { SigningKey } from '../keys/signing-keys.ts';
import { whileAvailable } from './engine/engine-storage.ts';

/**
 * One of our keys as the engine sees it. A key object of it would be signed with by WebCrypto's job queue, which costs more than an ECDSA
 * signature itself. Whoever keeps one elsewhere and does not answer is a store in trouble.
 */
class HeldSigningKey extends ExternalSigningKey {
  readonly #key: SigningKey;

  constructor(key: SigningKey) {
    super();
    this.#key = key;
  }

  override get kid(): string {
    return this.#key.kid;
  }

  override get alg(): string {
    return this.#key.algorithm;
  }

  override keyObject(): KeyObject {
    return this.#key.publicKey;
  }

  override sign(data: Uint8Array): Uint8Array | Promise<Uint8Array> {
    return whileAvailable(() => this.#key.sign(data));
  }
}

/** The engine's key set, with keys that it decrypts by. It signs with the first that fits, so the order of `keys` (active, announced, retired) matters. */
export function signingKeySet(keys: ReadonlyArray<SigningKey>, encryptionKeys: ReadonlyArray<JWK>): JWKS {
  return { keys: [...keys.map((key) => new HeldSigningKey(key) as unknown as JWK), ...encryptionKeys] };
}
