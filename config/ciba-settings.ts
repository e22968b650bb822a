import { z } from 'zod';
import { seconds, settingTraits } from './setting-traits.ts';
import { accountServiceUrl } from './value-formats.ts';

/** Client-initiated backchannel authentication: sign-in that an application asks for and a person confirms elsewhere. */
export const ciba = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe(
      'Lets clients that registered for it ask a person to confirm a sign-in on a device of theirs (OpenID Connect CIBA, by poll and ping). The person is told by mail and decides on their account page.',
    ),
  lifetime: seconds(300, 1800, 'Time to confirm such a request.'),
  deviceUrl: accountServiceUrl
    .exactOptional()
    .describe(
      'A service of yours that is told of each such request as well, to bring it to the person’s device; https outside loopback.',
    ),
  deviceToken: z
    .string()
    .min(16)
    .exactOptional()
    .describe('Bearer token that Latchkey shows to that service.')
    .register(settingTraits, { secret: true }),
});
