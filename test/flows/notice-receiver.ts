import { readFileSync } from 'node:fs';
import {
  createServer,
  type IncomingHttpHeaders,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { CertificateFiles } from '../redis/test-certificates.ts';
import { eventually } from './latchkey-process.ts';

/** One request that came. */
export interface ReceivedNotice {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

/** What is done with a request: answered with a status, or left without any answer. */
type Reaction = number | 'hang';

/** An application's endpoint for notices, on loopback: it can be down, slow or grumpy, and remembers what came. */
export class NoticeReceiver {
  readonly received: ReceivedNotice[] = [];
  /** How it treats what comes next. */
  reaction: Reaction = 200;
  readonly #server: Server;
  readonly #scheme: 'http' | 'https';
  #port = 0;

  private constructor(files: CertificateFiles | undefined) {
    const listener: RequestListener = (request, response) => {
      let body = '';
      request.setEncoding('utf8');
      request.on('data', (chunk: string) => {
        body += chunk;
      });
      request.on('end', () => {
        this.#take({ path: request.url ?? '', headers: request.headers, body }, response);
      });
    };
    this.#scheme = files === undefined ? 'http' : 'https';
    this.#server =
      files === undefined
        ? createServer(listener)
        : createTlsServer(
            { cert: readFileSync(files.serverCertificate), key: readFileSync(files.serverKey) },
            listener,
          );
  }

  /** Where it listens, also while it is down. */
  get origin(): string {
    return `${this.#scheme}://127.0.0.1:${this.#port}`;
  }

  /** With `files` over TLS, by a certificate of their authority. */
  static async start(files?: CertificateFiles): Promise<NoticeReceiver> {
    const receiver = new NoticeReceiver(files);
    await receiver.up();
    return receiver;
  }

  /** Listens, where it did before. */
  async up(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Refuses connections, and cuts off those that are open. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  /** Waits until there are `count` requests for `path`, and answers them. */
  async have(count: number, path: string, milliseconds = 45_000): Promise<ReceivedNotice[]> {
    const found = () => this.received.filter((notice) => notice.path === path);
    await eventually(`${count} notices at ${path}`, () => found().length >= count, milliseconds);
    return found();
  }

  #take(notice: ReceivedNotice, response: ServerResponse): void {
    this.received.push(notice);
    if (this.reaction === 'hang') return;
    response.writeHead(this.reaction).end();
  }
}
