/**
 * One kept-alive HTTP/1.1 connection to a server on loopback, one request at a time. It exists because a general
 * client costs as much processor time as the servers measured here, and a load generator that is the bottleneck
 * measures itself. It reads what RFC 9112 section 6 lets a server send: no body, Content-Length, or chunked.
 */
import { connect, type Socket } from 'node:net';

export interface HttpRequest {
  method: 'GET' | 'POST';
  /** Path and query. */
  path: string;
  headers?: Record<string, string>;
  /** Sent as application/x-www-form-urlencoded. */
  form?: string;
}

export interface HttpResponse {
  status: number;
  /** By lower-case name; repeated fields joined by ", ", except Set-Cookie. */
  headers: Map<string, string>;
  setCookie: string[];
  body: string;
}

interface Waiting {
  resolve: (response: HttpResponse) => void;
  reject: (error: Error) => void;
}

const endOfHead = Buffer.from('\r\n\r\n');

export class HttpConnection {
  readonly #port: number;
  readonly #hostHeader: string;
  #socket: Socket | undefined;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;
  /** Requests answered so far. */
  requests = 0;

  constructor(options: { port: number; hostHeader: string }) {
    this.#port = options.port;
    this.#hostHeader = options.hostHeader;
  }

  /** Sends one request and resolves with its whole answer. Rejects when the connection breaks. */
  request(request: HttpRequest): Promise<HttpResponse> {
    if (this.#waiting) {
      throw new Error('one request at a time');
    }
    let head = `${request.method} ${request.path} HTTP/1.1\r\nHost: ${this.#hostHeader}\r\nConnection: keep-alive\r\n`;
    for (const [name, value] of Object.entries(request.headers ?? {})) {
      head += `${name}: ${value}\r\n`;
    }
    if (request.form !== undefined) {
      head += `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${Buffer.byteLength(request.form)}\r\n`;
    }
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#open().write(`${head}\r\n${request.form ?? ''}`);
    });
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }

  #open(): Socket {
    if (this.#socket) {
      return this.#socket;
    }
    const socket = connect({ host: '127.0.0.1', port: this.#port, noDelay: true });
    this.#socket = socket;
    this.#received = Buffer.alloc(0);
    socket.on('data', (chunk) => {
      this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
      this.#read();
    });
    socket.on('error', (error) => this.#fail(socket, error));
    socket.on('close', () => this.#fail(socket, new Error('the server closed the connection')));
    return socket;
  }

  #fail(socket: Socket, error: Error): void {
    if (this.#socket !== socket) {
      return;
    }
    this.#socket = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #read(): void {
    const headEnd = this.#received.indexOf(endOfHead);
    if (headEnd < 0 || !this.#waiting) {
      return;
    }
    const response = parseHead(this.#received.toString('latin1', 0, headEnd));
    const body = takeBody(this.#received, headEnd + 4, response);
    if (body === undefined) {
      return;
    }
    response.body = body.text;
    this.#received = this.#received.subarray(body.end);
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    this.requests += 1;
    if (response.headers.get('connection')?.toLowerCase() === 'close') {
      this.close();
    }
    resolve(response);
  }
}

function parseHead(head: string): HttpResponse {
  const lines = head.split('\r\n');
  const response: HttpResponse = {
    status: Number(lines[0]?.slice(9, 12)),
    headers: new Map(),
    setCookie: [],
    body: '',
  };
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index] ?? '';
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (name === 'set-cookie') {
      response.setCookie.push(value);
    } else {
      const before = response.headers.get(name);
      response.headers.set(name, before === undefined ? value : `${before}, ${value}`);
    }
  }
  return response;
}

/** The body and where it ends; `undefined` while some of it has not arrived. */
function takeBody(
  received: Buffer,
  start: number,
  response: HttpResponse,
): { text: string; end: number } | undefined {
  if (response.status === 204 || response.status === 304) {
    return { text: '', end: start };
  }
  if (response.headers.get('transfer-encoding') === 'chunked') {
    return takeChunks(received, start);
  }
  const length = Number(response.headers.get('content-length'));
  if (!Number.isInteger(length)) {
    throw new Error(`answer ${response.status} without a length`);
  }
  const end = start + length;
  return received.length < end ? undefined : { text: received.toString('utf8', start, end), end };
}

function takeChunks(received: Buffer, start: number): { text: string; end: number } | undefined {
  const chunks: Buffer[] = [];
  let position = start;
  for (;;) {
    const lineEnd = received.indexOf('\r\n', position);
    if (lineEnd < 0) {
      return undefined;
    }
    const size = Number.parseInt(received.toString('latin1', position, lineEnd), 16);
    const chunkStart = lineEnd + 2;
    if (received.length < chunkStart + size + 2) {
      return undefined;
    }
    if (size === 0) {
      return { text: Buffer.concat(chunks).toString('utf8'), end: chunkStart + 2 };
    }
    chunks.push(received.subarray(chunkStart, chunkStart + size));
    position = chunkStart + size + 2;
  }
}
