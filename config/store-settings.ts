import { z } from 'zod';
import { count, path, seconds, settingTraits } from './setting-traits.ts';
import { redisKeyPrefix } from './value-formats.ts';

/** The connection to PostgreSQL. */
export const database = z.strictObject({
  poolSize: count(
    10,
    2,
    200,
    'Connections that one process opens at most, besides one that listens for changes.',
  ),
  connectTimeout: count(
    2000,
    100,
    60_000,
    'How long a connection may take, or the wait for a free one, in milliseconds.',
  ),
  statementTimeout: count(
    2000,
    100,
    60_000,
    'How long a statement may take before the request is answered with 503, in milliseconds.',
  ),
  staleness: seconds(
    60,
    3600,
    'How long what was read last still counts while the database cannot be reached; then the answer is 503.',
  ),
  migrationTimeout: seconds(30, 3600, 'How long a starting process waits for another one’s migration.'),
  caFile: path(
    'PEM file with the authorities that may have signed the server’s certificate; by default those that Node knows.',
  ),
  certFile: path('PEM file with the certificate that Latchkey shows to the server.'),
  keyFile: path('PEM file with the private key of that certificate.'),
});

/** The connection to Redis. */
export const redis = z.strictObject({
  caFile: path(
    'PEM file with the authorities that may have signed the certificates of Redis; by default the system’s.',
  ),
  certFile: path('PEM file with the certificate that Latchkey shows to Redis.'),
  keyFile: path('PEM file with the private key of that certificate.'),
  sentinelUsername: z
    .string()
    .min(1)
    .exactOptional()
    .describe('ACL user at the Sentinels, when they have one.'),
  sentinelPassword: z
    .string()
    .min(1)
    .exactOptional()
    .describe('Password of the Sentinels; the one in the URL is for the servers that they watch.')
    .register(settingTraits, { secret: true }),
  keyPrefix: redisKeyPrefix
    .exactOptional()
    .describe('What every key begins with; by default `latchkey:` and the issuer’s host.'),
  commandTimeout: count(
    1000,
    100,
    10_000,
    'How long Redis may take to answer before the request is answered with 503, in milliseconds.',
  ),
  waitReplicas: count(
    0,
    0,
    10,
    'How many replicas must have received a write before it counts (the `WAIT` command); 0 does not wait.',
  ),
});
