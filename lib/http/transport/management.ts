import type { RequestListener } from 'node:http';
import type { CheckResult } from './readiness.ts';

/** What is asked on the management port. */
export interface Management {
  /** Why the process should be started anew, or undefined. That its event loop turns is shown by the answer. */
  health(): string | undefined;
  ready(): Promise<CheckResult[]>;
  metrics(): Promise<{ type: string; body: string }>;
}

interface Answer {
  status: number;
  body: string;
  type?: string;
}

async function answer(path: string, { health, ready, metrics }: Management): Promise<Answer> {
  switch (path) {
    case '/healthz': {
      const problem = health();
      return problem === undefined ? { status: 200, body: 'ok\n' } : { status: 503, body: `${problem}\n` };
    }
    case '/readyz': {
      const checks = await ready();
      const isReady = checks.every(({ problem }) => problem === undefined);
      const lines = checks.map(({ name, problem }) => `${name}: ${problem ?? 'ok'}\n`);
      return { status: isReady ? 200 : 503, body: `${isReady ? 'ready' : 'not ready'}\n${lines.join('')}` };
    }
    case '/metrics':
      return { status: 200, ...(await metrics()) };
    default:
      return { status: 404, body: 'not found\n' };
  }
}

/**
 * The management port's answers: `/healthz` (is alive), `/readyz` (should get traffic, and what stands against it),
 * `/metrics` (for Prometheus). Never on the public port.
 */
export function createManagement(
  headers: ReadonlyArray<readonly [string, string]>,
  management: Management,
): RequestListener {
  return (request, response) => {
    const send = ({ status, body, type = 'text/plain; charset=utf-8' }: Answer): void => {
      for (const [name, value] of headers) response.setHeader(name, value);
      response.setHeader('Content-Type', type);
      response.setHeader('Cache-Control', 'no-store');
      response.writeHead(status).end(body);
    };
    const [path = '/'] = (request.url ?? '/').split('?');
    answer(path, management).then(send, () => send({ status: 500, body: 'failed\n' }));
  };
}
