import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testCertificate } from '../config/test-certificate.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

/** A web server of somebody else's, over https on loopback: what it answers at each path is the test's to say. */
export class DocumentServer {
  readonly origin: string;
  /** What a Latchkey needs to call it: it trusts the certificate, and may call loopback. */
  readonly environment: Record<string, string>;
  readonly #handlers = new Map<string, Handler>();
  readonly #requests: string[] = [];
  readonly #server: Server;
  readonly #folder: string;

  private constructor(server: Server, port: number, folder: string) {
    this.#server = server;
    this.#folder = folder;
    this.origin = `https://localhost:${port}`;
    this.environment = {
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      NODE_EXTRA_CA_CERTS: path.join(folder, 'certificate.pem'),
    };
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { pathname } = new URL(request.url ?? '/', this.origin);
      this.#requests.push(pathname);
      const handler = this.#handlers.get(pathname);
      if (handler === undefined) response.writeHead(404).end();
      else handler(request, response);
    });
  }

  static async start(): Promise<DocumentServer> {
    const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-documents-'));
    writeFileSync(path.join(folder, 'certificate.pem'), testCertificate.certificate);
    const server = createServer({ cert: testCertificate.certificate, key: testCertificate.key });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new DocumentServer(server, (server.address() as { port: number }).port, folder);
  }

  /** From now on this path is answered so; answers its address. */
  at(pathname: string, handler: Handler): string {
    this.#handlers.set(pathname, handler);
    return `${this.origin}${pathname}`;
  }

  /** The same with JSON. */
  json(pathname: string, value: unknown, headers: Record<string, string> = {}): string {
    return this.at(pathname, (_request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(value));
    });
  }

  /** How often this path was asked for. */
  asked(pathname: string): number {
    return this.#requests.filter((each) => each === pathname).length;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
