import { type Configuration as EngineConfiguration, errors } from 'oidc-provider';
import { assertProfiledAssertion } from '../requests/profiles.ts';

/** How far (s) a client's clock may be ahead: as the engine has it. */
const CLOCK_TOLERANCE_SECONDS = 15;
/** How long (s) an assertion that does not say when it was made is taken to live at most. */
const LONGEST_LIFE_SECONDS = 86_400;

/**
 * Whether an assertion may have been used at a time of which nothing is remembered, before `rememberedSince` (Unix time, ms; 0 for
 * never). One without `iat` counts as made a day before it expires.
 */
export function mayHaveBeenUsed(
  rememberedSince: number,
  { iat, exp }: { iat?: number | undefined; exp: number },
): boolean {
  const earliest = rememberedSince === 0 ? 0 : Math.ceil(rememberedSince / 1000) + CLOCK_TOLERANCE_SECONDS;
  return (iat ?? exp - LONGEST_LIFE_SECONDS) < earliest;
}

/** RFC 7523 §3 and §4: an assertion is used once, and only one that was made since that is remembered. */
export function clientAssertions(
  rememberedSince: number,
): NonNullable<EngineConfiguration['assertJwtClientAuthClaimsAndHeader']> {
  return (ctx, claims, header, client) => {
    assertProfiledAssertion(ctx, claims, header, client);
    if (mayHaveBeenUsed(rememberedSince, claims as { iat?: number; exp: number })) {
      throw new errors.InvalidClientAuth('the client assertion may have been used before a restore');
    }
  };
}
