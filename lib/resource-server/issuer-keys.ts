import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import { discoverJwksUri } from './discovery.ts';
import { type Fetch, fetchJson } from './fetch-json.ts';
import { secureUrl } from './secure-url.ts';

/** The issuer cannot be asked now; worth trying again in `retryAfter` seconds. */
export class IssuerUnavailable extends Error {
  readonly retryAfter: number;

  constructor(message: string, retryAfter: number, options?: ErrorOptions) {
    super(message, options);
    this.retryAfter = retryAfter;
  }
}

/** Seconds between tries while the issuer fails, so that its short outage does not become ours. */
const RETRY_AFTER_FAILURE = 5;

/** Where the keys are and how long they are kept; durations in seconds. */
export interface IssuerKeysOptions {
  issuer: string;
  jwksUri?: string;
  fetch?: Fetch;
  cacheMaxAge?: number;
  staleIfError?: number;
  cooldown?: number;
  timeout?: number;
}

/** The issuer's published keys, fetched when they are needed. */
export interface IssuerKeys {
  /**
   * The key that a token's header names.
   *
   * @throws {IssuerUnavailable} when the keys that would decide are not to be had.
   * @throws {errors.JOSEError} when the issuer has no such key.
   */
  keyFor(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey>;
}

/**
 * Keeps the key set of one issuer. Concurrent callers share one fetch. A kid that is not in the set causes a fetch, but
 * whatever arrives, fetches are at least `cooldown` apart (after a failure five seconds, if that is less), so that nobody
 * can use this API to flood the issuer. Keys in use survive an outage of the issuer for `staleIfError`; for
 * good they do not, since a withdrawn key must stop working.
 *
 * @throws {TypeError} when `issuer` or `jwksUri` is not an https URL (or http on loopback), or a duration is negative.
 */
export function createIssuerKeys(options: IssuerKeysOptions): IssuerKeys {
  const { issuer, fetch: fetchWith = (url, init) => fetch(url, init) } = options;
  secureUrl(issuer, 'issuer');
  if (options.jwksUri !== undefined) secureUrl(options.jwksUri, 'jwksUri');
  const cacheMaxAge = duration('cacheMaxAge', options.cacheMaxAge ?? 300);
  const staleIfError = duration('staleIfError', options.staleIfError ?? 600);
  const cooldown = duration('cooldown', options.cooldown ?? 30);
  const timeout = duration('timeout', options.timeout ?? 5);

  let find: ReturnType<typeof createLocalJWKSet> | undefined;
  let fetchedAt = Number.NEGATIVE_INFINITY;
  let triedAt = Number.NEGATIVE_INFINITY;
  let failure: string | undefined;
  let jwksUri = options.jwksUri;
  let pending: Promise<void> | undefined;

  const age = () => now() - fetchedAt;
  const coolingFor = () =>
    triedAt + (failure === undefined ? cooldown : Math.min(cooldown, RETRY_AFTER_FAILURE)) - now();

  async function load(): Promise<void> {
    try {
      const read = (url: string) => fetchJson(fetchWith, url, timeout);
      jwksUri ??= await discoverJwksUri(issuer, read);
      find = createLocalJWKSet((await read(jwksUri)) as unknown as JSONWebKeySet);
      fetchedAt = now();
      failure = undefined;
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
      // The issuer may have moved its keys: look again where they are next time.
      jwksUri = options.jwksUri;
    } finally {
      triedAt = now();
      pending = undefined;
    }
  }

  /** Fetches, or joins the fetch under way. Within the cool-down it does nothing. Never rejects; see `failure`. */
  async function refresh(): Promise<void> {
    if (pending === undefined && coolingFor() > 0) return;
    pending ??= load();
    await pending;
  }

  const unavailable = () =>
    new IssuerUnavailable(failure ?? 'not fetched yet', Math.max(1, Math.ceil(coolingFor())));

  return {
    async keyFor(header, token) {
      if (age() >= cacheMaxAge) await refresh();
      const tooOld = failure !== undefined && age() >= cacheMaxAge + staleIfError;
      if (find === undefined || tooOld) throw unavailable();
      try {
        return await find(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await refresh();
        // The key may be one that could not be fetched: that is no verdict on the token.
        if (failure !== undefined) throw unavailable();
        return find(header, token);
      }
    },
  };
}

/** Seconds on a clock that nobody sets. */
function now(): number {
  return performance.now() / 1000;
}

function duration(name: string, seconds: number): number {
  if (!(seconds >= 0)) throw new TypeError(`${name} must be a number of seconds, 0 or more`);
  return seconds;
}
