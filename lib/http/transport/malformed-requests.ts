import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';

type Headers = ReadonlyArray<readonly [string, string]>;

/** What the parser's complaints mean (RFC 9110 §15.5.9, RFC 6585 §5); all others are 400. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** Answers without a body and closes the connection: for requests that must not reach the application. */
export function refuse(response: ServerResponse, status: number, headers: Headers): void {
  for (const [name, value] of headers) response.setHeader(name, value);
  response.setHeader('Cache-Control', 'no-store');
  response.setHeader('Connection', 'close');
  response.writeHead(status, { 'Content-Length': '0' }).end();
}

/**
 * For the server's `clientError`: what cannot be parsed as HTTP has no request and no application, and still gets the
 * headers that every answer carries. `answerOn` knows the response that a connection is busy with: once that has begun, a
 * second one in the middle of it would be read as part of it.
 */
export function malformedRequestHandler(
  headers: Headers,
  answerOn: (socket: Duplex) => ServerResponse | undefined,
) {
  const lines = [...headers, ['Cache-Control', 'no-store'], ['Connection', 'close'], ['Content-Length', '0']]
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const response = answerOn(socket);
    const begun = response?.headersSent === true && !response.writableFinished;
    if (error.code === 'ECONNRESET' || !socket.writable || begun) {
      socket.destroy();
      return;
    }
    const status = STATUS_BY_CODE[error.code ?? ''] ?? 400;
    const answer = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nDate: ${new Date().toUTCString()}\r\n${lines}\r\n`;
    socket.end(answer, () => socket.destroy());
  };
}
