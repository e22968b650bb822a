import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Another site on this host, which has one page, titled Elsewhere: where applications are sent back to. */
export interface Elsewhere {
  origin: string;
  close(): Promise<void>;
}

/** Serves it on a free port. */
export async function serveElsewhere(): Promise<Elsewhere> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Elsewhere</title>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
