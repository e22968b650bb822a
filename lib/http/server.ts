import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../observability/log.ts';
import { malformedRequestHandler, refuse } from './malformed-requests.ts';

/** How often (ms) the certificate's files are looked at. */
const CERTIFICATE_POLL_MILLISECONDS = 2000;
/** How long (ms) a stopping server waits for requests in flight. */
const STOP_MILLISECONDS = 30_000;
/** How long (ms) a stopping server lets a connection say what it was opened for. */
const FIRST_WORDS_MILLISECONDS = 1000;
/** A request must arrive whole within this time (ms), its headers within half of it. */
const REQUEST_MILLISECONDS = 30_000;
/** Longer than the idle time of common proxies (60 s), so that the proxy closes first. */
const KEEP_ALIVE_MILLISECONDS = 65_000;

/** A listening server. */
export interface RunningServer {
  port: number;
  /** Stops accepting, lets requests in flight finish (30 s at most), then closes. */
  stop(): Promise<void>;
}

interface TlsFiles {
  certFile: string;
  keyFile: string;
}

function readTls(files: TlsFiles): { cert: Buffer; key: Buffer; minVersion: 'TLSv1.2' } {
  return { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile), minVersion: 'TLSv1.2' };
}

function reloadWhenChanged(server: HttpsServer, files: TlsFiles, log: Log): () => void {
  const reload = (): void => {
    try {
      server.setSecureContext(readTls(files));
      log.info('the TLS certificate was reloaded');
    } catch (error) {
      // Half-written files are normal during a renewal: the old certificate stays until both fit.
      log.warn({ err: error }, 'the changed TLS certificate cannot be used yet; the former one stays');
    }
  };
  const paths = [files.certFile, files.keyFile];
  for (const path of paths) {
    watchFile(path, { interval: CERTIFICATE_POLL_MILLISECONDS, persistent: false }, reload);
  }
  return () => {
    for (const path of paths) unwatchFile(path, reload);
  };
}

const peerOf = (socket: Socket): string => `${socket.remoteAddress} ${socket.remotePort}`;

/**
 * Connections and what is in flight on them. Node counts one that has said nothing yet as busy, and browsers open some in
 * advance: each would hold up the end of the server until its time is out.
 */
class Connections {
  readonly #sockets = new Map<string, Socket>();
  readonly #requests = new Set<IncomingMessage>();

  add(socket: Socket): void {
    const peer = peerOf(socket);
    this.#sockets.set(peer, socket);
    socket.once('close', () => {
      if (this.#sockets.get(peer) === socket) this.#sockets.delete(peer);
    });
  }

  begin(request: IncomingMessage, response: ServerResponse): void {
    this.#requests.add(request);
    response.once('close', () => this.#requests.delete(request));
  }

  /** Closes those without a request in flight. Under TLS a request has another socket object, with the same peer. */
  closeIdle(): void {
    const busy = new Set([...this.#requests].map(({ socket }) => peerOf(socket)));
    for (const [peer, socket] of this.#sockets) if (!busy.has(peer)) socket.destroy();
  }
}

/**
 * Listens on `host`:`port` (0: any free port), over TLS when `tls` is given; the certificate is reloaded when its files
 * change. Rejects when the port is taken or the certificate cannot be read.
 */
export async function startServer(options: {
  host: string;
  port: number;
  tls?: TlsFiles;
  handle: RequestListener;
  headers: ReadonlyArray<readonly [string, string]>;
  log: Log;
  /** How long (ms) a request may take to arrive. */
  requestMilliseconds?: number;
}): Promise<RunningServer> {
  const { host, port, tls, handle, headers, log, requestMilliseconds = REQUEST_MILLISECONDS } = options;
  const unanswered = new WeakMap<Duplex, ServerResponse>();
  const connections = new Connections();
  let stopping = false;
  const listener: RequestListener = (request, response) => {
    connections.begin(request, response);
    unanswered.set(request.socket, response);
    if (stopping) response.setHeader('Connection', 'close');
    // RFC 9112 §3.2. Node's own answer to a missing Host has no headers.
    if (request.headers.host === undefined && request.httpVersion === '1.1') refuse(response, 400, headers);
    else handle(request, response);
  };
  const limits = {
    requestTimeout: requestMilliseconds,
    headersTimeout: requestMilliseconds / 2,
    connectionsCheckingInterval: requestMilliseconds / 6,
    keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
    requireHostHeader: false,
  };
  let server: Server | HttpsServer;
  let stopWatching = (): void => {};
  if (tls === undefined) {
    server = createHttpServer(limits, listener);
  } else {
    const secure = createHttpsServer({ ...limits, ...readTls(tls) }, listener);
    stopWatching = reloadWhenChanged(secure, tls, log);
    server = secure;
  }
  server.on('connection', (socket: Socket) => connections.add(socket));
  server.on('clientError', malformedRequestHandler(headers, unanswered));
  server.on('checkExpectation', (_request, response) => refuse(response, 417, headers));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      stopping = true;
      stopWatching();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeIdleConnections();
      const deadline = setTimeout(() => server.closeAllConnections(), STOP_MILLISECONDS);
      const since = performance.now();
      const idle = setInterval(() => {
        server.closeIdleConnections();
        if (performance.now() - since > FIRST_WORDS_MILLISECONDS) connections.closeIdle();
      }, 100);
      await closed;
      clearTimeout(deadline);
      clearInterval(idle);
    },
  };
}
