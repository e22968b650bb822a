/**
 * What an operator may set: the one schema from which the types, the defaults, the editors' JSON Schema and the
 * reference table are made. This room is the only reader of the environment; every other room is handed a finished
 * `Configuration`. It refuses what it does not know, and whatever would weaken a deployment without anybody noticing:
 * an issuer over plain http (RFC 9700 section 2.6, OpenID Connect Discovery section 3), password hashing below the
 * OWASP minimum, a proxy list that trusts everyone.
 *
 * In YAML a key is snake_case and nested (`log.level`); in the environment it is `LATCHKEY_` and the path in upper
 * case (`LATCHKEY_LOG_LEVEL`); here it is camelCase. Durations are in seconds unless the description says otherwise.
 */
import { z } from 'zod';
import { accountPage } from './account-page-settings.ts';
import { branding, languages } from './branding-settings.ts';
import { clientDocuments, clientRegistration } from './client-registration-settings.ts';
import { externalKeys } from './external-key-settings.ts';
import { features } from './feature-settings.ts';
import { ldap } from './ldap-settings.ts';
import { mail, registration } from './mail-settings.ts';
import { notifications, outbound } from './outbound-settings.ts';
import { passkeys } from './passkey-settings.ts';
import { passwords } from './password-settings.ts';
import { secondFactor, secondFactorThrottling } from './second-factor-settings.ts';
import { count, path, port, seconds, settingTraits } from './setting-traits.ts';
import { SIGNATURE_ALGORITHMS } from './signature-algorithms.ts';
import { database, redis } from './store-settings.ts';
import { upstream } from './upstream-settings.ts';
import {
  accountServiceUrl,
  databaseUrl,
  encryptionKey,
  hostName,
  issuer,
  redisUrl,
  smtpUrl,
  trustedProxy,
} from './value-formats.ts';

const day = 86_400;

const accounts = z.strictObject({
  adapter: z
    .enum(['sql', 'http', 'ldap'])
    .default('sql')
    .describe(
      'Where people are kept: `sql` is Latchkey’s own directory, `http` asks a service of yours, `ldap` an LDAP directory or Active Directory.',
    ),
  http: z
    .strictObject({
      url: accountServiceUrl
        .exactOptional()
        .describe(
          'Base URL of the account service; https outside loopback. Needed when the adapter is `http`.',
        ),
      token: z
        .string()
        .min(16)
        .exactOptional()
        .describe('Bearer token that Latchkey shows to the account service.')
        .register(settingTraits, { secret: true }),
      timeout: count(3000, 100, 60_000, 'How long the account service may take to answer, in milliseconds.'),
    })
    .prefault({})
    .describe('The account service of the `http` adapter.'),
  ldap: ldap.prefault({}).describe('The directory of the `ldap` adapter.'),
});

const throttling = z.strictObject({
  secondFactor: secondFactorThrottling.prefault({}).describe('Limits on guessing the codes of second steps.'),
  login: z
    .strictObject({
      perAccount: count(10, 1, 10_000, 'Failed logins for one account in a window before further ones wait.'),
      perAddress: count(
        100,
        1,
        1_000_000,
        'Failed logins from one address in a window before further ones wait.',
      ),
      window: seconds(900, day, 'Length of the window.'),
      knownBrowser: seconds(
        90 * day,
        366 * day,
        'How long a browser with which a person has signed in is counted by itself, so that nobody elsewhere makes them wait; 0: not at all.',
        0,
      ),
    })
    .prefault({})
    .describe('Limits on guessing passwords.'),
  token: z
    .strictObject({
      perClient: count(
        20,
        1,
        10_000,
        'Different credentials that an application may fail with at one address in a window before further ones wait.',
      ),
      perAddress: count(
        200,
        1,
        1_000_000,
        'The same for all applications at one address; those that have succeeded there do not wait for the others.',
      ),
      window: seconds(900, day, 'Length of the window.'),
    })
    .prefault({})
    .describe(
      'Limits on guessing the credentials of applications, at the token endpoint and wherever they authenticate.',
    ),
  userCode: z
    .strictObject({
      perAccount: count(
        10,
        1,
        10_000,
        'Wrong codes of one signed-in person in a window before further ones wait.',
      ),
      perAddress: count(
        20,
        1,
        1_000_000,
        'Wrong codes from one address in a window, of people who are not signed in.',
      ),
      total: count(
        2000,
        1,
        10_000_000,
        'Wrong codes from all addresses in a window, of people who are not signed in.',
      ),
      window: seconds(900, day, 'Length of the window.'),
    })
    .prefault({})
    .describe('Limits on guessing the codes that devices show (RFC 8628 section 5.1).'),
  mail: z
    .strictObject({
      perRecipient: count(5, 1, 1000, 'Mails that anybody may cause to one person in a window.'),
      perAddress: count(30, 1, 100_000, 'Mails that may be caused from one address in a window.'),
      window: seconds(3600, day, 'Length of the window.'),
    })
    .prefault({})
    .describe('Limits on mail that is sent at the request of somebody who has not signed in.'),
});

