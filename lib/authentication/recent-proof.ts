/** How long (s) a sign-in is good enough for a change that matters (ASVS 5.0 V7.5.1). */
export const FRESH_SECONDS = 600;

/** Whether somebody proved themselves (Unix time, s) recently enough for a change that matters. */
export function isFresh({ authenticatedAt }: { authenticatedAt: number }): boolean {
  return Math.floor(Date.now() / 1000) - authenticatedAt <= FRESH_SECONDS;
}
