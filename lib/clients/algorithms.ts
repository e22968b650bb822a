import { SIGNATURE_ALGORITHMS } from '../../config/signature-algorithms.ts';

/** Signatures that clients make with their own keys: request objects and client assertions. */
export const CLIENT_SIGNATURE_ALGORITHMS = SIGNATURE_ALGORITHMS;

/**
 * How a content encryption key reaches its reader (RFC 7518 §4.1). Asymmetric ones alone: the others need the client's
 * secret, of which only a digest is kept.
 */
export const KEY_ENCRYPTION_ALGORITHMS = [
  'RSA-OAEP',
  'RSA-OAEP-256',
  'ECDH-ES',
  'ECDH-ES+A128KW',
  'ECDH-ES+A256KW',
] as const;

/** How the content is encrypted (RFC 7518 §5.1). */
export const CONTENT_ENCRYPTION_ALGORITHMS = [
  'A128CBC-HS256',
  'A256CBC-HS512',
  'A128GCM',
  'A256GCM',
] as const;
