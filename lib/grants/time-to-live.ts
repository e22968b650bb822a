/** The longest that anything is remembered (s): two years and a bit, what the configuration can add up to for a grant. */
const LONGEST_SECONDS = 800 * 86_400;
/** For what comes without a usable lifetime (s). */
const FALLBACK_SECONDS = 86_400;

/**
 * When a record expires (Unix time, s): the engine's lifetimes arrive fractional, huge, zero, negative or not at all, and
 * nothing may be stored for ever.
 */
export function expiryOf(expiresIn: unknown, now: number): number {
  const wanted =
    typeof expiresIn === 'number' && !Number.isNaN(expiresIn) ? Math.ceil(expiresIn) : FALLBACK_SECONDS;
  return now + Math.min(Math.max(wanted, 1), LONGEST_SECONDS);
}
