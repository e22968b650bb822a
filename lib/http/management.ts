import type { RequestListener } from 'node:http';

/** A check that an orchestrator asks for; it throws or rejects when the process should get no traffic. */
export type ReadinessCheck = () => void | Promise<void>;

/**
 * The management port's answers: `/healthz` (the process turns its event loop) and `/readyz` (its stores answer). Plain,
 * without details: what failed is in the log. Never on the public port.
 */
export function createManagement(
  headers: ReadonlyArray<readonly [string, string]>,
  ready: ReadinessCheck,
): RequestListener {
  return (request, response) => {
    const answer = (status: number, word: string): void => {
      for (const [name, value] of headers) response.setHeader(name, value);
      response.setHeader('Content-Type', 'text/plain; charset=utf-8');
      response.setHeader('Cache-Control', 'no-store');
      response.writeHead(status).end(`${word}\n`);
    };
    if (request.url === '/healthz') {
      answer(200, 'ok');
    } else if (request.url === '/readyz') {
      Promise.resolve()
        .then(ready)
        .then(
          () => answer(200, 'ready'),
          () => answer(503, 'not ready'),
        );
    } else {
      answer(404, 'not found');
    }
  };
}
