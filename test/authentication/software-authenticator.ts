import { createHash, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import { isoCBOR } from '@simplewebauthn/server/helpers';

const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url');

/** How an authenticator behaves; what is left out is what an honest one with a screen lock does. */
export interface Behaviour {
  origin?: string;
  rpId?: string;
  present?: boolean;
  verified?: boolean;
  backupEligible?: boolean;
  backedUp?: boolean;
  aaguid?: string;
  /** What the counter says this time; default: one more than last time. */
  counter?: number;
  userHandle?: string | undefined;
  crossOrigin?: boolean;
  /** Who vouches for it: DER certificates, leaf first, and the leaf's key; `self`: the passkey itself. */
  attestation?: { certificates: Buffer[]; key: KeyObject } | 'self';
  type?: string;
}

/**
 * An authenticator and a browser in one, for answers that honest ones do not give. It keeps one passkey (ES256).
 */
export class SoftwareAuthenticator {
  readonly id = randomBytes(32);
  readonly #keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  readonly #defaults: Behaviour & { origin: string };
  #counter: number;
  userHandle = '';

  constructor(defaults: Behaviour & { origin: string }) {
    this.#defaults = defaults;
    this.#counter = defaults.counter ?? 0;
  }

  /** The same passkey in a second authenticator, with the counter as it is now. */
  copy(): SoftwareAuthenticator {
    const copy = Object.create(this) as SoftwareAuthenticator;
    const counter = this.#counter;
    let next = counter;
    copy.get = (options, behaviour = {}) => {
      next += 1;
      return this.get(options, { ...behaviour, counter: next });
    };
    return copy;
  }

  #data(behaviour: Behaviour, attested: Buffer): Buffer {
    const { verified = true, present = true, backupEligible = false, backedUp = false } = behaviour;
    const flags =
      (present ? 1 : 0) |
      (verified ? 4 : 0) |
      (backupEligible ? 8 : 0) |
      (backedUp ? 16 : 0) |
      (attested.length > 0 ? 64 : 0);
    const head = Buffer.alloc(5);
    head.writeUInt8(flags, 0);
    head.writeUInt32BE(behaviour.counter ?? 0, 1);
    return Buffer.concat([sha256(behaviour.rpId ?? ''), head, attested]);
  }

  #clientData(type: string, challenge: string, { origin, crossOrigin = false }: Behaviour): Buffer {
    return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin }));
  }

  #publicKey(): Uint8Array {
    const { x = '', y = '' } = this.#keys.publicKey.export({ format: 'jwk' });
    return isoCBOR.encode(
      new Map<number, number | Uint8Array>([
        [1, 2],
        [3, -7],
        [-1, 1],
        [-2, Uint8Array.from(Buffer.from(x, 'base64url'))],
        [-3, Uint8Array.from(Buffer.from(y, 'base64url'))],
      ]),
    );
  }

  #statement(
    attestation: Behaviour['attestation'],
    signed: Buffer,
  ): ['none' | 'packed', Map<string, unknown>] {
    if (attestation === undefined) return ['none', new Map()];
    const key = attestation === 'self' ? this.#keys.privateKey : attestation.key;
    const statement = new Map<string, unknown>([
      ['alg', -7],
      ['sig', Uint8Array.from(sign('sha256', signed, key))],
    ]);
    if (attestation !== 'self') {
      statement.set(
        'x5c',
        attestation.certificates.map((certificate) => Uint8Array.from(certificate)),
      );
    }
    return ['packed', statement];
  }

  /** Makes the passkey. */
  make(options: PublicKeyCredentialCreationOptionsJSON, given: Behaviour = {}): RegistrationResponseJSON {
    const behaviour = { rpId: options.rp.id ?? '', counter: this.#counter, ...this.#defaults, ...given };
    this.#counter = behaviour.counter;
    this.userHandle = options.user.id;
    const aaguid = Buffer.from((behaviour.aaguid ?? '0'.repeat(32)).replaceAll('-', ''), 'hex');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(this.id.length);
    const attested = Buffer.concat([aaguid, length, this.id, this.#publicKey()]);
    const data = this.#data(behaviour, attested);
    const clientData = this.#clientData(behaviour.type ?? 'webauthn.create', options.challenge, behaviour);
    const signed = Buffer.concat([data, sha256(clientData)]);
    const [format, statement] = this.#statement(behaviour.attestation, signed);
    const attestationObject = isoCBOR.encode(
      new Map<string, unknown>([
        ['fmt', format],
        ['attStmt', statement],
        ['authData', Uint8Array.from(data)],
      ]) as Map<string, string>,
    );
    return {
      id: text(this.id),
      rawId: text(this.id),
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(clientData),
        attestationObject: text(attestationObject),
        transports: ['internal', 'hybrid'],
      },
    };
  }

  /** Answers with the passkey. */
  get(options: PublicKeyCredentialRequestOptionsJSON, given: Behaviour = {}): AuthenticationResponseJSON {
    const behaviour = {
      rpId: options.rpId ?? '',
      userHandle: this.userHandle,
      ...this.#defaults,
      counter: this.#defaults.counter === 0 ? 0 : this.#counter + 1,
      ...given,
    };
    this.#counter = Math.max(this.#counter, behaviour.counter);
    const data = this.#data(behaviour, Buffer.alloc(0));
    const clientData = this.#clientData(behaviour.type ?? 'webauthn.get', options.challenge, behaviour);
    const signature = sign('sha256', Buffer.concat([data, sha256(clientData)]), this.#keys.privateKey);
    return {
      id: text(this.id),
      rawId: text(this.id),
      type: 'public-key',
      clientExtensionResults: {},
      response: {
        clientDataJSON: text(clientData),
        authenticatorData: text(data),
        signature: text(signature),
        ...(behaviour.userHandle === undefined ? {} : { userHandle: behaviour.userHandle }),
      },
    };
  }
}
