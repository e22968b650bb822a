import { randomBytes } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { BackupBench } from './backup-bench.ts';

describe('latchkey restore', () => {
  let bench: BackupBench;
  let folder: string;
  let file: string;

  beforeEach(async () => {
    bench = await BackupBench.open();
    ({ folder, file } = bench);
    await bench.json(['backup', '--to', file]);
  });
  afterEach(() => bench.close());

  describe('changes nothing when it refuses', () => {
    const refuses = async (from: string, error: string, words: RegExp, environment = {}) => {
      await bench.createPerson('bob@example.com');
      const before = readdirSync(bench.dataDir).sort();
      bench.environment = environment;
      const refusal = await bench.refusal(['restore', '--from', from]);
      bench.environment = {};
      expect(refusal).to.include({ code: 1, error });
      expect(refusal.error_description).to.match(words);
      expect(readdirSync(bench.dataDir).sort()).to.deep.equal(before);
      expect(await bench.logins()).to.deep.equal(['ada@example.com', 'bob@example.com']);
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
          LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
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
      await bench.createPerson('bob@example.com');
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
      expect(await bench.logins()).to.deep.equal(['ada@example.com']);
      expect(await bench.json(['clients', 'list'])).to.deep.equal([]);
      expect(readdirSync(bench.dataDir)).not.to.include('latchkey.db.restored');
    });

    it('between the removal of the old log and the end is finished too', async () => {
      await interrupt();
      rmSync(path.join(bench.dataDir, 'latchkey.db-wal'));
      expect((await bench.run(['backup', '--to', path.join(folder, 'second.db')])).code).to.equal(0);
      expect(await bench.logins()).to.deep.equal(['ada@example.com']);
    });

    it('before its decision leaves the old one, and its draft goes with the next restore', async () => {
      await bench.createPerson('bob@example.com');
      mkdirSync(path.join(bench.dataDir, 'restoring-abcdef'));
      copyFileSync(file, path.join(bench.dataDir, 'restoring-abcdef', 'latchkey.db'));
      expect(await bench.logins()).to.deep.equal(['ada@example.com', 'bob@example.com']);
      await bench.json(['restore', '--from', file]);
      expect(readdirSync(bench.dataDir).filter((name) => name.startsWith('restoring-'))).to.deep.equal([]);
    });
  });
});
