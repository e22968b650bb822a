import { createHash, randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

const hex = (bytes: number): string => randomBytes(bytes).toString('hex').toUpperCase();

/** A service that knows leaked passwords by ranges of their SHA-1, as Have I Been Pwned answers. */
export async function startRangeServer() {
  const leaked = new Map<string, number>();
  const asked: { path: string; padding: string | undefined }[] = [];
  let misbehave: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;

  const server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push({ path, padding: request.headers['add-padding'] as string | undefined });
    if (misbehave !== undefined) {
      misbehave(request, response);
      return;
    }
    const prefix = path.replace('/range/', '');
    const known = [...leaked].filter(([digest]) => digest.startsWith(prefix));
    const lines = [
      ...known.map(([digest, times]) => `${digest.slice(5)}:${times}`),
      ...Array.from({ length: 900 }, () => `${hex(18).slice(0, 35)}:0`),
    ];
    response.writeHead(200, { 'content-type': 'text/plain' }).end(lines.sort().join('\r\n'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/range`,
    asked,
    /** Lets a password have been seen so often. */
    leak(password: string, times: number): void {
      leaked.set(createHash('sha1').update(password).digest('hex').toUpperCase(), times);
    },
    misbehave(how: (request: IncomingMessage, response: ServerResponse) => void): void {
      misbehave = how;
    },
    behave(): void {
      misbehave = undefined;
    },
    async close(): Promise<void> {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export type RangeServer = Awaited<ReturnType<typeof startRangeServer>>;
