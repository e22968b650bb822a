/**
 * Fills a contender's store with live grants, each with the refresh token of one person's application, through the same room that
 * the server uses: what is measured afterwards is what an installation of that size would do. Run by itself, it is the process
 * that does so: `fill-store.ts CLIENT_ID COUNT LIFETIME`, with the server's environment.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { loadConfiguration } from '../../config/load.ts';
import type { Grants } from '../../lib/grants/grants.ts';
import { openRooms } from '../../lib/rooms.ts';

/** How many are under way at once: they share transactions, or a connection's pipeline. */
const together = 256;
/** Seconds that they live: longer than any run. */
const lifetime = 14 * 24 * 60 * 60;
/** How many of them each person has. */
const grantsOfPerson = 10;

/** Runs it in a process of its own, and says how far it is. */
export async function fillStore(
  environment: Record<string, string>,
  { clientId, count, expired = false }: { clientId: string; count: number; expired?: boolean },
  progress: (message: string) => void,
): Promise<void> {
  const child = spawn(
    process.execPath,
    [
      '--disable-warning=ExperimentalWarning',
      import.meta.filename,
      clientId,
      String(count),
      String(expired ? 1 : lifetime),
    ],
    { env: { PATH: process.env.PATH, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  createInterface({ input: child.stdout }).on('line', (line) => progress(`  ${line}`));
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error('the store could not be filled');
}

async function addGrant(grants: Grants, clientId: string, index: number, seconds: number): Promise<void> {
  const iat = Math.floor(Date.now() / 1000);
  const exp = iat + seconds;
  const accountId = `bench-person-${Math.floor(index / grantsOfPerson)}`;
  const outcome = await grants.inUnitOfWork(async () => {
    const grantId = grants.generateId();
    const jti = grants.generateId();
    const openid = { scope: 'openid offline_access' };
    await grants
      .storageFor('Grant')
      .upsert(grantId, { iat, exp, jti: grantId, kind: 'Grant', accountId, clientId, openid }, seconds);
    await grants.storageFor('RefreshToken').upsert(
      jti,
      {
        iat,
        exp,
        jti,
        kind: 'RefreshToken',
        accountId,
        clientId,
        grantId,
        scope: openid.scope,
        gty: 'authorization_code',
        rotations: 0,
        iiat: iat,
      },
      seconds,
    );
    return grants.commit('everything');
  });
  if (outcome.outcome !== 'committed') throw new Error(`a grant was not kept: ${outcome.reason}`);
}

async function main(clientId: string, count: number, seconds: number): Promise<void> {
  const rooms = await openRooms(loadConfiguration());
  try {
    let next = 0;
    const lane = async (): Promise<void> => {
      while (next < count) {
        const index = next;
        next += 1;
        if (next % 100_000 === 0) process.stdout.write(`${next} grants …\n`);
        await addGrant(rooms.grants, clientId, index, seconds);
      }
    };
    await Promise.all(Array.from({ length: together }, lane));
  } finally {
    await rooms.close();
  }
}

if (import.meta.main) await main(process.argv[2] ?? '', Number(process.argv[3]), Number(process.argv[4]));
