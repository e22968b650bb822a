/**
 * A process of its own on a store: `storage-worker.ts <module> <location> <grace seconds>`. It is told over IPC what to
 * prepare, says when everything is read and buffered, and commits when it is told to.
 */
import { type EngineRequest, find, inRequest, perform, save } from './engine-requests.ts';
import type { OpenPlace } from './storage-place.ts';

export type WorkerOrder =
  | { order: 'prepare'; requests: EngineRequest[] }
  | { order: 'commit' }
  /** Sessions, codes and tokens without end, each acknowledged when it is kept; until it is killed. */
  | { order: 'stream'; name: string; chains: number };

const [module = '', location = '', graceSeconds = '10'] = process.argv.slice(2);
const { openPlace } = (await import(module)) as {
  openPlace(location: string, options: { graceSeconds: number }): Promise<OpenPlace>;
};
const { grants } = await openPlace(location, { graceSeconds: Number(graceSeconds) });
const tell = (message: unknown): void => {
  process.send?.(message);
};

let release: () => void = () => {};

async function race(requests: EngineRequest[]): Promise<void> {
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  let prepared = 0;
  const outcomes = await Promise.all(
    requests.map((request) =>
      perform(grants, request, () => {
        prepared += 1;
        if (prepared === requests.length) tell({ prepared: true });
        return released;
      }),
    ),
  );
  tell({ outcomes });
}

/** Request after request of one browser; each uses the code of the one before. */
async function stream(chain: string): Promise<never> {
  const ids = { uid: `${chain}-uid`, jti: `${chain}-session` };
  for (let step = 0; ; step += 1) {
    const name = (what: string, number = step) => `${chain}-${what}-${number}`;
    const { outcome } = await inRequest(grants, async () => {
      const session = (await find(grants, 'Session', ids.jti)) ?? {
        ...ids,
        accountId: 'ada',
        authorizations: {},
      };
      const authorizations = session.authorizations as Record<string, unknown>;
      authorizations[name('client')] = { sid: name('sid') };
      if (step === 0) {
        await save(grants, 'Grant', `${chain}-grant`, { accountId: 'ada', clientId: 'app' });
      } else {
        await find(grants, 'AuthorizationCode', name('code'));
        await find(grants, 'Grant', `${chain}-grant`);
        await grants.storageFor('AuthorizationCode').consume(name('code'));
      }
      const bound = { grantId: `${chain}-grant`, accountId: 'ada', clientId: 'app' };
      await save(grants, 'RefreshToken', name('refresh'), bound);
      await save(grants, 'AccessToken', name('access'), bound);
      await save(grants, 'AuthorizationCode', name('code', step + 1), bound);
      await save(grants, 'Session', ids.jti, session);
    });
    if (outcome.outcome !== 'committed') throw new Error(`refused: ${outcome.reason}`);
    tell({ acknowledged: { chain, step } });
  }
}

process.on('message', (message: WorkerOrder) => {
  if (message.order === 'commit') release();
  else if (message.order === 'prepare') void race(message.requests);
  else for (let chain = 0; chain < message.chains; chain += 1) void stream(`${message.name}-${chain}`);
});
// Whoever started it is gone: so goes this.
process.on('disconnect', () => process.exit());
tell({ ready: true });
