import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

const PASSWORD = 'marmalade sandwich on tuesday\n';
/** Loads pages enough that a changed byte is noticed. */
const SECRET = randomBytes(32).toString('base64');

interface Names {
  count: number;
  names: string[];
}

describe('latchkey backup and restore', () => {
  let bench: CliBench;
  let folder: string;
  let file: string;

  const createPerson = (login: string) =>
    bench.json(['users', 'create', '--email', login, '--password-stdin'], PASSWORD);
  const logins = async () =>
    (await bench.json<{ login: string }[]>(['users', 'list'])).map(({ login }) => login);
  const kids = async () => (await bench.json<{ kid: string }[]>(['keys', 'list'])).map(({ kid }) => kid);
  const database = () => new DatabaseSync(path.join(bench.dataDir, 'latchkey.db'));

  beforeEach(async () => {
    bench = new CliBench();
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-backup-'));
    file = path.join(folder, 'backup.db');
    await createPerson('ada@example.com');
  });
  afterEach(() => {
    bench.close();
    rmSync(folder, { recursive: true, force: true });
  });

  describe('backup', () => {
    it('writes one file for its owner alone, and says what is in it and what is not', async () => {
      await bench.json([
        'clients',
        'create',
        '--client-id',
        'notes',
        '--redirect-uri',
        'https://a.example/cb',
      ]);
      const { code, stdout } = await bench.run(['backup', '--to', file]);
      expect(code).to.equal(0);
      expect(stdout).to.contain('1 people, 1 applications, 0 APIs');
      expect(stdout)
        .to.contain('The encryption key is not in it')
        .and.contain(path.join(bench.dataDir, 'encryption.key'));
      expect(readdirSync(folder)).to.deep.equal(['backup.db']);
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      const key = readFileSync(path.join(bench.dataDir, 'encryption.key'), 'utf8').trim();
      expect(readFileSync(file).includes(Buffer.from(key, 'base64'))).to.equal(false);
    });

    it('leaves out what a restore would end', async () => {
      const store = database();
      store.exec(`INSERT INTO account_endings VALUES (x'aa', 1, 4102444800);
        INSERT INTO throttle (key, points, expire) VALUES ('address', 3, 4102444800000)`);
      store.close();
      await bench.json(['backup', '--to', file]);
      const backup = new DatabaseSync(file, { readOnly: true });
      for (const table of ['account_endings', 'throttle', 'grants', 'sessions', 'engine_records', 'leases']) {
        expect(backup.prepare(`SELECT count(*) AS n FROM ${table}`).get(), table).to.deep.include({ n: 0 });
      }
      expect(backup.prepare('SELECT count(*) AS n FROM accounts').get()).to.deep.include({ n: 1 });
      backup.close();
    });

    it('does not overwrite a file unless it is asked to', async () => {
      writeFileSync(file, 'something else');
      expect(await bench.refusal(['backup', '--to', file])).to.include({ code: 1, error: 'exists' });
      expect(readFileSync(file, 'utf8')).to.equal('something else');
      expect((await bench.run(['backup', '--to', file, '--overwrite'])).code).to.equal(0);
      expect(readFileSync(file, 'latin1')).to.match(/^SQLite format 3/);
      expect(readdirSync(folder)).to.deep.equal(['backup.db']);
    });

    it('refuses a place that is not there, and leaves nothing behind', async () => {
      const elsewhere = path.join(folder, 'nowhere', 'backup.db');
      const refusal = await bench.refusal(['backup', '--to', elsewhere]);
      expect(refusal).to.include({ code: 1, error: 'not_writable' });
      expect(refusal.error_description).to.contain('ENOENT');
      expect(readdirSync(folder)).to.deep.equal([]);
    });

    it('refuses a data directory without a database, and makes none', async () => {
      const empty = path.join(folder, 'empty');
      mkdirSync(empty);
      bench.environment = { LATCHKEY_DATA_DIR: empty };
      expect(await bench.refusal(['backup', '--to', file])).to.include({ code: 1, error: 'no_database' });
      expect(readdirSync(empty)).to.deep.equal([]);
    });

    it('refuses where the directory is in PostgreSQL, and names the tool', async () => {
      bench.environment = { LATCHKEY_DATABASE_URL: 'postgres://latchkey@127.0.0.1:9/latchkey' };
      const refusal = await bench.refusal(['backup', '--to', file]);
      expect(refusal).to.include({ code: 1, error: 'kept_elsewhere' });
      expect(refusal.error_description).to.contain('pg_dump');
      const restore = await bench.refusal(['restore', '--from', file]);
      expect(restore).to.include({ code: 1, error: 'kept_elsewhere' });
      expect(restore.error_description).to.contain('pg_restore').and.contain('--after-database-restore');
    });
  });

  describe('restore', () => {
    beforeEach(() => bench.json(['backup', '--to', file]));

    it('goes back to the backup, and tells what it undid', async () => {
      const client = ['clients', 'create', '--redirect-uri', 'https://a.example/cb', '--client-id'];
      await createPerson('bob@example.com');
      for (const id of ['kept', 'rotated', 'dropped']) await bench.json([...client, id]);
      await bench.json(['apis', 'create', '--identifier', 'https://api.example']);
      await bench.json(['backup', '--to', file, '--overwrite']);
      await bench.json(['users', 'disable', 'ada@example.com']);
      await bench.json(['users', 'delete', 'bob@example.com']);
      await createPerson('eve@example.com');
      await bench.json(['users', 'set-password', 'ada@example.com', '--password-stdin'], `${PASSWORD}again`);
      await bench.json(['clients', 'rotate-secret', 'rotated']);
      await bench.json(['clients', 'delete', 'dropped']);
      await bench.json(['apis', 'delete', 'https://api.example']);

      const restored = await bench.json<{ undone: Record<string, Names>; ended: string[] }>([
        'restore',
        '--from',
        file,
      ]);
      const undone = Object.fromEntries(
        Object.entries(restored.undone)
          .filter(([, { count }]) => count > 0)
          .map(([name, { names }]) => [name, names]),
      );
      expect(undone).to.deep.equal({
        disabled_people: ['ada@example.com'],
        deleted_people: ['bob@example.com'],
        changed_passwords: ['ada@example.com'],
        created_people: ['eve@example.com'],
        rotated_secrets: ['rotated'],
        deleted_clients: ['dropped'],
        deleted_apis: ['https://api.example'],
      });
      expect(restored.ended).to.include.members(['sessions', 'refresh tokens', 'signing keys']);
      expect(await logins()).to.deep.equal(['ada@example.com', 'bob@example.com']);
      expect(await bench.json(['clients', 'list'])).to.have.length(3);
    });

    it('says it in words, with the command that does it again', async () => {
      await bench.json(['users', 'disable', 'ada@example.com']);
      const { code, stdout } = await bench.run(['restore', '--from', file]);
      expect(code).to.equal(0);
      expect(stdout).to.contain('Everybody signs in and consents again');
      expect(stdout).to.contain(
        'people who had been disabled may sign in again (users disable): ada@example.com',
      );
    });

    it('keeps what it replaced aside, for its owner alone', async () => {
      await createPerson('bob@example.com');
      const { replaced } = await bench.json<{ replaced: string }>(['restore', '--from', file]);
      expect(statSync(replaced).mode & 0o777).to.equal(0o700);
      const former = new DatabaseSync(path.join(replaced, 'latchkey.db'), { readOnly: true });
      expect(former.prepare('SELECT count(*) AS n FROM accounts').get()).to.deep.include({ n: 2 });
      former.close();
      expect(statSync(path.join(bench.dataDir, 'latchkey.db')).mode & 0o777).to.equal(0o600);
    });

    it('withdraws every signing key of before, also one that was withdrawn since the backup', async () => {
      const [leaked = ''] = await kids();
      await bench.json(['keys', 'retire', leaked]);
      const before = await kids();
      await bench.json(['restore', '--from', file]);
      const after = await kids();
      expect(after).to.have.length(2);
      expect(after).not.to.include.members([leaked]);
      for (const kid of before) expect(after).not.to.include(kid);
    });

    it('begins another epoch each time, and moves every revision on', async () => {
      const epochs = () => {
        const store = database();
        const rows = store.prepare('SELECT id, began_at FROM epochs ORDER BY number').all();
        const number = Number(
          store.prepare("SELECT number FROM revisions WHERE topic = 'accounts'").get()?.number,
        );
        store.close();
        return { ids: rows.map(({ id }) => String(id)), last: Number(rows.at(-1)?.began_at), number };
      };
      const first = epochs();
      const started = Date.now();
      await bench.json(['restore', '--from', file]);
      const second = epochs();
      await bench.json(['restore', '--from', file]);
      const third = epochs();
      expect(first.ids).to.have.length(1);
      expect(second.ids).to.have.length(2);
      expect(third.ids).to.have.length(2);
      // Both are the second epoch of this directory by their count, and not the same one.
      expect(third.ids[1]).not.to.equal(second.ids[1]);
      expect(second.last).to.be.at.least(started);
      expect(second.number).to.be.above(first.number);
      expect(third.number).to.be.at.least(second.number);
    });

    it('works on a machine that has nothing but the key', async () => {
      const key = readFileSync(path.join(bench.dataDir, 'encryption.key'), 'utf8').trim();
      const elsewhere = path.join(folder, 'new-machine');
      bench.environment = { LATCHKEY_DATA_DIR: elsewhere };
      const refusal = await bench.refusal(['restore', '--from', file]);
      expect(refusal).to.include({ code: 1, error: 'other_encryption_key' });
      expect(refusal.error_description).to.contain('LATCHKEY_ENCRYPTION_KEY');
      expect(existsSync(path.join(elsewhere, 'encryption.key'))).to.equal(false);
      bench.environment = { LATCHKEY_DATA_DIR: elsewhere, LATCHKEY_ENCRYPTION_KEY: `${SECRET},${key}` };
      const restored = await bench.json(['restore', '--from', file]);
      expect(restored).to.deep.include({ undone: null, replaced: null, people: 1 });
      expect(await logins()).to.deep.equal(['ada@example.com']);
    });

    it('takes a plain copy of a database, and ends what is in it', async () => {
      const store = database();
      store.exec("INSERT INTO account_endings VALUES (x'aa', 1, 4102444800)");
      store.exec(`VACUUM INTO '${path.join(folder, 'copy.db')}'`);
      store.close();
      const restored = await bench.json(['restore', '--from', path.join(folder, 'copy.db')]);
      expect(restored).to.deep.include({ backup: null, people: 1 });
      const after = database();
      expect(after.prepare('SELECT count(*) AS n FROM account_endings').get()).to.deep.include({ n: 0 });
      after.close();
    });

    describe('changes nothing when it refuses', () => {
      const refuses = async (from: string, error: string, words: RegExp, environment = {}) => {
        await createPerson('bob@example.com');
        const before = readdirSync(bench.dataDir).sort();
        bench.environment = environment;
        const refusal = await bench.refusal(['restore', '--from', from]);
        bench.environment = {};
        expect(refusal).to.include({ code: 1, error });
        expect(refusal.error_description).to.match(words);
        expect(readdirSync(bench.dataDir).sort()).to.deep.equal(before);
        expect(await logins()).to.deep.equal(['ada@example.com', 'bob@example.com']);
      };
      const changed = (statement: string): string => {
        const backup = new DatabaseSync(file);
        backup.exec(statement);
        backup.close();
        return file;
      };

      it('a file that is not there', () =>
        refuses(path.join(folder, 'none.db'), 'not_found', /there is no file/));

      it('a file that is no database', () => {
        writeFileSync(file, 'a text');
        return refuses(file, 'not_a_backup', /is no backup/);
      });

      it('an empty file', () => {
        writeFileSync(file, '');
        return refuses(file, 'not_a_backup', /something else/);
      });

      it('a folder', () => refuses(folder, 'not_a_backup', /is no file/));

      it('a database of something else', () => {
        const other = new DatabaseSync(path.join(folder, 'other.db'));
        other.exec('CREATE TABLE notes (text)');
        other.close();
        return refuses(path.join(folder, 'other.db'), 'not_a_backup', /something else/);
      });

      it('a backup of a newer version', () =>
        refuses(
          changed("INSERT INTO migrations VALUES ('9999-from-the-future', 1)"),
          'newer_version',
          /9999-from-the-future.*that version/,
        ));

      it('a damaged backup', () => {
        const bytes = readFileSync(file);
        // The second half of the file, so that the header and the schema can still be read.
        for (let at = Math.floor(bytes.length / 2); at < bytes.length; at += 64)
          bytes[at] = (bytes[at] as number) ^ 0xff;
        writeFileSync(file, bytes);
        return refuses(file, 'damaged', /is damaged/);
      });

      it('a backup that was cut short', () => {
        writeFileSync(file, readFileSync(file).subarray(0, 8192));
        return refuses(file, 'damaged', /is damaged/);
      });

      it('a backup of another encryption key', () =>
        refuses(
          file,
          'other_encryption_key',
          /signing key .*sealed with key [0-9a-f]{8}.*LATCHKEY_ENCRYPTION_KEY/,
          {
            LATCHKEY_ENCRYPTION_KEY: SECRET,
          },
        ));

      it('a database in use, whose newest transactions are beside it', async () => {
        copyFileSync(file, path.join(folder, 'live.db'));
        writeFileSync(path.join(folder, 'live.db-wal'), 'transactions');
        await refuses(path.join(folder, 'live.db'), 'not_a_backup', /in use.*latchkey backup/);
      });

      it('while anybody has the data directory open', async () => {
        const rooms = await bench.openRooms();
        try {
          await refuses(file, 'in_use', /stop every server/);
          const after = await bench.refusal(['restore', '--after-database-restore']);
          expect(after).to.include({ code: 1, error: 'in_use' });
        } finally {
          await rooms.close();
        }
        expect((await bench.run(['restore', '--from', file])).code).to.equal(0);
      });
    });

    describe('that a crash interrupted', () => {
      /** The directory as it is when a restore has decided and done nothing more: the old log is still there. */
      async function interrupt(): Promise<void> {
        await createPerson('bob@example.com');
        const { dataDir } = bench;
        const name = path.join(dataDir, 'latchkey.db');
        const former = { file: path.join(folder, 'former.db'), log: path.join(folder, 'former.db-wal') };
        const rooms = await bench.openRooms();
        // Its newest transactions are in the log alone.
        await rooms.clients.create({ client_id: 'late', redirect_uris: ['https://late.example/cb'] });
        copyFileSync(name, former.file);
        copyFileSync(`${name}-wal`, former.log);
        await rooms.close();
        await bench.json(['restore', '--from', file]);
        renameSync(name, `${name}.restored`);
        copyFileSync(former.file, name);
        copyFileSync(former.log, `${name}-wal`);
        expect(statSync(`${name}-wal`).size).to.be.above(0);
      }

      it('after its decision is finished by whoever opens the directory next', async () => {
        await interrupt();
        expect(await logins()).to.deep.equal(['ada@example.com']);
        expect(await bench.json(['clients', 'list'])).to.deep.equal([]);
        expect(readdirSync(bench.dataDir)).not.to.include('latchkey.db.restored');
      });

      it('between the removal of the old log and the end is finished too', async () => {
        await interrupt();
        rmSync(path.join(bench.dataDir, 'latchkey.db-wal'));
        expect((await bench.run(['backup', '--to', path.join(folder, 'second.db')])).code).to.equal(0);
        expect(await logins()).to.deep.equal(['ada@example.com']);
      });

      it('before its decision leaves the old one, and its draft goes with the next restore', async () => {
        await createPerson('bob@example.com');
        mkdirSync(path.join(bench.dataDir, 'restoring-abcdef'));
        copyFileSync(file, path.join(bench.dataDir, 'restoring-abcdef', 'latchkey.db'));
        expect(await logins()).to.deep.equal(['ada@example.com', 'bob@example.com']);
        await bench.json(['restore', '--from', file]);
        expect(readdirSync(bench.dataDir).filter((name) => name.startsWith('restoring-'))).to.deep.equal([]);
      });
    });

    it('replaces a database that cannot be read at all', async () => {
      const name = path.join(bench.dataDir, 'latchkey.db');
      for (const companion of ['-wal', '-shm']) rmSync(name + companion, { force: true });
      writeFileSync(name, 'overwritten by an accident');
      chmodSync(name, 0o600);
      const restored = await bench.json(['restore', '--from', file]);
      expect(restored).to.deep.include({ undone: null, people: 1 });
      expect(await logins()).to.deep.equal(['ada@example.com']);
    });
  });

  it('--after-database-restore ends what a database copied back by hand remembers', async () => {
    const store = database();
    store.exec("INSERT INTO account_endings VALUES (x'aa', 1, 4102444800)");
    store.close();
    const before = await kids();
    const { epoch } = await bench.json<{ epoch: string }>(['restore', '--after-database-restore']);
    const after = database();
    expect(after.prepare('SELECT count(*) AS n FROM account_endings').get()).to.deep.include({ n: 0 });
    expect(after.prepare('SELECT id FROM epochs ORDER BY number DESC LIMIT 1').get()).to.deep.include({
      id: epoch,
    });
    after.close();
    const now = await kids();
    expect(now).to.have.length(2);
    for (const kid of before) expect(now).not.to.include(kid);
  });
});
