import { z } from 'zod';
import type { Configuration } from '../../../config/configuration.ts';
import {
  CLIENT_SIGNATURE_ALGORITHMS,
  CONTENT_ENCRYPTION_ALGORITHMS,
  KEY_ENCRYPTION_ALGORITHMS,
} from '../algorithms.ts';

const signature = z.string().max(20).optional();
const keyEncryption = z.enum(KEY_ENCRYPTION_ALGORITHMS).optional();
const contentEncryption = z.enum(CONTENT_ENCRYPTION_ALGORITHMS).optional();

/**
 * How messages between a client and the provider are signed and encrypted: ID tokens and userinfo (OpenID Connect Dynamic
 * Client Registration §2), introspection (RFC 9701 §6), authorization responses (JARM §3) and requests (RFC 9101 §10.5).
 */
export const messageMembers = {
  id_token_signed_response_alg: signature,
  id_token_encrypted_response_alg: keyEncryption,
  id_token_encrypted_response_enc: contentEncryption,
  userinfo_signed_response_alg: signature,
  userinfo_encrypted_response_alg: keyEncryption,
  userinfo_encrypted_response_enc: contentEncryption,
  introspection_signed_response_alg: signature,
  introspection_encrypted_response_alg: keyEncryption,
  introspection_encrypted_response_enc: contentEncryption,
  authorization_signed_response_alg: signature,
  authorization_encrypted_response_alg: keyEncryption,
  authorization_encrypted_response_enc: contentEncryption,
  request_object_signing_alg: z.enum(CLIENT_SIGNATURE_ALGORITHMS).optional(),
  request_object_encryption_alg: keyEncryption,
  request_object_encryption_enc: contentEncryption,
  require_signed_request_object: z.boolean().optional(),
};

type MessageMember = keyof typeof messageMembers;

/** The members above as a registration has them, and the keys that they go with. */
export type MessageMetadata = Partial<Record<MessageMember, string | boolean | undefined>> & {
  jwks?: { keys: ReadonlyArray<Record<string, unknown>> } | undefined;
  jwks_uri?: string | undefined;
};

const KINDS = ['id_token', 'userinfo', 'introspection', 'authorization'] as const;
const ENCRYPTED = KINDS.map((kind) => `${kind}_encrypted_response` as const);

/** What is off when its feature is. Nothing depends on a feature for ID tokens. */
const FEATURES = {
  userinfo: ['jwtUserinfo', 'features.jwt_userinfo'],
  introspection: ['jwtIntrospection', 'features.jwt_introspection'],
  authorization: ['jwtResponses', 'features.jwt_responses'],
} as const;

/** Why the configuration does not allow these members: an algorithm without a key, a feature that is off. */
export function messageConfigurationProblem(
  metadata: MessageMetadata,
  { keys, features }: Pick<Configuration, 'keys' | 'features'>,
): string | undefined {
  const members = (Object.keys(messageMembers) as MessageMember[]).filter(
    (member) => metadata[member] !== undefined && metadata[member] !== false,
  );
  for (const member of members) {
    const kind = KINDS.find((name) => member.startsWith(`${name}_`));
    if (kind !== undefined && kind !== 'id_token') {
      const [feature, setting] = FEATURES[kind];
      if (!features[feature]) return `${member} needs ${setting}, which is off`;
    }
    if (features.requestObjects === 'off' && member.includes('request_object')) {
      return `${member} needs features.request_objects, which is off`;
    }
    if (!features.encryption && /_encrypt(ed|ion)_/.test(member)) {
      return `${member} needs features.encryption, which is off`;
    }
    const algorithms = keys.algorithms as ReadonlyArray<unknown>;
    if (member.endsWith('_signed_response_alg') && !algorithms.includes(metadata[member])) {
      const shown = /^[\w-]+$/.test(String(metadata[member])) ? ` (not ${metadata[member]})` : '';
      return `${member} must be one of ${keys.algorithms.join(', ')}${shown}`;
    }
  }
  return undefined;
}

function fits(key: Record<string, unknown>, algorithm: string): boolean {
  const family = algorithm.startsWith('RSA') ? ['RSA'] : ['EC', 'OKP'];
  return family.includes(String(key.kty)) && key.crv !== 'Ed25519' && key.use !== 'sig';
}

/** Why these members do not go together, whatever is configured. */
export function messageConsistencyProblem(metadata: MessageMetadata): string | undefined {
  const { jwks, jwks_uri: jwksUri } = metadata;
  const without = jwks === undefined && jwksUri === undefined;
  for (const prefix of [...ENCRYPTED, 'request_object_encryption'] as const) {
    if (metadata[`${prefix}_enc`] !== undefined && metadata[`${prefix}_alg`] === undefined) {
      return `${prefix}_enc needs ${prefix}_alg`;
    }
  }
  for (const prefix of ENCRYPTED) {
    const algorithm = metadata[`${prefix}_alg`];
    if (algorithm === undefined) continue;
    if (without) return `${prefix}_alg needs jwks or jwks_uri, with a key to encrypt to`;
    if (jwks !== undefined && !jwks.keys.some((key) => fits(key, String(algorithm)))) {
      return `${prefix}_alg ${algorithm} needs a key for it in jwks`;
    }
  }
  if (
    metadata.userinfo_encrypted_response_alg !== undefined &&
    metadata.userinfo_signed_response_alg === undefined
  ) {
    return 'userinfo_encrypted_response_alg needs userinfo_signed_response_alg: what is encrypted is signed first';
  }
  for (const member of ['require_signed_request_object', 'request_object_signing_alg'] as const) {
    if (without && metadata[member] !== undefined && metadata[member] !== false) {
      return `${member} needs jwks or jwks_uri`;
    }
  }
  return undefined;
}
