import { z } from 'zod';
import { count } from './setting-traits.ts';
import { accountServiceUrl } from './value-formats.ts';

/** What a new password must be, and what hashing it costs. */
export const passwords = z.strictObject({
  minimumLength: count(8, 8, 64, 'Fewest characters of a new password (ASVS 5.0 V6.2.1).'),
  breached: z
    .strictObject({
      url: accountServiceUrl
        .exactOptional()
        .describe(
          'A service that knows leaked passwords by the first five hexadecimal digits of their SHA-1, such as `https://api.pwnedpasswords.com/range`; nobody is asked without it.',
        ),
      timeout: count(
        1500,
        100,
        10_000,
        'How long it may take, in milliseconds; without an answer the password is taken.',
      ),
      minimum: count(1, 1, 1_000_000, 'In how many leaks a password must have been seen to be refused.'),
    })
    .prefault({})
    .describe('New passwords that have leaked somewhere.'),
  argon2: z
    .strictObject({
      memory: count(19_456, 7168, 4_194_304, 'argon2id memory in KiB.'),
      iterations: count(2, 1, 100, 'argon2id passes over the memory.'),
      parallelism: count(1, 1, 64, 'argon2id lanes.'),
    })
    .prefault({})
    .describe('Cost of hashing a password. Raising it rehashes each password at its next login.'),
});
