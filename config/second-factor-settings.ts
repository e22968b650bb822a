import { z } from 'zod';
import { count, seconds } from './setting-traits.ts';

const day = 86_400;

/** When a second step is asked for at sign-in, and what it may be. */
export const secondFactor = z.strictObject({
  policy: z
    .enum(['off', 'enrolled', 'required'])
    .default('enrolled')
    .describe(
      'Who takes a second step at sign-in: `enrolled` those who have set one up, `required` everybody (who has none sets one up at their next sign-in), `off` nobody whom no application, scope or group asks for it.',
    ),
  groups: z
    .array(z.string().min(1))
    .default([])
    .describe('Groups (claim `groups`) whose people must take a second step, whatever the policy.'),
  scopes: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Scopes that are given only after two factors were proved in the session, such as `payments:write`.',
    ),
  mailCode: z
    .boolean()
    .default(false)
    .describe(
      'Lets a code sent to a confirmed e-mail address be the second step. It is weaker: whoever reads the mailbox can also have a new password, so that it never counts as a second factor for `acr`.',
    ),
  rememberDevice: seconds(
    30 * day,
    366 * day,
    'How long a browser may be remembered, so that signing in there needs no second step; 0: never. What an application or a scope asks for is asked all the same.',
    0,
  ),
  rememberedDevices: count(10, 1, 100, 'How many browsers of one person are remembered.'),
});

/** Limits on guessing the codes of second steps. */
export const secondFactorThrottling = z.strictObject({
  perAddress: count(
    10,
    1,
    10_000,
    'Wrong codes of one person from one address in a window before further ones wait.',
  ),
  window: seconds(900, day, 'Length of the window.'),
  perDay: count(
    100,
    1,
    100_000,
    'Wrong codes of one person in a day from addresses where they have not taken a second step lately.',
  ),
});
