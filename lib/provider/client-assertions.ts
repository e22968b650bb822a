import { type Configuration as EngineConfiguration, errors } from 'oidc-provider';

/** How far (s) a client's clock may be ahead: as the engine has it. */
const CLOCK_TOLERANCE_SECONDS = 15;
/** How long (s) an assertion that does not say when it was made is taken to live at most. */
const LONGEST_LIFE_SECONDS = 86_400;

/**
 * RFC 7523 §3 and §4: an assertion is used once. Which ones were used before `rememberedSince` (Unix time, ms) is not known,
 * so only those that were made afterwards are accepted. One without `iat` counts as made a day before it expires.
 */
export function clientAssertions(
  rememberedSince: number,
): NonNullable<EngineConfiguration['assertJwtClientAuthClaimsAndHeader']> {
  const earliest = rememberedSince === 0 ? 0 : Math.ceil(rememberedSince / 1000) + CLOCK_TOLERANCE_SECONDS;
  return (_ctx, claims) => {
    const { iat, exp } = claims as { iat?: number; exp: number };
    if ((iat ?? exp - LONGEST_LIFE_SECONDS) < earliest) {
      throw new errors.InvalidClientAuth('the client assertion may have been used before a restore');
    }
  };
}
