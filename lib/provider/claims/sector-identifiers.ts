import {
  type ClientMetadata,
  type MetadataRefusal,
  refuseMetadata,
} from '../../clients/metadata/client-metadata.ts';
import { DEVICE_CODE_GRANT } from '../../clients/metadata/device-metadata.ts';
import { type SafeFetch, SafeFetchError } from '../../outbound/safe-fetch.ts';

const MAXIMUM_BYTES = 65_536;
const TIMEOUT_MILLISECONDS = 3000;

/**
 * Why an application may not take part in the sector that it names: its addresses are not in the sector's list (OpenID Connect
 * Core §8.1, Dynamic Client Registration §5). Whoever registers itself could else ask for another sector's subjects.
 */
export async function sectorProblem(
  { sector_identifier_uri: uri, redirect_uris: redirectUris, jwks_uri: jwksUri, ...metadata }: ClientMetadata,
  safeFetch: SafeFetch,
): Promise<MetadataRefusal | undefined> {
  if (uri === undefined) return undefined;
  const listed = await listAt(uri, safeFetch);
  if (typeof listed === 'string') return refuseMetadata(`sector_identifier_uri ${listed}`);
  const missing = redirectUris.find((redirectUri) => !listed.includes(redirectUri));
  if (missing !== undefined) {
    return refuseMetadata(`sector_identifier_uri does not list the redirect URI ${missing}`);
  }
  return metadata.grant_types.includes(DEVICE_CODE_GRANT) && !listed.includes(jwksUri ?? '')
    ? refuseMetadata('sector_identifier_uri does not list the jwks_uri')
    : undefined;
}

async function listAt(uri: string, safeFetch: SafeFetch): Promise<string[] | string> {
  try {
    const response = await safeFetch(uri, {
      headers: { accept: 'application/json' },
      maximumBytes: MAXIMUM_BYTES,
      timeoutMs: TIMEOUT_MILLISECONDS,
    });
    if (response.status !== 200) return `answers with status ${response.status} instead of 200`;
    const list: unknown = JSON.parse(await response.text());
    const isList = Array.isArray(list) && list.every((item) => typeof item === 'string');
    return isList ? (list as string[]) : 'must be the address of a JSON array of redirect URIs';
  } catch (error) {
    if (error instanceof SafeFetchError) return `cannot be fetched: ${error.message}`;
    if (error instanceof SyntaxError) return 'must be the address of a JSON array of redirect URIs';
    throw error;
  }
}
