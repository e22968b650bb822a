import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  errors as joseErrors,
} from 'jose';
import type { SafeFetch } from './safe-fetch.ts';

const LONGEST_KEY_SET = 131_072;
const TIMEOUT_MILLISECONDS = 2500;

/**
 * The keys of somebody who signs things elsewhere (RFC 7517), as they are given, or fetched and cached when they are first needed; the function rejects
 * for a token that names none of them, and when they cannot be had.
 */
export function keySetOf(
  { jwks, jwks_uri: uri }: { jwks?: unknown; jwks_uri?: string | undefined },
  safeFetch: SafeFetch,
): JWTVerifyGetKey {
  if (uri === undefined) return createLocalJWKSet(jwks as JSONWebKeySet);
  return createRemoteJWKSet(new URL(uri), {
    [customFetch]: (url, init) =>
      safeFetch(String(url), {
        method: init.method,
        headers: init.headers,
        signal: init.signal,
        maximumBytes: LONGEST_KEY_SET,
        timeoutMs: TIMEOUT_MILLISECONDS,
      }),
  });
}

/**
 * Whether an error of such keys, or of a verification by them, says that they could not be had: what is wrong with a token jose says by
 * its other errors. Such a token may be good.
 */
export function keysAreUnreachable(error: unknown): boolean {
  const ofKeys = [joseErrors.JWKSTimeout, joseErrors.JWKSInvalid];
  return (
    !(error instanceof joseErrors.JOSEError) ||
    ofKeys.some((kind) => error instanceof kind) ||
    error.code === 'ERR_JOSE_GENERIC'
  );
}