const lifetimes = z.strictObject({
  accessToken: seconds(600, day, 'Access tokens issued for a person.'),
  authorizationCode: seconds(
    60,
    600,
    'Authorization codes (RFC 6749 section 4.1.2 allows ten minutes at most).',
  ),
  idToken: seconds(600, day, 'ID tokens.'),
  refreshToken: seconds(
    14 * day,
    366 * day,
    'A family of refresh tokens, counted from the login; rotation does not extend it.',
  ),
  session: seconds(14 * day, 366 * day, 'A person’s session at the provider.'),
  interaction: seconds(3600, day, 'Time to finish a login or consent page.'),
  mailLink: seconds(
    1800,
    day,
    'Links that are sent by mail: to choose a new password, to confirm an address.',
  ),
  invitation: seconds(7 * day, 30 * day, 'Links that invite somebody to make an account.'),
  deviceCode: seconds(600, 1800, 'Time to let a device in (RFC 8628 section 3.2).'),
  clientCredentials: seconds(600, day, 'Access tokens issued to an application for itself.'),
  refreshTokenGrace: seconds(
    10,
    60,
    'How long a repeated refresh token still gets its successor, so that two tabs may refresh at once; 0 turns it off.',
    0,
  ),
});

const keys = z.strictObject({
  algorithms: z
    .array(z.enum(SIGNATURE_ALGORITHMS))
    .min(1)
    .default(['RS256', 'ES256'])
    .describe('Signing algorithms for which keys are kept. OpenID clients expect RS256.'),
  rotationInterval: seconds(30 * day, 366 * day, 'Age at which a signing key is replaced.'),
  jwksMaxAge: seconds(300, day, 'How long clients may cache the JWKS.'),
  announceMargin: seconds(
    60,
    3600,
    'How much longer than the cache time a new key is announced before it signs.',
    0,
  ),
  external: externalKeys.prefault({}).describe('Signing keys that are kept elsewhere.'),
});

