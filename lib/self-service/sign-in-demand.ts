/** What a page of a signed-in person asks for. */
export interface SignInDemand {
  /** The person proved themselves within the last FRESH_SECONDS. */
  fresh?: boolean;
  /** An `acr` value that what was proved must reach. */
  acr?: string;
}
