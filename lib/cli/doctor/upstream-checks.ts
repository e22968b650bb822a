import { createSafeFetch } from '../../outbound/safe-fetch.ts';
import { UpstreamClient } from '../../upstream/upstream-client.ts';
import { type Check, type Finding, fine, problem } from './finding.ts';

/** Each other provider that people may sign in at: its metadata can be had, and names the issuer that is configured. */
export const upstreamCheck: Check = ({ configuration }) => {
  const { issuer, upstream, outbound } = configuration;
  const safeFetch = createSafeFetch(outbound);
  return Promise.all(
    Object.entries(upstream.providers).map(async ([id, settings]): Promise<Finding> => {
      const redirectUri = `${issuer}/upstream/${id}/callback`;
      try {
        await new UpstreamClient({ settings, redirectUri, safeFetch }).configuration();
        return fine('upstream', `${id}: ${settings.issuer} answers; it sends people back to ${redirectUri}`);
      } catch (error) {
        return problem(
          'upstream',
          `${id}: nobody can sign in at ${settings.issuer}: ${reasonOf(error)}`,
          'check the issuer, its certificate and the way there; an address that is not public has to be in outbound.private_networks',
        );
      }
    }),
  );
};

/** The innermost words, which say what was wrong. */
function reasonOf(error: unknown): string {
  let cause = error;
  for (let depth = 0; depth < 5 && cause instanceof Error && cause.cause instanceof Error; depth += 1) {
    cause = cause.cause;
    if ((cause as Error).name === 'SafeFetchError') break;
  }
  return cause instanceof Error ? cause.message : String(cause);
}