/** The whole configuration. Parsing an empty object gives the defaults. */
export const configurationSchema = z.strictObject({
  issuer: issuer
    .prefault('http://localhost:3000')
    .describe('The one public origin, as clients and browsers see it; https outside loopback.'),
  host: hostName.default('127.0.0.1').describe('Address to listen on.'),
  port: port(3000, 'Port to listen on; 0 takes any free one.'),
  managementHost: hostName
    .default('127.0.0.1')
    .describe('Address of the management listener (`/healthz`, `/readyz`, `/metrics`).'),
  managementPort: port(3001, 'Port of the management listener; 0 takes any free one.'),
  dataDir: z
    .string()
    .min(1)
    .default('./data')
    .describe('Embedded database, generated secrets and outbox; made with mode 0700.')
    .register(settingTraits, { path: true }),
  databaseUrl: databaseUrl
    .exactOptional()
    .describe(
      'PostgreSQL for people, applications, APIs and keys: `postgres://user:password@host:5432/database`. Its certificate is verified unless it is on this machine; `?sslmode=` says otherwise: `disable`, `no-verify`, `verify-ca`, `verify-full`. Without it they live in SQLite in the data directory.',
    )
    .register(settingTraits, { secret: true }),
  database: database
    .prefault({})
    .describe('The connection to PostgreSQL; without effect unless `database_url` is set.'),
  redisUrl: redisUrl
    .exactOptional()
    .describe(
      'Redis for sessions, tokens and counters: `redis://user:password@host:port/database`, `redis-sentinel://…@host1:26379,host2:26379/database?master=name` or `redis-cluster://…@host1:6379,host2:6379`; with `rediss` in place of `redis` over TLS. Without it they live in SQLite in the data directory.',
    )
    .register(settingTraits, { secret: true }),
  redis: redis.prefault({}).describe('The connection to Redis; without effect unless `redis_url` is set.'),
  encryptionKey: z
    .array(encryptionKey)
    .default([])
    .describe(
      'Keys that encrypt secrets at rest, newest first, each 32 random bytes in base64 or base64url. When empty, one is generated in the data directory; machines that share PostgreSQL or Redis need the same.',
    )
    .register(settingTraits, { secret: true }),
  workers: z
    .union([z.literal('auto'), z.int().min(1).max(256)])
    .default(1)
    .describe('Processes that serve requests; `auto` is one a core.'),
  trustedProxies: z
    .array(trustedProxy)
    .default([])
    .describe('Whose forwarded headers are believed: addresses, CIDR ranges, or `loopback`.'),
  smtpUrl: smtpUrl
    .exactOptional()
    .describe(
      'Where mail goes: `smtp://user:password@host:587`, which must offer STARTTLS unless it is on this machine or `?starttls=off` is appended, or `smtps://user:password@host:465`. Without it each mail becomes a file in `outbox` in the data directory.',
    )
    .register(settingTraits, { secret: true }),
  mail: mail.prefault({}).describe('Mail to people.'),
  tls: z
    .strictObject({
      certFile: path('PEM file with the certificate chain, leaf first.'),
      keyFile: path('PEM file with the certificate’s private key.'),
    })
    .prefault({})
    .describe('Own TLS: both files or none. Latchkey reads them again when they change.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('Least severe level that is logged.'),
    })
    .prefault({})
    .describe('The log, one JSON object a line on standard output.'),
  accounts: accounts.prefault({}).describe('Where people come from.'),
  registration: registration.prefault({}).describe('People who make their own accounts.'),
  accountPage: accountPage.prefault({}).describe('People’s own pages, at `/account`.'),
  passkeys: passkeys.prefault({}).describe('Sign-in by passkey.'),
  upstream: upstream.prefault({}).describe('Sign-in at other OpenID providers.'),
  clientRegistration: clientRegistration
    .prefault({})
    .describe('Applications that register themselves (RFC 7591, RFC 7592).'),
  clientDocuments: clientDocuments
    .prefault({})
    .describe('Applications that are known by the address of a document about them.'),
  passwords: passwords.prefault({}).describe('What a new password must be, and what hashing it costs.'),
  secondFactor: secondFactor.prefault({}).describe('The second step of signing in.'),
  throttling: throttling.prefault({}).describe('Limits on attempts.'),
  lifetimes: lifetimes.prefault({}).describe('How long things live, in seconds.'),
  keys: keys.prefault({}).describe('Signing keys and their rotation.'),
  branding: branding.prefault({}).describe('Your name, colours and links on the pages.'),
  languages: languages.prefault({}).describe('The languages of pages and mails.'),
  viewsDir: path('Folder whose templates replace those of the same name in `views`.'),
  outbound: outbound.prefault({}).describe('Calls to addresses that applications have registered.'),
  notifications: notifications.prefault({}).describe('Notices to applications, delivered in the background.'),
  features: features.prefault({}).describe('Protocol features.'),
});

/** A configuration that was checked: paths are absolute, the issuer is a bare origin without a trailing slash. */
export type Configuration = z.infer<typeof configurationSchema>;
