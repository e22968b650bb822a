import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CliBench } from './cli-bench.ts';

export const PASSWORD = 'marmalade sandwich on tuesday\n';

/** The command line on a directory that has ada@example.com in it, with a folder for its backups. */
export class BackupBench extends CliBench {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'latchkey-backup-'));
  /** Where a backup goes. */
  readonly file = path.join(this.folder, 'backup.db');

  static async open(): Promise<BackupBench> {
    const bench = new BackupBench();
    await bench.createPerson('ada@example.com');
    return bench;
  }

  createPerson(login: string): Promise<unknown> {
    return this.json(['users', 'create', '--email', login, '--password-stdin'], PASSWORD);
  }

  async logins(): Promise<string[]> {
    return (await this.json<{ login: string }[]>(['users', 'list'])).map(({ login }) => login);
  }

  async kids(): Promise<string[]> {
    return (await this.json<{ kid: string }[]>(['keys', 'list'])).map(({ kid }) => kid);
  }

  /** The database itself, which its opener closes. */
  database(): DatabaseSync {
    return new DatabaseSync(path.join(this.dataDir, 'latchkey.db'));
  }

  override close(): void {
    super.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
