import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { SafeFetch } from '../outbound/safe-fetch.ts';

/** The longest document (bytes) that the engine fetches; it sets narrower limits of its own. */
const LONGEST_DOCUMENT = 524_288;
/** What the engine fetches, somebody waits for. */
const TIMEOUT_MILLISECONDS = 2500;

/** What the engine fetches (`jwks_uri`, `sector_identifier_uri`, `request_uri`), by the rules of every such call. */
export function engineFetch(safeFetch: SafeFetch): NonNullable<EngineConfiguration['fetch']> {
  return (url, options) =>
    safeFetch(String(url), {
      ...options,
      maximumBytes: LONGEST_DOCUMENT,
      timeoutMs: TIMEOUT_MILLISECONDS,
    });
}
