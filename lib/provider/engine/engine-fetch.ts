import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';

/** The longest document (bytes) that the engine fetches; it sets narrower limits of its own. */
const LONGEST_DOCUMENT = 524_288;
/** What the engine fetches, somebody waits for. */
const TIMEOUT_MILLISECONDS = 2500;
/** So long (ms) what came of it is answered again. */
const AGAIN_MILLISECONDS = 2000;
const MOST_REMEMBERED = 100;

/**
 * What the engine fetches (`jwks_uri`, `sector_identifier_uri`), by the rules of every such call. The engine remembers what it
 * can use and nothing else: without a short memory of ours, whoever registers somebody else's address as its `jwks_uri` makes
 * this server call there with each request.
 */
export function engineFetch(safeFetch: SafeFetch): NonNullable<EngineConfiguration['fetch']> {
  const recent = new Map<string, Promise<Response>>();
  return async (url, options) => {
    const address = String(url);
    const known = recent.get(address);
    if (known !== undefined) return (await known).clone();
    const bounds = { maximumBytes: LONGEST_DOCUMENT, timeoutMs: TIMEOUT_MILLISECONDS };
    const fetching = safeFetch(address, { ...options, ...bounds });
    if (recent.size < MOST_REMEMBERED) {
      recent.set(address, fetching);
      setTimeout(() => recent.delete(address), AGAIN_MILLISECONDS).unref();
    }
    return (await fetching).clone();
  };
}
