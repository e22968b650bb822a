import {
  createServer as createHttpServer,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Log } from '../../observability/log.ts';
import type { RequestObserver } from '../../observability/request-observer.ts';
import { Connections } from './connections.ts';
import { malformedRequestHandler, refuse } from './malformed-requests.ts';
import { type CertificateReloading, readTls, reloadCertificateOf, type TlsFiles } from './tls-certificate.ts';

/** How long (ms) a stopping server waits for requests in flight. */
const STOP_MILLISECONDS = 30_000;
/** How long (ms) a stopping server lets a connection say what it was opened for. */
const FIRST_WORDS_MILLISECONDS = 1000;
/** How often (ms) a stopping server looks for connections to close. */
const CLOSING_MILLISECONDS = 50;
/** A request must arrive whole within this time (ms), its headers within half of it. */
const REQUEST_MILLISECONDS = 30_000;
/** Longer than the idle time of common proxies (60 s), so that the proxy closes first. */
const KEEP_ALIVE_MILLISECONDS = 65_000;

/** How a server stops. */
export interface StopOptions {
  /**
   * How long (ms) a connection without a request stays open, for another process goes on serving: its client may be about
   * to use it, and is told to leave with the answer. Closed sooner, that request would fail. Default 0.
   */
  idleMilliseconds?: number;
}

/** A listening server. */
export interface RunningServer {
  port: number;
  /** Reads the TLS certificate again, where there is one. */
  reloadCertificate(): void;
  /** Stops accepting, lets requests in flight finish (30 s at most), then closes. */
  stop(options?: StopOptions): Promise<void>;
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
  observer?: RequestObserver;
  /** How long (ms) a request may take to arrive. */
  requestMilliseconds?: number;
}): Promise<RunningServer> {
  const {
    host,
    port,
    tls,
    handle,
    headers,
    log,
    observer,
    requestMilliseconds = REQUEST_MILLISECONDS,
  } = options;
  const connections = new Connections();
  let stopping = false;

  // One function for all: a closure for each request is garbage for each request.
  function onClose(this: ServerResponse): void {
    connections.ended(this.req);
    observer?.ended(this.req, this);
  }

  const listener: RequestListener = (request, response) => {
    connections.begun(request, response);
    observer?.begun(request);
    response.on('close', onClose);
    if (stopping) response.shouldKeepAlive = false;
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
  let certificate: CertificateReloading | undefined;
  if (tls === undefined) {
    server = createHttpServer(limits, listener);
  } else {
    const secure = createHttpsServer({ ...limits, ...readTls(tls) }, listener);
    certificate = reloadCertificateOf(secure, tls, log);
    secure.on('secureConnection', (socket) => connections.secured(socket));
    server = secure;
  }
  server.on('connection', (socket: Socket) => connections.accepted(socket, { tls: tls !== undefined }));
  server.on(
    'clientError',
    malformedRequestHandler(headers, (socket) => connections.responseOn(socket as Socket)),
  );
  server.on('checkExpectation', (_request, response) => refuse(response, 417, headers));
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    certificate?.stop();
    throw error;
  });

  async function stop({ idleMilliseconds = 0 }: StopOptions = {}): Promise<void> {
    stopping = true;
    certificate?.stop();
    connections.announceEnd();
    // The http server's own `close` closes idle connections at once, also one whose next request has arrived and was not
    // read yet; and it stops watching over slow requests.
    const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
    const since = performance.now();
    const closeIdle = (): void => {
      const elapsed = performance.now() - since;
      if (elapsed < idleMilliseconds) return;
      connections.closeIdle({ silent: elapsed > Math.max(FIRST_WORDS_MILLISECONDS, idleMilliseconds) });
    };
    // Not in the timer itself, which comes before what has arrived meanwhile is read.
    const closing = setInterval(() => setImmediate(closeIdle), CLOSING_MILLISECONDS);
    const deadline = setTimeout(() => server.closeAllConnections(), STOP_MILLISECONDS);
    await closed;
    clearTimeout(deadline);
    clearInterval(closing);
    // Now for what only the http server's own `close` ends.
    server.close();
  }

  return {
    port: (server.address() as AddressInfo).port,
    reloadCertificate: () => certificate?.reload(),
    stop,
  };
}
