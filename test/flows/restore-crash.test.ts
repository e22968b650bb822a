import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { PROGRAM, runCommand } from './latchkey-process.ts';

const KILLS = 12;

/** A generator of numbers from 0 to 1 that a printed seed repeats. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe('a restore that is killed at any moment', function () {
  this.timeout(180_000);
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 32);
  const random = randomFrom(seed);
  const dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-restore-'));
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-backup-'));
  const file = path.join(folder, 'backup.db');
  const environment = { LATCHKEY_DATA_DIR: dataDir };
  after(() => {
    for (const each of [dataDir, folder]) rmSync(each, { recursive: true, force: true });
  });

  async function run(words: string[], input = ''): Promise<string> {
    const { code, stdout, stderr } = await runCommand(environment, words, input);
    if (code !== 0) throw new Error(`latchkey ${words.join(' ')} ended with ${code}: ${stderr}`);
    return stdout;
  }
  const create = (login: string) => run(['users', 'create', '--email', login]);
  /** Opens the directory as every process does. */
  async function inDatabase<Value>(work: (database: Database) => Promise<Value>): Promise<Value> {
    const database = await openDatabase({ dataDir, encryptionKey: [] });
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  }
  const logins = () =>
    inDatabase(async ({ query }) => {
      const rows = await query.selectFrom('accounts').select('login').orderBy('login').execute();
      return rows.map(({ login }) => login);
    });
  /** A change, written to the log beside the database. */
  const addPerson = (login: string) =>
    inDatabase(async (database) => {
      const now = database.now();
      const times = { created_at: now, updated_at: now };
      await database.transaction((transaction) =>
        transaction
          .insertInto('accounts')
          .values({ sub: login, login, disabled: 0, claims: '{}', ...times })
          .execute(),
      );
    });

  /** Kills a restore after so many milliseconds, or lets it end before. */
  async function killAfter(milliseconds: number): Promise<void> {
    const child = spawn(process.execPath, [...PROGRAM, 'restore', '--from', file], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    await Promise.race([exit, sleep(milliseconds)]);
    child.kill('SIGKILL');
    await exit;
  }

  it(`leaves the old database or the new one, whole and usable (SEED=${seed})`, async () => {
    await create('old-and-new@example.com');
    await run(['backup', '--to', file]);
    const started = performance.now();
    await run(['restore', '--from', file]);
    const whole = performance.now() - started;
    for (let kill = 0; kill < KILLS; kill += 1) {
      if ((await logins()).length === 1) await addPerson('old@example.com');
      // The interpreter takes the first half of the time.
      await killAfter(whole * (0.4 + 0.7 * random()));
      const left = await logins();
      expect([['old-and-new@example.com'], ['old-and-new@example.com', 'old@example.com']]).to.deep.include(
        left,
      );
      const database = new DatabaseSync(path.join(dataDir, 'latchkey.db'));
      expect(database.prepare('PRAGMA integrity_check').get()).to.deep.include({ integrity_check: 'ok' });
      database.close();
      expect(readdirSync(dataDir)).not.to.include('latchkey.db.restored');
    }
    await run(['restore', '--from', file]);
    expect(await logins()).to.deep.equal(['old-and-new@example.com']);
    expect(readdirSync(dataDir).filter((name) => name.startsWith('restoring-'))).to.deep.equal([]);
  });
});
