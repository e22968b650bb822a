import type { SafeFetch } from '../outbound/safe-fetch.ts';

/** How long a receiver may take (ms). */
const TIMEOUT_MILLISECONDS = 5000;
/** Of its answer nothing is used. */
const LONGEST_ANSWER = 16_384;

/** Posts a notice; rejects, naming what came, unless it was taken (200 or 204). */
export async function postNotice(
  safeFetch: SafeFetch,
  uri: string,
  { body, headers = {} }: { body: string | URLSearchParams; headers?: Record<string, string> },
): Promise<void> {
  const { status } = await safeFetch(uri, {
    method: 'POST',
    headers,
    body,
    timeoutMs: TIMEOUT_MILLISECONDS,
    maximumBytes: LONGEST_ANSWER,
  });
  if (status !== 200 && status !== 204) throw new Error(`it answered ${status}`);
}
