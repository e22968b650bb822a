import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Database } from '../database/database.ts';
import type { ClientMetadata } from './metadata/client-metadata.ts';

/** Entropy of a secret: more than any MAC over it needs (RFC 7518 §3.2 asks for 32 bytes for HS256). */
const SECRET_BYTES = 32;

/** A secret in the three forms it takes: shown once, compared by, and (only for a MAC) kept. */
export interface NewSecret {
  secret: string;
  /** See digestSecret. */
  digest: string;
  sealed: Buffer | null;
}

/** Whether a client authenticates with a secret at all. */
export function usesSecret(metadata: ClientMetadata): boolean {
  return metadata.token_endpoint_auth_method.startsWith('client_secret_');
}

/** Whether the provider must know the secret itself, because a MAC is computed with it. */
export function needsMac(metadata: ClientMetadata): boolean {
  return metadata.token_endpoint_auth_method === 'client_secret_jwt';
}

/** SHA-256 in base64url. A plain digest does for 256 random bits: nobody searches for them. */
export function digestSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** 256 random bits in base64url. */
export function randomSecret(): string {
  return randomBytes(SECRET_BYTES).toString('base64url');
}

/** What a client's secret is sealed for: it opens in its own row alone. */
export function sealingContext(clientId: string): string {
  return `client-secret:${clientId}`;
}

/** Makes a secret; it is sealed and kept only for a client that needs a MAC. */
export function makeSecret(database: Database, clientId: string, metadata: ClientMetadata): NewSecret {
  const secret = randomSecret();
  return {
    secret,
    digest: digestSecret(secret),
    sealed: needsMac(metadata) ? database.sealer.seal(secret, sealingContext(clientId)) : null,
  };
}

/** Compares in constant time; a client without a secret matches nothing. */
export function secretMatches(digest: string | null, secret: string): boolean {
  const expected = Buffer.from(digest ?? digestSecret(''));
  const actual = Buffer.from(digestSecret(secret));
  return expected.length === actual.length && timingSafeEqual(expected, actual) && digest !== null;
}

/**
 * What stands for the secret where only its digest is known: the engine insists on having one and would verify MACs
 * with it, so nobody must be able to guess it. The same in every process; it changes with the secret.
 */
export function secretPlaceholder(placeholderKey: Buffer, clientId: string, digest: string): string {
  return createHmac('sha256', placeholderKey).update(`${clientId}\n${digest}`).digest('base64url');
}
