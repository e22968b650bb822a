import { z } from 'zod';
import { count, seconds } from './setting-traits.ts';
import { networkRange } from './value-formats.ts';

/** Calls to addresses that others have named. */
export const outbound = z.strictObject({
  privateNetworks: z
    .array(networkRange)
    .default([])
    .describe(
      'Networks that Latchkey may call although they are not of the public Internet, for applications in your own: addresses, CIDR ranges, or `loopback`, which only an issuer on loopback may allow.',
    ),
});

/** Notices that wait until they are delivered. */
export const notifications = z.strictObject({
  attempts: count(
    10,
    1,
    30,
    'How often a notice is tried before it is given up; each wait is three times as long as the one before, an hour at most.',
  ),
  firstRetry: seconds(5, 3600, 'How long after the first failed attempt the second is made.'),
});
