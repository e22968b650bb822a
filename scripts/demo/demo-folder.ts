import { randomInt } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Who signs in at the demo. */
export interface DemoAccount {
  login: string;
  name: string;
  password: string;
}

/** Where the demo keeps what must be there at its next start, and the paths of its files. */
export interface DemoFolder {
  readonly path: string;
  /** The provider's own data directory. */
  readonly providerData: string;
  /** The provider's configuration, good for the operator's CLI too. */
  readonly configurationFile: string;
  logFile(program: string): string;
  /** Writes a file that only its owner can read, and answers its path. */
  write(name: string, content: string): string;
  /** The account of the last start, or a new one whose password is made now. */
  account(): DemoAccount;
  /** What the last start left to be found by the next, if anything. */
  read(name: string): string | undefined;
}

/** Makes the folder if it is not there. */
export function openDemoFolder(path: string): DemoFolder {
  mkdirSync(join(path, 'logs'), { recursive: true, mode: 0o700 });

  function read(name: string): string | undefined {
    try {
      return readFileSync(join(path, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }
  function write(name: string, content: string): string {
    writeFileSync(join(path, name), content, { mode: 0o600 });
    return join(path, name);
  }

  return {
    path,
    providerData: join(path, 'data'),
    configurationFile: join(path, 'latchkey.yaml'),
    logFile: (program) => join(path, 'logs', `${program}.log`),
    read,
    write,
    account() {
      const kept = read('account.json');
      if (kept !== undefined) return JSON.parse(kept) as DemoAccount;
      const account = { login: 'ada@example.com', name: 'Ada Lovelace', password: pronounceablePassword() };
      write('account.json', `${JSON.stringify(account, null, 2)}\n`);
      return account;
    },
  };
}

/** Five groups of two syllables, about 61 bits: easy to type from a terminal. */
function pronounceablePassword(): string {
  const pick = (letters: string) => letters[randomInt(letters.length)] ?? '';
  const group = () => [0, 1].map(() => pick('bdfghjkmnprstvz') + pick('aeiou')).join('');
  return Array.from({ length: 5 }, group).join('-');
}
