import type { IncomingMessage, ServerResponse } from 'node:http';
import { noteOf } from '../observability/request-note.ts';
import type { ProviderHost } from '../provider/provider.ts';

/**
 * Answers JWKS and discovery from memory, before a Koa context exists: resource servers ask for them all the time, and
 * they must answer while every store is down. `maxAge` (s) is what key rotation waits for before a new key signs.
 */
export function publishedDocumentHandler(
  host: ProviderHost,
  headers: ReadonlyArray<readonly [string, string]>,
  maxAge: number,
): (request: IncomingMessage, response: ServerResponse) => boolean {
  const fixed: string[] = headers.flat();
  fixed.push('Access-Control-Allow-Origin', '*', 'Cache-Control', `public, max-age=${maxAge}`);
  return (request, response) => {
    const { method, url = '' } = request;
    if (method !== 'GET' && method !== 'HEAD') return false;
    const query = url.indexOf('?');
    const document = host.current().documents.get(query === -1 ? url : url.slice(0, query));
    if (document === undefined) return false;
    const { body, type, etag } = document;
    const note = noteOf(request);
    if (note !== undefined) note.endpoint = url.startsWith('/jwks') ? 'jwks' : 'discovery';
    const known = request.headers['if-none-match'];
    if (known === '*' || known?.includes(etag) === true) {
      response.writeHead(304, [...fixed, 'ETag', etag]).end();
      return true;
    }
    response.writeHead(200, [
      ...fixed,
      'Content-Type',
      type,
      'Content-Length',
      String(body.length),
      'ETag',
      etag,
    ]);
    response.end(method === 'HEAD' ? undefined : body);
    return true;
  };
}
