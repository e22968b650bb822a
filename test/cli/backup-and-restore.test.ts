import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { BackupBench, PASSWORD } from './backup-bench.ts';

interface Names {
  count: number;
  names: string[];
}

describe('latchkey backup and restore', () => {
  let bench: BackupBench;
  let folder: string;
  let file: string;

  beforeEach(async () => {
    bench = await BackupBench.open();
    ({ folder, file } = bench);
  });
  afterEach(() => bench.close());

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

    it('names every encryption key that it takes, and copies a database of an earlier version', async () => {
      const named = async (name: string) =>
        bench.json<{ encryption_keys: string[] }>(['backup', '--to', path.join(folder, name)]);
      const change = (statement: string): void => {
        const store = bench.database();
        store.exec(statement);
        store.close();
      };
      // Sealed with the older key, as the secret of an app that nobody has used since.
      change("INSERT INTO totp_secrets SELECT 'ada', private_key, 0, 0 FROM signing_keys LIMIT 1");
      const older = readFileSync(path.join(bench.dataDir, 'encryption.key'), 'utf8').trim();
      bench.environment = { LATCHKEY_ENCRYPTION_KEY: `${randomBytes(32).toString('base64')},${older}` };
      await bench.json(['keys', 'rotate', '--immediately']);
      expect((await named('both.db')).encryption_keys).to.have.length(2);
      change('DROP TABLE totp_secrets');
      expect((await named('early.db')).encryption_keys).to.have.length(1);
    });

    it('leaves out what a restore would end', async () => {
      const store = bench.database();
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

    it('refuses to be one of the program’s own files, by whatever name of the directory', async () => {
      const link = path.join(folder, 'link');
      symlinkSync(bench.dataDir, link);
      for (const directory of [bench.dataDir, link]) {
        for (const name of ['latchkey.db', 'latchkey.db-wal', 'latchkey.lock', 'encryption.key']) {
          const own = path.join(directory, name);
          const before = existsSync(own) ? readFileSync(own) : undefined;
          for (const words of [
            ['backup'],
            ['export'],
            ['backup', '--overwrite'],
            ['export', '--overwrite'],
          ]) {
            const refusal = await bench.refusal([...words, '--to', own]);
            expect(refusal, words.join(' ')).to.include({ code: 1, error: 'reserved' });
            expect(refusal.error_description).to.contain(own);
          }
          expect(existsSync(own) ? readFileSync(own) : undefined, name).to.deep.equal(before);
        }
      }
    });

    it('refuses a place that is not there, and leaves nothing behind', async () => {
      const elsewhere = path.join(folder, 'nowhere', 'backup.db');
      const refusal = await bench.refusal(['backup', '--to', elsewhere]);
      expect(refusal).to.include({ code: 1, error: 'not_writable' });
      expect(refusal.error_description).to.contain('ENOENT');
      expect(readdirSync(folder)).to.deep.equal([]);
    });

    it('refuses a place that SQLite cannot open, and does not name the data directory for it', async () => {
      // Longer than SQLite lets a path be, though the system would take it.
      const deep = path.join(folder, ...['a', 'b', 'c'].map((letter) => letter.repeat(200)));
      mkdirSync(deep, { recursive: true });
      // Signs that mean something in a pattern.
      const long = path.join(deep, "backup$&$'.db");
      const refusal = await bench.refusal(['backup', '--to', long]);
      expect(refusal).to.include({ code: 1, error: 'not_writable' });
      expect(refusal.error_description)
        .to.contain(long)
        .and.not.contain(bench.dataDir)
        .and.not.contain('.partial');
      expect(readdirSync(deep)).to.deep.equal([]);
    });

    it('refuses to be a directory, and says so', async () => {
      for (const words of [['backup'], ['backup', '--overwrite'], ['export', '--overwrite']]) {
        const refusal = await bench.refusal([...words, '--to', folder]);
        expect(refusal, words.join(' ')).to.deep.equal({
          code: 1,
          error: 'not_writable',
          error_description: `${folder} is a directory: name a file`,
        });
      }
      expect(readdirSync(path.dirname(folder)).filter((name) => name.endsWith('.partial'))).to.deep.equal([]);
    });

    it('names the database that is damaged, as every command does', async () => {
      for (const [name, content] of [
        ['text', Buffer.alloc(10_000, 'a text ')],
        ['cut', readFileSync(path.join(bench.dataDir, 'latchkey.db')).subarray(0, 20_000)],
      ] as const) {
        const damaged = path.join(folder, name);
        mkdirSync(damaged);
        writeFileSync(path.join(damaged, 'latchkey.db'), content);
        bench.environment = { LATCHKEY_DATA_DIR: damaged };
        const refusal = await bench.refusal(['backup', '--to', file]);
        expect(refusal, name).to.include({ code: 2, error: 'invalid_configuration' });
        expect(refusal.error_description).to.match(
          new RegExp(`^data_dir .*the database in ${damaged} cannot be used \\(.* (database|malformed)\\)`),
        );
        expect(existsSync(file)).to.equal(false);
      }
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
      await bench.createPerson('bob@example.com');
      for (const id of ['kept', 'rotated', 'dropped']) await bench.json([...client, id]);
      await bench.json(['apis', 'create', '--identifier', 'https://api.example']);
      await bench.json(['backup', '--to', file, '--overwrite']);
      await bench.json(['users', 'disable', 'ada@example.com']);
      await bench.json(['users', 'delete', 'bob@example.com']);
      await bench.createPerson('eve@example.com');
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
      expect(await bench.logins()).to.deep.equal(['ada@example.com', 'bob@example.com']);
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
      await bench.createPerson('bob@example.com');
      const { replaced } = await bench.json<{ replaced: string }>(['restore', '--from', file]);
      expect(statSync(replaced).mode & 0o777).to.equal(0o700);
      const former = new DatabaseSync(path.join(replaced, 'latchkey.db'), { readOnly: true });
      expect(former.prepare('SELECT count(*) AS n FROM accounts').get()).to.deep.include({ n: 2 });
      former.close();
      expect(statSync(path.join(bench.dataDir, 'latchkey.db')).mode & 0o777).to.equal(0o600);
    });

    it('withdraws every signing key of before, also one that was withdrawn since the backup', async () => {
      const [leaked = ''] = await bench.kids();
      await bench.json(['keys', 'retire', leaked]);
      const before = await bench.kids();
      await bench.json(['restore', '--from', file]);
      const after = await bench.kids();
      expect(after).to.have.length(2);
      expect(after).not.to.include.members([leaked]);
      for (const kid of before) expect(after).not.to.include(kid);
    });

    it('begins another epoch each time, and moves every revision on', async () => {
      const epochs = () => {
        const store = bench.database();
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
      const newer = randomBytes(32).toString('base64');
      bench.environment = { LATCHKEY_DATA_DIR: elsewhere, LATCHKEY_ENCRYPTION_KEY: `${newer},${key}` };
      const restored = await bench.json(['restore', '--from', file]);
      expect(restored).to.deep.include({ undone: null, replaced: null, people: 1 });
      expect(await bench.logins()).to.deep.equal(['ada@example.com']);
    });

    it('takes a plain copy of a database, and ends what is in it', async () => {
      const store = bench.database();
      store.exec("INSERT INTO account_endings VALUES (x'aa', 1, 4102444800)");
      store.exec(`VACUUM INTO '${path.join(folder, 'copy.db')}'`);
      store.close();
      const restored = await bench.json(['restore', '--from', path.join(folder, 'copy.db')]);
      expect(restored).to.deep.include({ backup: null, people: 1 });
      const after = bench.database();
      expect(after.prepare('SELECT count(*) AS n FROM account_endings').get()).to.deep.include({ n: 0 });
      after.close();
    });

    it('begins anew without the encryption key, when it is lost, as docs/backup.md says', async () => {
      const metadata = {
        redirect_uris: ['https://a.example/cb'],
        token_endpoint_auth_method: 'client_secret_jwt',
      };
      await bench.json(['clients', 'create', '--client-id', 'mac', '--file', '-'], JSON.stringify(metadata));
      const before = await bench.kids();
      rmSync(path.join(bench.dataDir, 'encryption.key'));
      const refusal = await bench.refusal(['users', 'list']);
      expect(refusal).to.include({ code: 2, error: 'invalid_configuration' });
      const page = readFileSync(path.join(import.meta.dirname, '../../docs/backup.md'), 'utf8');
      const [, statements = ''] = /^```sql\n([\s\S]*?)^```/m.exec(page) ?? [];
      const store = bench.database();
      store.exec(statements);
      store.close();
      expect((await bench.run(['restore', '--after-database-restore'])).code).to.equal(0);
      expect(await bench.logins()).to.deep.equal(['ada@example.com']);
      expect(await bench.kids())
        .to.have.length(2)
        .and.not.include.members(before);
      const { stdout } = await bench.run(['doctor']);
      expect(stdout).to.contain('clients rotate-secret mac');
      expect((await bench.run(['clients', 'rotate-secret', 'mac'])).code).to.equal(0);
    });

    it('replaces a database that cannot be read at all', async () => {
      const name = path.join(bench.dataDir, 'latchkey.db');
      for (const companion of ['-wal', '-shm']) rmSync(name + companion, { force: true });
      writeFileSync(name, 'overwritten by an accident');
      chmodSync(name, 0o600);
      const restored = await bench.json(['restore', '--from', file]);
      expect(restored).to.deep.include({ undone: null, people: 1 });
      expect(await bench.logins()).to.deep.equal(['ada@example.com']);
    });
  });

  it('--after-database-restore ends what a database copied back by hand remembers', async () => {
    const store = bench.database();
    store.exec("INSERT INTO account_endings VALUES (x'aa', 1, 4102444800)");
    store.close();
    const before = await bench.kids();
    const { epoch } = await bench.json<{ epoch: string }>(['restore', '--after-database-restore']);
    const after = bench.database();
    expect(after.prepare('SELECT count(*) AS n FROM account_endings').get()).to.deep.include({ n: 0 });
    expect(after.prepare('SELECT id FROM epochs ORDER BY number DESC LIMIT 1').get()).to.deep.include({
      id: epoch,
    });
    after.close();
    const now = await bench.kids();
    expect(now).to.have.length(2);
    for (const kid of before) expect(now).not.to.include(kid);
  });
});
