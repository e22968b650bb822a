import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { makeFile } from '../../lib/database/backup/durable-files.ts';
import { dataProblem } from '../../lib/start-problems.ts';

/** What SQLite throws when a database may not grow: the same as on a disk without room. */
function fullDatabase(): unknown {
  const database = new DatabaseSync(':memory:');
  try {
    database.exec('PRAGMA max_page_count = 1; CREATE TABLE notes (text)');
    return undefined;
  } catch (error) {
    return error;
  } finally {
    database.close();
  }
}

describe('a full disk', () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-full-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  for (const [what, error] of [
    ['the system', Object.assign(new Error('no space left'), { code: 'ENOSPC' })],
    ['SQLite', fullDatabase()],
  ] as const) {
    it(`is named when a file cannot be written, by ${what}'s word, and leaves nothing behind`, () => {
      const file = path.join(folder, 'backup.db');
      const made = makeFile(file, { overwrite: false, dataDir: folder }, () => {
        throw error;
      });
      expect(made).to.deep.equal({
        outcome: 'refused',
        reason: 'not_writable',
        description: `${file} cannot be written: no room is left on its disk`,
      });
      expect(existsSync(file)).to.equal(false);
      expect(readdirSync(folder)).to.deep.equal([]);
    });
  }

  it('is named when a start fails on it, where SQLite speaks of input and output', () => {
    const error = Object.assign(new Error('disk I/O error'), { code: 'ERR_SQLITE_ERROR' });
    const said = (dataDir: string): string => (dataProblem(error, { dataDir }) as Error).message;
    // A file system of which none is free, to whomever it belongs.
    expect(said('/proc')).to.match(/the database in \/proc cannot be used .*; no room is left on its disk$/);
    expect(said(folder)).to.match(/cannot be used \(disk I\/O error\)$/);
    expect(said(path.join(folder, 'absent'))).to.match(/cannot be used \(disk I\/O error\)$/);
  });
});
