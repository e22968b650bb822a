import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { openDatabase } from '../../lib/database/database.ts';
import { openSigningKeys } from '../../lib/keys/signing-keys.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import { databaseSettings } from '../database/directory-stores.ts';
import { sharedPostgres } from '../database/shared-postgres.ts';
import { announcement, maximumTokenLifetime, settings, states } from './key-bench.ts';

const realClock = Date.now;

describe('signing keys over PostgreSQL, on a machine whose clock is wrong,', () => {
  let dataDir: string;
  before(() => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-clock-'));
  });
  after(() => rmSync(dataDir, { recursive: true }));
  afterEach(() => {
    Date.now = realClock;
  });

  for (const [what, shift] of [
    ['an hour ahead', 3_600_000],
    ['an hour behind', -3_600_000],
  ] as const) {
    it(`live by the server's time: ${what}`, async () => {
      const server = await sharedPostgres();
      const database = await openDatabase({
        dataDir,
        encryptionKey: [],
        databaseUrl: server.url(await server.createDatabase()),
        database: databaseSettings,
      });
      try {
        Date.now = () => realClock() + shift;
        const keys = await openSigningKeys({
          database,
          configuration: settings,
          maximumTokenLifetime,
          events: createEvents(),
          log: createLog('silent'),
        });
        const rotated = await keys.rotate({});
        if (rotated.outcome !== 'announced') throw new Error(rotated.outcome);
        const activatesIn = (rotated.successors[0]?.activatesAt ?? 0) - realClock();
        expect(activatesIn).to.be.within(announcement - 10_000, announcement + 10_000);
        await keys.advance();
        expect(states(keys), 'no key signs that a copy of the JWKS may lack').to.deep.equal([
          'active ES256',
          'announced ES256',
        ]);
      } finally {
        await database.close();
      }
    });
  }
});
