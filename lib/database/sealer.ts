import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';

const VERSION = 1;
const KEY_ID_BYTES = 4;
const SALT_BYTES = 16;
const COUNTER_BYTES = 12;
const TAG_BYTES = 16;
const HEADER_BYTES = 1 + KEY_ID_BYTES + SALT_BYTES + COUNTER_BYTES;
/** A new subkey long before AES-GCM's limit of 2^32 messages for one key (NIST SP 800-38D §8.3). */
const MESSAGES_PER_SUBKEY = 2 ** 30;
/** One subkey for each process start; opening remembers this many of them. */
const SUBKEYS_REMEMBERED = 1024;

/** A sealed value that cannot be opened: unknown key, other context, or changed bytes. */
export class SealError extends Error {
  override name = 'SealError';
}

/** The name of the key that sealed this value, as `Sealer.keyIds` names it. */
export function sealingKeyId(sealed: Uint8Array): string {
  return Buffer.from(sealed.subarray(1, 1 + KEY_ID_BYTES)).toString('hex');
}

interface MasterKey {
  id: Buffer;
  material: Buffer;
}

function deriveSubkey(master: MasterKey, salt: Uint8Array): KeyObject {
  return createSecretKey(Buffer.from(hkdfSync('sha256', master.material, salt, 'latchkey/seal/v1', 32)));
}

/**
 * Encryption at rest: AES-256-GCM, the key's id in front, the caller's context as associated data, so that a
 * sealed value moved to another record does not open. Each process start derives its own subkey from a random
 * 128-bit salt and numbers its messages, so no nonce is ever used twice with one key and the number of messages
 * is not bounded by the birthday limit of random nonces.
 *
 * Layout: version (1) | key id (4) | salt (16) | counter (12) | ciphertext | tag (16).
 */
export class Sealer {
  readonly #masters: MasterKey[];
  readonly #subkeys = new Map<string, KeyObject>();
  #current: { header: Buffer; subkey: KeyObject; messages: number } | undefined;

  /** `keys` are 32 bytes each, newest first: the first seals, all of them open. Throws RangeError otherwise. */
  constructor(keys: ReadonlyArray<Buffer>) {
    if (keys.length === 0 || keys.some((key) => key.length !== 32)) {
      throw new RangeError('encryption keys are 32 bytes each, at least one');
    }
    this.#masters = keys.map((material) => ({
      id: createHash('sha256').update('latchkey/key-id').update(material).digest().subarray(0, KEY_ID_BYTES),
      material,
    }));
  }

  /** The names of the keys, newest first, in hexadecimal: a digest's first bytes, by which an operator tells keys apart. */
  get keyIds(): string[] {
    return this.#masters.map(({ id }) => id.toString('hex'));
  }

  /** Seals `plaintext` for exactly this `context`. */
  seal(plaintext: string | Uint8Array, context: string): Buffer {
    const current = this.#nextMessage();
    const header = Buffer.from(current.header);
    header.writeUIntBE(current.messages, HEADER_BYTES - 6, 6);
    const cipher = createCipheriv(
      'aes-256-gcm',
      current.subkey,
      header.subarray(HEADER_BYTES - COUNTER_BYTES),
      {
        authTagLength: TAG_BYTES,
      },
    );
    cipher.setAAD(Buffer.from(context));
    const body = typeof plaintext === 'string' ? cipher.update(plaintext, 'utf8') : cipher.update(plaintext);
    cipher.final();
    return Buffer.concat([header, body, cipher.getAuthTag()]);
  }

  /** Opens what `seal` made for the same context. Throws SealError. */
  open(sealed: Uint8Array, context: string): Buffer {
    const bytes = Buffer.isBuffer(sealed)
      ? sealed
      : Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.length < HEADER_BYTES + TAG_BYTES || bytes[0] !== VERSION) {
      throw new SealError('not a sealed value of a known version');
    }
    const subkey = this.#subkeyFor(bytes.subarray(1, 1 + KEY_ID_BYTES + SALT_BYTES));
    const nonce = bytes.subarray(HEADER_BYTES - COUNTER_BYTES, HEADER_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', subkey, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(context));
    decipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES));
    const plaintext = decipher.update(bytes.subarray(HEADER_BYTES, bytes.length - TAG_BYTES));
    try {
      decipher.final();
    } catch (cause) {
      throw new SealError('a sealed value does not belong here or was changed', { cause });
    }
    return plaintext;
  }

  /** Whether `sealed` was made with the newest key; a value that was not is to be sealed again when next written. */
  isCurrent(sealed: Uint8Array): boolean {
    const newest = this.#masters[0] as MasterKey;
    return newest.id.equals(sealed.subarray(1, 1 + KEY_ID_BYTES));
  }

  /** A key for another purpose (a MAC, cookie signatures), derived from the newest key and the purpose's name. */
  derive(purpose: string): Buffer {
    return this.deriveAll(purpose)[0] as Buffer;
  }

  /** The same from every key, newest first, for what must still verify after the newest key changed. */
  deriveAll(purpose: string): Buffer[] {
    return this.#masters.map((master) =>
      Buffer.from(hkdfSync('sha256', master.material, 'latchkey/derive', purpose, 32)),
    );
  }

  #nextMessage(): { header: Buffer; subkey: KeyObject; messages: number } {
    if (this.#current === undefined || this.#current.messages >= MESSAGES_PER_SUBKEY) {
      const master = this.#masters[0] as MasterKey;
      const salt = randomBytes(SALT_BYTES);
      const header = Buffer.concat([Buffer.from([VERSION]), master.id, salt, Buffer.alloc(COUNTER_BYTES)]);
      this.#current = { header, subkey: deriveSubkey(master, salt), messages: 0 };
    }
    this.#current.messages += 1;
    return this.#current;
  }

  #subkeyFor(keyIdAndSalt: Buffer): KeyObject {
    const name = keyIdAndSalt.toString('latin1');
    const known = this.#subkeys.get(name);
    if (known !== undefined) return known;
    const master = this.#masters.find(({ id }) => id.equals(keyIdAndSalt.subarray(0, KEY_ID_BYTES)));
    if (master === undefined) throw new SealError('sealed with an encryption key that is not configured');
    const subkey = deriveSubkey(master, keyIdAndSalt.subarray(KEY_ID_BYTES));
    if (this.#subkeys.size >= SUBKEYS_REMEMBERED) this.#subkeys.clear();
    this.#subkeys.set(name, subkey);
    return subkey;
  }
}
