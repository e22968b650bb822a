import { z } from 'zod';
import { count, path, seconds } from './setting-traits.ts';

const day = 86_400;

/** `example.com`, `*.example.com` for what is below it, or `loopback`; ports are not told apart. */
const hostPattern = z
  .string()
  .regex(
    /^(loopback|(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*)$/,
    'must be a host such as example.com or *.example.com, or loopback',
  );

const hosts = (description: string) => z.array(hostPattern).default([]).describe(description);

/** How often one address, and all together, may make the provider do something for nobody it knows. */
const limits = (perAddress: number, total: number, what: string) =>
  z
    .strictObject({
      perAddress: count(perAddress, 1, 100_000, `${what} from one address in a window.`),
      total: count(total, 1, 10_000_000, `${what} from all addresses in a window.`),
      window: seconds(3600, day, 'Length of the window.'),
    })
    .prefault({})
    .describe(`Limits on ${what.toLowerCase()}.`);

/** Applications that register themselves. */
export const clientRegistration = z.strictObject({
  mode: z
    .enum(['off', 'initial_access_token', 'software_statement', 'open'])
    .default('off')
    .describe(
      'Who may register an application (RFC 7591): whoever holds a token of `registration-tokens create`, whoever brings a software statement of a trusted issuer, or anybody.',
    ),
  statementIssuersFile: path(
    'JSON file with the issuers whose software statements are trusted (RFC 7591 section 2.3): an object of key sets (RFC 7517) by issuer.',
  ),
  redirectHosts: hosts(
    'Hosts that redirect URIs may have: `example.com`, `*.example.com`, `loopback`; all when empty. When it is set, schemes of native applications are refused.',
  ),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope'))
    .default(['openid', 'profile', 'email', 'offline_access'])
    .describe(
      'Scopes that applications may register for, and are registered for when they name none. Name those of your APIs here.',
    ),
  grantTypes: z
    .array(z.string().min(1))
    .default(['authorization_code', 'refresh_token'])
    .describe('Grant types that applications may register for.'),
  authenticationMethods: z
    .array(z.string().min(1))
    .default(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'])
    .describe('Values of `token_endpoint_auth_method` that applications may register for.'),
  unusedLifetime: seconds(
    90 * day,
    3660 * day,
    'Applications that registered themselves and were not used for so long are deleted.',
    3600,
  ),
  limits: limits(20, 1000, 'Registrations'),
});

/** Applications that are known by the address of a document about them. */
export const clientDocuments = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Takes the https address of a client ID metadata document for a `client_id` (draft-ietf-oauth-client-id-metadata-document): applications need not be registered.',
    ),
  allowedHosts: hosts('Hosts of documents that are fetched; all when empty.'),
  deniedHosts: hosts('Hosts of documents that are not fetched, whatever `allowed_hosts` says.'),
  scopes: z
    .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'must be a scope'))
    .default(['openid', 'profile', 'email', 'offline_access'])
    .describe('Scopes that such applications may ask for. Name those of your APIs here.'),
  minimumAge: seconds(
    300,
    day,
    'A document is not fetched again before, whatever its `Cache-Control` says.',
    1,
  ),
  maximumAge: seconds(day, 7 * day, 'A document is fetched again at the latest after so long.', 1),
  failureAge: seconds(10, 3600, 'After a failure a document is not fetched again for so long.'),
  staleAge: seconds(
    day,
    7 * day,
    'When its address does not answer, the last document counts for so much longer.',
    0,
  ),
  maximumBytes: count(5120, 256, 65_536, 'Longest document that is read, in bytes.'),
  timeout: count(3000, 100, 30_000, 'How long fetching a document may take, in milliseconds.'),
  limits: limits(60, 2000, 'Documents fetched'),
});
