import { type Fetch, fetchText } from './fetch-json.ts';
import type { IssuerKeys } from './issuer-keys.ts';
import { secureUrl } from './secure-url.ts';
import { readStatusList, type StatusList, type StatusReference } from './status-list-token.ts';

/** Lists remembered at once; an issuer has a few in use. */
const MOST_LISTS = 200;
/** Seconds between two tries of one list while they fail, so that the issuer's short outage does not become ours. */
const RETRY_AFTER_FAILURE = 5;
/** Least seconds between two fetches of one list, whatever it says. */
const SHORTEST_USE = 1;
const MEDIA_TYPE = 'application/statuslist+jwt';

/** What is known of a token's status. `unknown` says nothing about the token; worth asking again in `retryAfter` seconds. */
export type TokenStatus =
  | { outcome: 'valid' }
  | { outcome: 'revoked' }
  | { outcome: 'unknown'; reason: string; retryAfter: number };

/** Looks up statuses in the issuer's lists. */
export interface TokenStatuses {
  statusOf(reference: StatusReference): Promise<TokenStatus>;
}

interface KnownList {
  list: StatusList | undefined;
  /** On the clock of `performance.now()`, s. */
  freshUntil: number;
  nextTry: number;
  failure: string | undefined;
  pending: Promise<void> | undefined;
}

/**
 * Keeps the status lists of one issuer (Token Status List draft): each is fetched when a token names it, and again when
 * the time is over for which it says that it may be used, by one fetch for however many ask at once. While a list cannot
 * be had, tokens that its last copy knew as revoked stay revoked, and of the others nothing is known.
 */
export function createTokenStatuses(options: {
  keys: IssuerKeys;
  algorithms: string[];
  clockTolerance: number;
  fetch?: Fetch | undefined;
  timeout: number;
  /** The longest (s) that a list is used, whatever it says; a second at least. */
  maxAge: number;
}): TokenStatuses {
  const {
    keys,
    algorithms,
    clockTolerance,
    fetch: fetchWith = (url, init) => fetch(url, init),
    timeout,
    maxAge,
  } = options;
  const lists = new Map<string, KnownList>();

  async function load(uri: string, known: KnownList): Promise<void> {
    try {
      const token = await fetchText(fetchWith, secureUrl(uri, 'status list uri'), {
        accept: MEDIA_TYPE,
        timeout,
      });
      const list = await readStatusList(token, { uri, keys, algorithms, clockTolerance });
      known.list = list;
      known.failure = undefined;
      known.freshUntil = now() + Math.max(SHORTEST_USE, Math.min(maxAge, list.freshFor));
    } catch (error) {
      known.failure = error instanceof Error ? error.message : String(error);
      known.nextTry = now() + RETRY_AFTER_FAILURE;
    } finally {
      known.pending = undefined;
    }
  }

  function listOf(uri: string): KnownList {
    const known = lists.get(uri) ?? {
      list: undefined,
      freshUntil: Number.NEGATIVE_INFINITY,
      nextTry: Number.NEGATIVE_INFINITY,
      failure: undefined,
      pending: undefined,
    };
    // The one used last is the last to go.
    lists.delete(uri);
    lists.set(uri, known);
    const [oldest] = lists.keys();
    if (lists.size > MOST_LISTS && oldest !== undefined) lists.delete(oldest);
    return known;
  }

  return {
    async statusOf({ index, uri }) {
      const known = listOf(uri);
      if (now() >= known.freshUntil && (known.pending !== undefined || now() >= known.nextTry)) {
        known.pending ??= load(uri, known);
        await known.pending;
      }
      const status = known.list?.statusAt(index);
      if (status !== undefined && status !== 0) return { outcome: 'revoked' };
      if (now() >= known.freshUntil) {
        const retryAfter = Math.max(1, Math.ceil(known.nextTry - now()));
        return { outcome: 'unknown', reason: known.failure ?? 'the list is not fresh', retryAfter };
      }
      // §8.3: an index beyond the end says nothing, and a token that points there is none of this issuer's making.
      return status === undefined ? { outcome: 'revoked' } : { outcome: 'valid' };
    },
  };
}

/** Seconds on a clock that nobody sets. */
function now(): number {
  return performance.now() / 1000;
}
