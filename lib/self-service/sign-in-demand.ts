/** How long (s) a sign-in is good enough for a change that matters (ASVS 5.0 V7.5.1). */
export const FRESH_SECONDS = 600;

/** What a page of a signed-in person asks for. */
export interface SignInDemand {
  /** The person proved themselves within the last FRESH_SECONDS. */
  fresh?: boolean;
  /** An `acr` value that what was proved must reach. */
  acr?: string;
}

/** Whether a sign-in is recent enough for a change that matters. */
export function isFresh({ authenticatedAt }: { authenticatedAt: number }): boolean {
  return Math.floor(Date.now() / 1000) - authenticatedAt <= FRESH_SECONDS;
}
