import { createHash } from 'node:crypto';
import Provider, { type Client, errors, type KoaContextWithOIDC } from 'oidc-provider';
import { type SafeFetch, SafeFetchError } from '../../outbound/safe-fetch.ts';
import { prototypesOf } from '../engine/engine-context.ts';

/** What the engine itself takes by reference: requests that were pushed (RFC 9126 §2.2). */
const PUSHED = 'urn:ietf:params:oauth:request_uri:';
/** Of a request object; what is pushed may be as long. */
const MAXIMUM_BYTES = 65_536;
/** Somebody waits in front of an empty page. */
const TIMEOUT_MILLISECONDS = 3000;
/** RFC 9101 §4; the second is what older clients serve. */
const TYPES = ['application/oauth-authz-req+jwt', 'application/jwt'];
/** So long (ms) what came is answered again: visits do not become as many calls to the client. */
const AGAIN_MILLISECONDS = 2000;
/** The same for what cannot change, since its address holds its digest. */
const UNCHANGING_MILLISECONDS = 600_000;
const MOST_REMEMBERED = 200;

/** Requests to the engine whose request object was fetched, or was to be. */
const referring = new WeakSet<object>();

/** Whether the signed request of this context is kept by the client, who can take it back, rather than sent along. */
export function isByReference(ctx: KoaContextWithOIDC): boolean {
  return referring.has(ctx);
}

/**
 * Whether a client may refer to this address: one that it registered, letter by letter. That goes for the fragment as well, though it is
 * never sent (OpenID Connect Core §6.2): with any that comes to mind, each visit would be one more call to the client.
 */
function isRegistered(uri: string, registered: unknown): boolean {
  return Array.isArray(registered) && registered.includes(uri);
}

/**
 * Takes authorization requests by reference (OpenID Connect Core §6.2, RFC 9101 §5.2): puts the request object that a registered
 * `request_uri` leads to in the place of that address, before the engine reads it. From there on it is what it would be by value. The
 * engine itself knows such addresses no more; finding the client is the one step between its reading of the parameters and of the request.
 */
export function takeReferencedRequests(provider: Provider, safeFetch: SafeFetch): void {
  const { Client } = prototypesOf(provider);
  const { find } = Client;
  const requestAt = requestFetcher(safeFetch);
  Client.find = async (clientId) => {
    const client = await find(clientId);
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    // The engine looks for the client again when this was refused: once is enough.
    if (client !== undefined && ctx !== undefined && !referring.has(ctx)) {
      const { params } = ctx.oidc;
      const uri = params === undefined ? undefined : referenceOf(ctx, client);
      if (params !== undefined && uri !== undefined) {
        referring.add(ctx);
        params.request = await requestAt(uri, client);
        params.request_uri = undefined;
      }
    }
    return client;
  };
}

/** The address that the present request refers to; undefined where there is none, or the engine has to refuse it anyway. */
function referenceOf({ oidc }: KoaContextWithOIDC, client: Client): string | undefined {
  const { params = {}, route } = oidc;
  if (route !== 'authorization' || params.client_id !== client.clientId) return undefined;
  if (params.request !== undefined || client.requirePushedAuthorizationRequests) return undefined;
  const { request_uri: uri } = params;
  return typeof uri !== 'string' || uri.startsWith(PUSHED) ? undefined : uri;
}

interface Fetched {
  request: Promise<string>;
  /** Unix time, ms. */
  until: number;
}

function requestFetcher(safeFetch: SafeFetch): (uri: string, client: Client) => Promise<string> {
  const remembered = new Map<string, Fetched>();

  function forgetOld(now: number): void {
    for (const [uri, { until }] of remembered) if (until <= now) remembered.delete(uri);
    for (const uri of remembered.keys()) {
      if (remembered.size < MOST_REMEMBERED) return;
      remembered.delete(uri);
    }
  }

  return async (uri, client) => {
    const { request_uris: registered } = client as { request_uris?: unknown };
    if (!isRegistered(uri, registered)) {
      throw new errors.InvalidRequestUri('request_uri is not one that the client registered');
    }
    const now = Date.now();
    const known = remembered.get(uri);
    if (known !== undefined && known.until > now) return known.request;
    forgetOld(now);
    const fetched = { request: fetchRequest(uri, safeFetch), until: now + AGAIN_MILLISECONDS };
    remembered.set(uri, fetched);
    const request = await fetched.request;
    if (isDigest(uri.split('#')[1], request)) fetched.until = Date.now() + UNCHANGING_MILLISECONDS;
    return request;
  };
}

/** OpenID Connect Core §6.2: the fragment of what does not change is its SHA-256, in base64url. */
function isDigest(fragment: string | undefined, request: string): boolean {
  return fragment === createHash('sha256').update(request).digest('base64url');
}

async function fetchRequest(uri: string, safeFetch: SafeFetch): Promise<string> {
  let response: Response;
  try {
    response = await safeFetch(uri, {
      headers: { accept: TYPES.join(', ') },
      maximumBytes: MAXIMUM_BYTES,
      timeoutMs: TIMEOUT_MILLISECONDS,
    });
  } catch (cause) {
    if (!(cause instanceof SafeFetchError)) throw cause;
    throw new errors.InvalidRequestUri(`request_uri cannot be fetched: ${cause.message}`);
  }
  if (response.status !== 200) {
    throw new errors.InvalidRequestUri(
      `request_uri was answered with status ${response.status} instead of 200`,
    );
  }
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';', 1);
  if (!TYPES.includes(type.trim().toLowerCase())) {
    throw new errors.InvalidRequestUri(`request_uri must be answered with the type ${TYPES[0]}`);
  }
  return (await response.text()).trim();
}
