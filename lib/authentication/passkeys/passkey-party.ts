import { isIP } from 'node:net';
import type { Configuration } from '../../../config/configuration.ts';

/** How WebAuthn knows us. */
export interface RelyingParty {
  /** The RP ID: the issuer's host. */
  id: string;
  origin: string;
  name: string;
}

/**
 * How passkeys know this server; undefined where they are off, or cannot be: an address is no RP ID (WebAuthn Level 3 §5.1.3).
 */
export function relyingParty(
  configuration: Pick<Configuration, 'issuer' | 'branding' | 'passkeys'>,
): RelyingParty | undefined {
  const { origin, hostname } = new URL(configuration.issuer);
  const isAddress = isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0;
  if (!configuration.passkeys.enabled || isAddress) return undefined;
  return { id: hostname, origin, name: configuration.branding.name };
}

/** What a browser sent, as far as it has the form of a credential; the rest is for the library to judge. */
export function readCredential<Response extends { id: string }>(given: string): Response | undefined {
  let credential: unknown;
  try {
    credential = JSON.parse(given);
  } catch {
    return undefined;
  }
  const { id, response } = (credential ?? {}) as { id?: unknown; response?: unknown };
  // 1023 bytes is the longest that a credential's id may be (WebAuthn Level 3 §7.1 step 26).
  const isId = typeof id === 'string' && /^[\w-]{1,1364}$/.test(id);
  return isId && typeof response === 'object' && response !== null ? (credential as Response) : undefined;
}
