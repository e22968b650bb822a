import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
} from 'node:http';
import { createServer as createHttpsServer, type Server as HttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../observability/log.ts';

/** How often (ms) the certificate's files are looked at. */
const CERTIFICATE_POLL_MILLISECONDS = 2000;
/** How long (ms) a stopping server waits for requests in flight. */
const STOP_MILLISECONDS = 30_000;
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

function readTls(files: TlsFiles): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(files.certFile), key: readFileSync(files.keyFile) };
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

/** What cannot be parsed as HTTP has no request and no app; it still gets the headers that every answer carries. */
function refuseMalformed(headers: ReadonlyArray<readonly [string, string]>) {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy();
      return;
    }
    const status =
      error.code === 'HPE_HEADER_OVERFLOW' ? '431 Request Header Fields Too Large' : '400 Bad Request';
    socket.end(`HTTP/1.1 ${status}\r\n${lines}Connection: close\r\nContent-Length: 0\r\n\r\n`);
  };
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
}): Promise<RunningServer> {
  const { host, port, tls, handle, headers, log } = options;
  const inFlight = new Set<IncomingMessage>();
  let stopping = false;
  const listener: RequestListener = (request, response) => {
    inFlight.add(request);
    response.once('close', () => inFlight.delete(request));
    if (stopping) response.setHeader('Connection', 'close');
    handle(request, response);
  };
  const limits = {
    requestTimeout: REQUEST_MILLISECONDS,
    headersTimeout: REQUEST_MILLISECONDS / 2,
    keepAliveTimeout: KEEP_ALIVE_MILLISECONDS,
  };
  let server: Server | HttpsServer;
  let stopWatching = (): void => {};
  if (tls === undefined) {
    server = createHttpServer(limits, listener);
  } else {
    const secure = createHttpsServer({ ...limits, ...readTls(tls), minVersion: 'TLSv1.2' }, listener);
    stopWatching = reloadWhenChanged(secure, tls, log);
    server = secure;
  }
  server.on('clientError', refuseMalformed(headers));
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
      const idle = setInterval(() => server.closeIdleConnections(), 100);
      await closed;
      clearTimeout(deadline);
      clearInterval(idle);
    },
  };
}
