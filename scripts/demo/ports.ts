import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below those that a system gives to connections, and to whoever listens on any: none of these takes one before it is used. */
const FIRST_PORT = 10_000;
const LAST_PORT = 32_767;

const given = new Set<number>();

/**
 * The first of these ports that nobody listens on, or else any free one, each time another. Both loopback addresses count, since a
 * browser may try either for `localhost`.
 */
export async function freePort(...preferred: number[]): Promise<number> {
  for (const port of preferred) if (await isFree(port)) return port;
  for (;;) {
    const port = randomInt(FIRST_PORT, LAST_PORT + 1);
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const free = await Promise.all(['127.0.0.1', '::1'].map((host) => canListen(host, port)));
  return free.every(Boolean);
}

function canListen(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', (error: NodeJS.ErrnoException) => {
      // A machine without IPv6 has nobody listening there.
      resolve(error.code === 'EADDRNOTAVAIL' || error.code === 'EAFNOSUPPORT');
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
