import type { SafeFetch } from '../../outbound/safe-fetch.ts';

/** How long a receiver may take (ms). */
const TIMEOUT_MILLISECONDS = 5000;
/** Of its answer nothing is used. */
const LONGEST_ANSWER = 16_384;

/** The receiver has answered, but not that it has taken the notice. */
export class NoticeNotTaken extends Error {
  override name = 'NoticeNotTaken';
  readonly status: number;

  constructor(status: number) {
    super(`it answered ${status}`);
    this.status = status;
  }

  /** Whether it would answer the same again: it means the notice, and not the moment. */
  get isFinal(): boolean {
    return this.status >= 300 && this.status < 500 && ![408, 425, 429].includes(this.status);
  }
}

/** Posts a notice; rejects with {@link NoticeNotTaken}, unless it was taken (200 or 204). */
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
  if (status !== 200 && status !== 204) throw new NoticeNotTaken(status);
}
