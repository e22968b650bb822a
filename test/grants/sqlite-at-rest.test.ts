import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { recordKey } from '../../lib/grants/record-key.ts';
import { StorageUnavailable } from '../../lib/grants/storage.ts';
import { apart, find, inRequest, perform, save } from './engine-requests.ts';
import { makeSqlitePlace, openPlace } from './sqlite-place.ts';
import type { OpenPlace, Place } from './storage-place.ts';
import { WorkerProcess } from './worker-processes.ts';

/** Promise 6: nothing readable at rest. */
describe('the embedded store at rest', () => {
  let place: Place;

  beforeEach(async () => {
    place = await makeSqlitePlace();
  });

  afterEach(() => place.remove());

  const tables = (): DatabaseSync => new DatabaseSync(path.join(place.location, 'latchkey.db'));

  it('shows no identifier and no payload in any byte of any file, in the midst of its work', async () => {
    const worker = new WorkerProcess(place, 10);
    try {
      await worker.hear();
      worker.tell({ order: 'stream', name: 'canary', chains: 2 });
      for (let heard = 0; heard < 20; heard += 1) await worker.hear();
    } finally {
      // Killed, so that its write-ahead log stays.
      await worker.kill();
    }
    const files = readdirSync(place.location);
    expect(files).to.include.members(['latchkey.db', 'latchkey.db-wal', 'latchkey.db-shm', 'encryption.key']);
    const bytes = files.map((file) => readFileSync(path.join(place.location, file)));
    expect(Buffer.concat(bytes).length).to.be.above(50_000);
    for (const canary of [
      'canary',
      'accountId',
      'clientId',
      'authorizations',
      'RefreshToken:',
      '"ada"',
      '"app"',
      '"jti"',
    ]) {
      for (const form of [
        canary,
        Buffer.from(canary, 'utf16le'),
        Buffer.from(canary).toString('base64').slice(0, -2),
      ]) {
        for (const [index, content] of bytes.entries()) {
          expect(content.includes(form), `${canary} in ${files[index]}`).to.equal(false);
        }
      }
    }
    // The hunt finds what is there.
    expect(bytes.some((content) => content.includes('RefreshToken'))).to.equal(true);
    const again = await place.open();
    expect(await find(again.grants, 'RefreshToken', 'canary-0-refresh-0')).to.include({ accountId: 'ada' });
    await again.close();
  });

  it('is readable by its owner alone, whatever the umask', async () => {
    const umask = process.umask(0);
    try {
      const opened = await place.open();
      await save(opened.grants, 'AccessToken', 'token');
      const mode = (file: string) => (statSync(path.join(place.location, file)).mode & 0o777).toString(8);
      expect(mode('.')).to.equal('700');
      const files = readdirSync(place.location);
      expect(files).to.include.members([
        'latchkey.db',
        'latchkey.db-wal',
        'latchkey.db-shm',
        'encryption.key',
      ]);
      expect(files.map((file) => `${file} ${mode(file)}`)).to.deep.equal(files.map((file) => `${file} 600`));
      await opened.close();
    } finally {
      process.umask(umask);
    }
  });

  for (const columns of ['payload', 'payload, stamp']) {
    it(`does not open a ${columns.replace(', ', ' and ')} moved to another row, or changed`, async () => {
      const writing = await place.open();
      for (const id of ['mine', 'theirs']) {
        await save(writing.grants, 'AccessToken', id, { id });
        await save(writing.grants, 'Session', `${id}-session`, { uid: id, accountId: id });
        await save(writing.grants, 'Grant', `${id}-grant`, { accountId: id, clientId: id });
      }
      await writing.close();
      const database = tables();
      for (const [table, key] of [
        ['engine_records', 'key'],
        ['sessions', 'uid_key'],
        ['grants', 'key'],
      ]) {
        const rows = database.prepare(`SELECT ${key} AS id, ${columns} FROM ${table}`).all();
        const move = database.prepare(
          `UPDATE ${table} SET (${columns}) = (${columns.replace(/\w+/g, '?')}) WHERE ${key} = ?`,
        );
        const [one, two] = rows.map(({ id, ...moved }) => ({ id, moved: Object.values(moved) }));
        move.run(...(one?.moved ?? []), two?.id as Uint8Array);
        move.run(...(two?.moved ?? []), one?.id as Uint8Array);
      }
      const opened = await place.open();
      const { grants } = opened;
      for (const id of ['mine', 'theirs']) {
        for (const [model, name] of [
          ['AccessToken', id],
          ['Session', `${id}-session`],
          ['Grant', `${id}-grant`],
        ] as const) {
          const error = await find(grants, model, name).catch((reason: unknown) => reason);
          expect(error, `${model} of ${id}`).to.be.instanceOf(StorageUnavailable);
        }
      }
      database.exec("UPDATE engine_records SET payload = zeroblob(80) || x'00'");
      expect(await find(grants, 'AccessToken', 'mine').catch((reason: unknown) => reason)).to.be.instanceOf(
        StorageUnavailable,
      );
      database.close();
      await opened.close();
    });
  }

  it('says when everything expires, in every row that is and in any that could be', async () => {
    const opened = await place.open();
    await save(opened.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
    await save(opened.grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' });
    await opened.grants.storageFor('AccessToken').upsert('token', {}, undefined);
    await opened.grants.endAccount('ada', { consent: true });
    const database = tables();
    const now = Math.floor(Date.now() / 1000);
    for (const table of ['engine_records', 'grants', 'sessions', 'session_identifiers', 'account_endings']) {
      const rows = database.prepare(`SELECT expires_at FROM ${table}`).all();
      expect(rows, table).to.have.length(1);
      expect(Number(rows[0]?.expires_at), table).to.be.within(now + 1, now + 801 * 86_400);
      const column = database
        .prepare(`PRAGMA table_info(${table})`)
        .all()
        .find(({ name }) => name === 'expires_at');
      expect(column, table).to.include({ notnull: 1 });
      const indexed = database
        .prepare(`EXPLAIN QUERY PLAN SELECT 1 FROM ${table} WHERE expires_at <= 1 LIMIT 5`)
        .get();
      expect(String(indexed?.detail), table).to.contain('INDEX');
    }
    database.close();
    await opened.close();
  });

  it('gives a replaced identifier of a session a minute, and no more by a slow request that came with it', async () => {
    const opened = await place.open();
    const { grants } = opened;
    const session = { uid: 'uid', accountId: 'ada' };
    await save(grants, 'Session', 'first-id', session);
    const database = tables();
    const lifetimeOf = (id: string) => {
      const find = database.prepare('SELECT expires_at FROM session_identifiers WHERE id_key = ?');
      return Number(find.get(recordKey('Session', id))?.expires_at) - Math.floor(Date.now() / 1000);
    };
    expect(lifetimeOf('first-id')).to.be.above(600);
    await inRequest(grants, async () => {
      await find(grants, 'Session', 'first-id');
      await save(grants, 'Session', 'first-id', { ...session, acr: 'slow' });
      await apart(grants, async () => {
        await find(grants, 'Session', 'first-id');
        await grants.storageFor('Session').destroy('first-id');
        await save(grants, 'Session', 'second-id', session);
      });
    });
    expect(await find(grants, 'Session', 'second-id')).to.include({ acr: 'slow', jti: 'second-id' });
    expect(lifetimeOf('first-id')).to.be.within(1, 61);
    expect(lifetimeOf('second-id')).to.be.above(600);
    await apart(grants, async () => {
      await find(grants, 'Session', 'second-id');
      for (const [from, to] of [
        ['second-id', 'third-id'],
        ['third-id', 'fourth-id'],
      ] as const) {
        await grants.storageFor('Session').destroy(from);
        await save(grants, 'Session', to, session);
      }
    });
    expect(lifetimeOf('second-id')).to.be.within(1, 61);
    expect(lifetimeOf('fourth-id')).to.be.above(600);
    database.close();
    await opened.close();
  });

  it('opens with its older encryption keys too, newest first, and with none but its own', async () => {
    const [older, newer, foreign] = [1, 2, 3].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [
      string,
      string,
      string,
    ];
    const open = (...encryptionKey: string[]) => openPlace(place.location, { encryptionKey });
    const bound = { grantId: 'grant', accountId: 'ada', clientId: 'app' };
    const refresh = ({ grants }: OpenPlace) =>
      perform(grants, { kind: 'refresh', refreshToken: 'refresh', accessToken: 'access' });
    let opened = await open(older);
    await save(opened.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
    await save(opened.grants, 'RefreshToken', 'refresh', bound);
    const first = await refresh(opened);
    await opened.close();
    opened = await open(newer, older);
    expect(await find(opened.grants, 'Grant', 'grant')).to.include({ accountId: 'ada' });
    // Within its grace a token answers with the successor that it had under the older key: the line does not split.
    expect(await refresh(opened)).to.deep.equal(first);
    await save(opened.grants, 'Interaction', 'new');
    await opened.close();
    opened = await open(newer);
    expect(await find(opened.grants, 'Interaction', 'new')).to.be.an('object');
    expect(await find(opened.grants, 'Grant', 'grant').catch((reason: unknown) => reason)).to.be.instanceOf(
      StorageUnavailable,
    );
    await opened.close();
    opened = await open(foreign);
    expect(
      await find(opened.grants, 'Interaction', 'new').catch((reason: unknown) => reason),
    ).to.be.instanceOf(StorageUnavailable);
    await opened.close();
  });
});
