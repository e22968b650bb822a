/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/**
 * Fetches a JSON object, within `timeout` seconds and without following redirects: a document of trust comes from where
 * it was asked for.
 *
 * @throws {Error} that names the URL and what was wrong.
 */
export async function fetchJson(
  fetchWith: Fetch,
  url: string,
  timeout: number,
): Promise<Record<string, unknown>> {
  try {
    const response = await fetchWith(url, {
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeout * 1000),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    const body: unknown = await response.json();
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Error('not a JSON object');
    return body as Record<string, unknown>;
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(`${url}: ${cause instanceof Error ? `${message}: ${cause.message}` : message}`, {
      cause: error,
    });
  }
}
