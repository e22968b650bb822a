import { z } from 'zod';
import type { Configuration } from '../../config/configuration.ts';
import { webUri } from './web-uri.ts';

const MOST_ADDRESSES = 20;
/** RFC 9101 §5.2: what every browser and server handles. */
const LONGEST_ADDRESS = 512;

const requestUri = webUri
  .refine((uri) => uri.startsWith('https:'), 'must use https (OpenID Connect Core §6.2)')
  .refine((uri) => uri.length <= LONGEST_ADDRESS, `is longer than ${LONGEST_ADDRESS} characters`);

/** The addresses at which a client keeps signed requests (OpenID Connect Dynamic Client Registration §2). */
export const requestUriMembers = { request_uris: z.array(requestUri).max(MOST_ADDRESSES).optional() };

/** Why the present configuration lets no client refer to its requests. */
export function requestUriConfigurationProblem(
  { request_uris: uris = [] }: { request_uris?: ReadonlyArray<string> | undefined },
  { requestUris }: Configuration['features'],
): string | undefined {
  return uris.length > 0 && !requestUris
    ? 'request_uris needs features.request_uris, which is off'
    : undefined;
}
