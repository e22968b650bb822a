import path from 'node:path';
import { type Registered, run } from '../conformance/registration.ts';
import { startProcess } from '../demo/demo-process.ts';
import { createOperator } from '../demo/operator.ts';
import { freePort } from '../demo/ports.ts';
import type { Person } from './usual-flow.ts';

export interface Latchkey {
  issuer: string;
  createPerson(person: Person): Promise<void>;
  /** Registers a web application at `origin` by the command line, as docs/clients.md says. */
  register(origin: string, metadata: Record<string, unknown>): Promise<Required<Registered>>;
  stop(): Promise<void>;
}

/** Starts a Latchkey with its defaults, whose data and log are in `folder`. */
export async function startLatchkey(folder: string): Promise<Latchkey> {
  const port = await freePort();
  const issuer = `http://localhost:${port}`;
  const environment = {
    LATCHKEY_ISSUER: issuer,
    LATCHKEY_PORT: String(port),
    LATCHKEY_MANAGEMENT_PORT: '0',
    LATCHKEY_DATA_DIR: path.join(folder, 'data'),
  };
  const { process, ready } = startProcess({
    name: 'provider',
    command: ['lib/main.ts', 'serve'],
    environment,
    logFile: path.join(folder, 'latchkey.log'),
    readyWords: '"msg":"listening"',
  });
  await ready;
  const operator = createOperator(environment);
  return {
    issuer,
    createPerson: async ({ login, password, name }) => {
      await run(
        operator,
        ['users', 'create', '--email', login, '--name', name, '--password-stdin'],
        password,
      );
    },
    register: async (origin, metadata) => {
      const words = ['clients', 'create', '--redirect-uri', `${origin}/callback`];
      words.push('--post-logout-redirect-uri', `${origin}/signed-out`);
      words.push('--grant-type', 'authorization_code', '--grant-type', 'refresh_token', '--file', '-');
      return (await run(operator, words, JSON.stringify(metadata))) as Required<Registered>;
    },
    stop: () => process.stop(),
  };
}
