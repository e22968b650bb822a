import type { KeyObject } from 'node:crypto';
import type { JWK } from 'jose';
import type { Database } from '../database/database.ts';
import type { ExternalSigner } from './external/external-signer.ts';
import { ExternalSignerUnavailable } from './external/external-signer-errors.ts';
import type { KeyState } from './key-life.ts';
import { describePublicKey, prepareSigner, readPrivateKey, readPublicKey } from './key-material.ts';
import { type StoredKey, sealingContext } from './key-store.ts';

/** One key of a snapshot. It never changes: a key that moves on appears as a new object in the next snapshot. */
export interface SigningKey {
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  /** JWS algorithm (RFC 7518 §3.1, RFC 8037 §3.1). */
  readonly algorithm: string;
  readonly state: KeyState;
  /** As it stands in the JWKS: no private member, with `alg`, `use` and `kid`. */
  readonly publicJwk: Readonly<JWK>;
  readonly publicKey: KeyObject;
  /** Its name with whoever keeps its private part; null when that is here. */
  readonly externalKey: string | null;
  /**
   * The signature over `data`, in the form JWS wants: by a key of our own at once or by another thread (signAside), later by one that is kept elsewhere. Throws for a
   * key that is announced (verifiers may not have it yet) or retired, and ExternalSignerUnavailable.
   */
  sign(data: Uint8Array): Buffer | Promise<Buffer>;
}

/** The key objects of one kid, which stay the same while its state moves on. */
export interface PreparedKey {
  publicKey: KeyObject;
  publicJwk: Readonly<JWK>;
  signer: ((data: Uint8Array) => Buffer | Promise<Buffer>) | undefined;
}

/** A stored signing key that cannot be used. Its message is one line for an operator. */
export class UnreadableKeyError extends Error {
  override name = 'UnreadableKeyError';

  constructor(kid: string, reason: string, options?: ErrorOptions) {
    super(
      `signing key ${kid} cannot be read (${reason}): configure the encryption key it was stored under, or restore the data directory from a backup`,
      options,
    );
  }
}

/**
 * Opens a stored key and checks that both its parts are the ones its kid names. Throws UnreadableKeyError. Whether one that is kept
 * elsewhere can be signed with is found out when it is asked to.
 */
export async function prepareKey(
  { database, signer: external }: { database: Database; signer: ExternalSigner | undefined },
  stored: StoredKey,
): Promise<PreparedKey> {
  const read = <T>(part: () => T): T => {
    try {
      return part();
    } catch (cause) {
      throw new UnreadableKeyError(stored.kid, cause instanceof Error ? cause.message : String(cause), {
        cause,
      });
    }
  };
  const publicKey = read(() => readPublicKey(stored.publicJwk));
  const publicJwk = await describePublicKey(publicKey, stored.algorithm);
  if (publicJwk.kid !== stored.kid) throw new UnreadableKeyError(stored.kid, 'its public part was changed');
  const { externalKey: name, algorithm } = stored;
  if (name !== null) {
    const key = { name, algorithm, publicKey };
    const sign = async (data: Uint8Array): Promise<Buffer> => {
      if (external === undefined) throw new ExternalSignerUnavailable('none is configured');
      return external.sign(key, data);
    };
    return { publicKey, publicJwk: Object.freeze(publicJwk), signer: sign };
  }
  const sealed = stored.sealedPrivateKey;
  if (sealed === null) return { publicKey, publicJwk: Object.freeze(publicJwk), signer: undefined };
  const signer = read(() => {
    const privateKey = readPrivateKey(database.sealer.open(sealed, sealingContext(stored.kid)));
    return prepareSigner(stored.algorithm, privateKey);
  });
  return { publicKey, publicJwk: Object.freeze(publicJwk), signer };
}

/** The key in the state in which it is stored now. */
export function presentKey(stored: StoredKey, prepared: PreparedKey): SigningKey {
  const { kid, algorithm, state, externalKey } = stored;
  const { publicKey, publicJwk, signer } = prepared;
  const refuse = (): Buffer => {
    throw new Error(`signing key ${kid} is ${state}: only an active key signs`);
  };
  return {
    kid,
    algorithm,
    state,
    publicJwk,
    publicKey,
    externalKey,
    sign: state === 'active' && signer !== undefined ? signer : refuse,
  };
}
