/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Characters of the longest document that is read. */
const LONGEST_DOCUMENT = 1_048_576;

/**
 * Fetches a text, within `timeout` seconds and without following redirects: a document of trust comes from where it was
 * asked for.
 *
 * @throws {Error} that names the URL and what was wrong.
 */
export function fetchText(
  fetchWith: Fetch,
  url: string,
  { accept, timeout }: { accept: string; timeout: number },
): Promise<string> {
  return fetchDocument(fetchWith, url, { accept, timeout }, (text) => text);
}

/**
 * Fetches a JSON object, in the same way.
 *
 * @throws {Error} that names the URL and what was wrong.
 */
export function fetchJson(fetchWith: Fetch, url: string, timeout: number): Promise<Record<string, unknown>> {
  return fetchDocument(fetchWith, url, { accept: 'application/json', timeout }, (text) => {
    const body: unknown = JSON.parse(text);
    if (typeof body !== 'object' || body === null || Array.isArray(body))
      throw new Error('not a JSON object');
    return body as Record<string, unknown>;
  });
}

async function fetchDocument<Value>(
  fetchWith: Fetch,
  url: string,
  { accept, timeout }: { accept: string; timeout: number },
  read: (text: string) => Value,
): Promise<Value> {
  try {
    const response = await fetchWith(url, {
      headers: { accept },
      redirect: 'error',
      signal: AbortSignal.timeout(timeout * 1000),
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`status ${response.status}`);
    }
    return read(await boundedText(response));
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(`${url}: ${cause instanceof Error ? `${message}: ${cause.message}` : message}`, {
      cause: error,
    });
  }
}

async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > LONGEST_DOCUMENT) throw new Error('the document is too long');
  }
  return text + decoder.decode();
}
