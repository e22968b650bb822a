import Provider, { errors } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import type { AddressThrottle } from '../../authentication/throttling/address-throttle.ts';
import type { ClientDocuments, DocumentClient, FetchedDocument } from '../../clients/client-documents.ts';
import { hostMatches } from '../../clients/host-pattern.ts';
import { readClientDocument } from '../../clients/metadata/document-metadata.ts';
import type { Events } from '../../observability/events.ts';
import { type SafeFetch, SafeFetchError } from '../../outbound/safe-fetch.ts';
import { sectorProblem } from '../claims/sector-identifiers.ts';
import { tooManyRequests } from '../errors/refusals.ts';
import { tellThrottled } from '../errors/throttled-attempts.ts';

/** Longest client_id that is looked at. */
const LONGEST_ADDRESS = 512;

/**
 * Whether a client_id can be a document's address (draft §3): https, with a path, without fragment, user or dot segments, and
 * written as it is fetched, so that nothing in it is read in two ways; not with the root's dot behind the host either.
 */
function isFetchable(clientId: string): boolean {
  if (clientId.length > LONGEST_ADDRESS || !/^[\x21-\x5b\x5d-\x7e]+$/.test(clientId)) return false;
  const url = URL.parse(clientId);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || url.password !== '') return false;
  return !clientId.includes('#') && !url.hostname.endsWith('.') && url.href === clientId;
}

/** What documents are fetched with. */
export interface DocumentRooms {
  configuration: Configuration;
  clientDocuments: ClientDocuments;
  documentThrottle: AddressThrottle;
  safeFetch: SafeFetch;
  events: Events;
}

/**
 * Brings what is kept of a client's document up to date before the client is judged. Resolves when `ClientDocuments.find` answers
 * what counts now, be it that the document cannot be used. Rejects with the engine's error where nobody may ask for it.
 */
export type RefreshDocument = (clientId: string) => Promise<void>;

/** Makes the fetcher: one call at a time for each document, and no more of them than the limits allow. */
export function documentRefresher(rooms: DocumentRooms): RefreshDocument {
  const { configuration, clientDocuments, documentThrottle, events } = rooms;
  const { allowedHosts, deniedHosts } = configuration.clientDocuments;
  const pending = new Map<string, Promise<void>>();

  async function refresh(address: string, known: DocumentClient | undefined): Promise<void> {
    const from = Provider.ctx?.ip ?? '';
    const admittance = await documentThrottle.admit(from);
    if (admittance.outcome === 'throttled') {
      tellThrottled(events, Provider.ctx, { kind: 'client_document', clientId: address });
      if (known?.client.problem === undefined && (known?.staleUntil ?? 0) > clientDocuments.now()) return;
      Provider.ctx?.set('Retry-After', String(admittance.retryAfter));
      throw tooManyRequests(
        `too many client ID metadata documents; try again in ${admittance.retryAfter} seconds`,
      );
    }
    const startedAt = clientDocuments.now();
    await clientDocuments.keep(address, await fetchDocument(address, rooms), startedAt);
  }

  return async (clientId) => {
    if (!isFetchable(clientId)) {
      throw new errors.InvalidClient('client is invalid', 'client_id is no address of a metadata document');
    }
    const allowed = allowedHosts.length === 0 || hostMatches(clientId, allowedHosts);
    if (!allowed || hostMatches(clientId, deniedHosts)) {
      throw new errors.InvalidClient('client ID metadata documents of this host are not accepted here');
    }
    const found = clientDocuments.find(clientId);
    const known = found instanceof Promise ? await found : found;
    if (known !== undefined && known.freshUntil > clientDocuments.now()) return;
    const underway = pending.get(clientId);
    if (underway !== undefined) return underway;
    const refreshing = refresh(clientId, known).finally(() => pending.delete(clientId));
    pending.set(clientId, refreshing);
    return refreshing;
  };
}

/** Answers that say nothing of the document: its address has no time for us, or is being moved. */
const TRANSIENT = new Set([404, 408, 425, 429]);

async function fetchDocument(
  address: string,
  { configuration, safeFetch }: Pick<DocumentRooms, 'configuration' | 'safeFetch'>,
): Promise<FetchedDocument> {
  const settings = configuration.clientDocuments;
  const age = settings.failureAge;
  let response: Response;
  try {
    response = await safeFetch(address, {
      headers: { accept: 'application/json' },
      maximumBytes: settings.maximumBytes,
      timeoutMs: settings.timeout,
    });
  } catch (error) {
    if (!(error instanceof SafeFetchError)) throw error;
    const problem = `the client ID metadata document cannot be fetched: ${error.message}`;
    const transient = error.reason === 'timed_out' || error.reason === 'unreachable';
    return { outcome: transient ? 'unreachable' : 'unusable', problem, age };
  }
  const { status } = response;
  if (status !== 200) {
    const problem = `the client ID metadata document was answered with status ${status} instead of 200`;
    return { outcome: TRANSIENT.has(status) || status >= 500 ? 'unreachable' : 'unusable', problem, age };
  }
  let document: unknown;
  try {
    document = JSON.parse(await response.text());
  } catch {
    return { outcome: 'unusable', problem: 'the client ID metadata document is not JSON', age };
  }
  const read = readClientDocument(address, document, configuration);
  if (read.outcome === 'refused') return { outcome: 'unusable', problem: read.description, age };
  const { metadata } = read;
  // No operator vouches for it, as for one that registers itself.
  const stranger = await sectorProblem(metadata, safeFetch);
  if (stranger !== undefined) return { outcome: 'unusable', problem: stranger.description, age };
  return { outcome: 'read', metadata, age: ageOf(response.headers, settings), staleAge: settings.staleAge };
}

/** How long (s) a document counts: as long as its headers say (RFC 9111 §5.2.2.1, §5.3), within the configured bounds. */
function ageOf(
  headers: Headers,
  { minimumAge, maximumAge }: { minimumAge: number; maximumAge: number },
): number {
  const cacheControl = headers.get('cache-control') ?? '';
  const [, maxAge] = /(?:^|[\s,])max-age="?(\d{1,9})/i.exec(cacheControl) ?? [];
  const expires = Date.parse(headers.get('expires') ?? '');
  const said = /(?:^|[\s,])no-(?:store|cache)/i.test(cacheControl)
    ? 0
    : maxAge !== undefined
      ? Number(maxAge)
      : Number.isNaN(expires)
        ? minimumAge
        : Math.floor((expires - Date.now()) / 1000);
  return Math.max(minimumAge, Math.min(maximumAge, said));
}
