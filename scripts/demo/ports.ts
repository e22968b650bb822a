import { createServer } from 'node:net';

/**
 * The first of these ports that nobody listens on, or else any free one. Both loopback addresses count, since a browser
 * may try either for `localhost`.
 */
export async function freePort(...preferred: number[]): Promise<number> {
  for (const port of preferred) {
    const free = await Promise.all(['127.0.0.1', '::1'].map((host) => listenOnce(host, port)));
    if (!free.includes('taken')) return port;
  }
  const port = await listenOnce('127.0.0.1', 0);
  if (port === 'taken') throw new Error('there is no free port');
  return port;
}

function listenOnce(host: string, port: number): Promise<number | 'taken'> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has nobody listening there.
      resolve(error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT' ? port : 'taken');
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
