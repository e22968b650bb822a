import { connect, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** An answer as it was on the wire. */
export interface RawAnswer {
  status: number;
  /** Names in lower case; several lines of one name are joined with a line feed. */
  headers: Map<string, string>;
  body: string;
  text: string;
}

function parse(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [statusLine = '', ...lines] = head.split('\r\n');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers.set(name, headers.has(name) ? `${headers.get(name)}\n${value}` : value);
  }
  return { status: Number(statusLine.split(' ')[1] ?? 0), headers, body: rest.join('\r\n\r\n'), text };
}

/** Sends bytes as they are, what no HTTP client would send included, and reads until the server closes. Status 0: no answer. */
export function rawRequest(
  port: number,
  bytes: string | Buffer,
  options: { tls?: boolean; milliseconds?: number } = {},
): Promise<RawAnswer> {
  const { tls = false, milliseconds = 30_000 } = options;
  return new Promise((resolve, reject) => {
    const socket: Socket | TLSSocket = tls
      ? connectTls({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false })
      : connect(port, '127.0.0.1');
    let text = '';
    socket.setEncoding('latin1');
    socket.setTimeout(milliseconds, () => {
      socket.destroy();
      reject(
        new Error(
          `no end of the answer to ${JSON.stringify(String(bytes).slice(0, 80))}: ${text.slice(0, 200)}`,
        ),
      );
    });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    // A server that refuses early resets what is still being sent; its answer is what counts.
    socket.on('error', () => {});
    socket.on('close', () => resolve(parse(text)));
    socket.write(bytes);
  });
}
