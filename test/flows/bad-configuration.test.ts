import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import type { CommandResult } from '../cli/command-in-process.ts';
import { testCertificate } from '../config/test-certificate.ts';
import { freePort, PROGRAM, runCommand } from './latchkey-process.ts';

type Environment = Record<string, string>;

interface BadStart {
  what: string;
  environment: () => Environment;
  /** The one line, without `latchkey: `. */
  line: RegExp;
}

/** Stands in every secret that is given here; no output may hold it. */
const CANARY = 'canary5ecret';
/** Processes at a time: the machine may have two cores. */
const AT_ONCE = 3;
const START_MILLISECONDS = 60_000;

/** `serve` until it ends by itself; one that starts in spite of all is ended, and its code is then null. */
async function serve(environment: Environment): Promise<CommandResult & { started: boolean }> {
  const child: ChildProcess = spawn(process.execPath, [...PROGRAM, 'serve'], {
    env: { PATH: process.env.PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let started = false;
  const end = (): void => {
    started = true;
    child.kill('SIGKILL');
  };
  const timer = setTimeout(end, START_MILLISECONDS);
  child.stdout?.on('data', (chunk) => {
    stdout += chunk;
    if (stdout.includes('"msg":"listening"')) end();
  });
  child.stderr?.on('data', (chunk) => {
    stderr += chunk;
  });
  const code = await new Promise<number>((resolve) =>
    child.on('close', (exitCode) => resolve(exitCode ?? -1)),
  );
  clearTimeout(timer);
  return { code, stdout, stderr, started };
}

describe('serve with a configuration that cannot be used', () => {
  let directory: string;
  let taken: Server;
  let takenPort: number;
  let results: Map<string, Awaited<ReturnType<typeof serve>>>;

  const file = (name: string, text: string | Buffer): string => {
    const full = path.join(directory, name);
    writeFileSync(full, text);
    return full;
  };
  const yaml = (name: string, text: string): Environment => ({ LATCHKEY_CONFIG: file(name, text) });
  const one = (variable: string, value: string) => () => ({ [variable]: value });
  const tls = (certificate: string, key: string): Environment => ({
    LATCHKEY_ISSUER: 'https://localhost:3000',
    LATCHKEY_TLS_CERT_FILE: certificate,
    LATCHKEY_TLS_KEY_FILE: key,
  });
  /** A data directory that a start has made, whose encryption key lies in it. */
  const usedData = (name: string): string => path.join(directory, name);

  const badStarts: BadStart[] = [
    {
      what: 'an unknown variable',
      environment: one('LATCHKEY_ISUER', CANARY),
      line: /^LATCHKEY_ISUER: is not a known variable; did you mean LATCHKEY_ISSUER\?$/,
    },
    {
      what: 'an empty variable',
      environment: one('LATCHKEY_ENCRYPTION_KEY', ''),
      line: /^LATCHKEY_ENCRYPTION_KEY: is set but empty/,
    },
    {
      what: 'an unknown key',
      environment: () => yaml('unknown.yaml', `log:\n  levle: debug\n# ${CANARY}\n`),
      line: /^log\.levle: is not a known key, in \S+unknown\.yaml; did you mean log\.level\?$/,
    },
    {
      what: 'a YAML syntax error',
      environment: () => yaml('syntax.yaml', `port: 4000\nencryption_key: ["${CANARY}\nhost: x\n`),
      line: /^\S+syntax\.yaml:\d+:\d+: is not valid YAML/,
    },
    {
      what: 'a key that is set twice',
      environment: () => yaml('twice.yaml', 'port: 4000\nport: 4001\n'),
      line: /^\S+twice\.yaml:2:1: key port is set twice$/,
    },
    {
      what: 'a file that is a list',
      environment: () => yaml('list.yaml', '- port: 4000\n'),
      line: /^\S+list\.yaml: must be a mapping of keys$/,
    },
    {
      what: 'a file that is not there',
      environment: one('LATCHKEY_CONFIG', '/nonexistent/latchkey.yaml'),
      line: /^LATCHKEY_CONFIG: cannot read \/nonexistent\/latchkey\.yaml \(ENOENT\)$/,
    },
    {
      what: 'a file that cannot be read',
      environment: () => ({ LATCHKEY_CONFIG: directory }),
      line: /^LATCHKEY_CONFIG: cannot read \S+ \(EISDIR\)$/,
    },
    {
      what: 'a plain-http issuer outside loopback',
      environment: one('LATCHKEY_ISSUER', 'http://id.example.com'),
      line: /^issuer \(LATCHKEY_ISSUER\): .*must be https outside loopback$/,
    },
    {
      what: 'an issuer with a path',
      environment: one('LATCHKEY_ISSUER', 'https://example.com/id'),
      line: /^issuer \(LATCHKEY_ISSUER\): .*must not have a path/,
    },
    {
      what: 'an issuer with a user name and password',
      environment: one('LATCHKEY_ISSUER', `https://me:${CANARY}@example.com`),
      line: /^issuer \(LATCHKEY_ISSUER\): must not have|^issuer \(LATCHKEY_ISSUER\): must not contain a user name/,
    },
    {
      what: 'an https issuer with nothing to end TLS',
      environment: one('LATCHKEY_ISSUER', 'https://id.example.com'),
      line: /^trusted_proxies \(LATCHKEY_TRUSTED_PROXIES\): .*name your proxy here/,
    },
    {
      what: 'plain http for other machines',
      environment: one('LATCHKEY_HOST', '0.0.0.0'),
      line: /^host \(LATCHKEY_HOST\): "0\.0\.0\.0" would serve plain http to other machines/,
    },
    {
      what: 'a port that is a word',
      environment: one('LATCHKEY_PORT', 'http'),
      line: /^port \(LATCHKEY_PORT\): "http" must be a number$/,
    },
    {
      what: 'a port that is taken',
      environment: () => ({ LATCHKEY_PORT: String(takenPort) }),
      line: /^port \(LATCHKEY_PORT\): 127\.0\.0\.1:\d+ is in use by another program: end that one, or choose another port \(in issuer too, if that names it\)$/,
    },
    {
      what: 'a management port that is taken',
      environment: () => ({ LATCHKEY_MANAGEMENT_PORT: String(takenPort) }),
      line: /^management_port \(LATCHKEY_MANAGEMENT_PORT\): 127\.0\.0\.1:\d+ is in use by another program: end that one, or choose another port$/,
    },
    {
      what: 'one port for both listeners',
      environment: () => ({ LATCHKEY_PORT: String(takenPort), LATCHKEY_MANAGEMENT_PORT: String(takenPort) }),
      line: /^management_port \(LATCHKEY_MANAGEMENT_PORT\): \d+ is also the public port/,
    },
    {
      what: 'an address of another machine',
      environment: one('LATCHKEY_MANAGEMENT_HOST', '192.0.2.1'),
      line: /^management_host \(LATCHKEY_MANAGEMENT_HOST\): 192\.0\.2\.1 is not an address of this machine$/,
    },
    {
      what: 'a data directory that is a file',
      environment: () => ({ LATCHKEY_DATA_DIR: file('plain', '') }),
      line: /^data_dir \(LATCHKEY_DATA_DIR\): \S+plain cannot be used \(EEXIST: /,
    },
    {
      what: 'a data directory below a file',
      environment: () => ({ LATCHKEY_DATA_DIR: path.join(file('plain2', ''), 'data') }),
      line: /^data_dir \(LATCHKEY_DATA_DIR\): \S+plain2\/data cannot be used \(ENOTDIR: /,
    },
    {
      what: 'a data directory where nobody may write',
      environment: one('LATCHKEY_DATA_DIR', '/proc/latchkey/data'),
      line: /^data_dir \(LATCHKEY_DATA_DIR\): \/proc\/latchkey\/data cannot be used \(ENOENT: /,
    },
    {
      what: 'a database that is none',
      environment: () => {
        mkdirSync(usedData('no-database'));
        file('no-database/latchkey.db', 'this is a text and no database');
        return { LATCHKEY_DATA_DIR: usedData('no-database') };
      },
      line: /^data_dir \(LATCHKEY_DATA_DIR\): the database in \S+ cannot be used \(file is not a database\)$/,
    },
    {
      what: 'a database of a newer version',
      environment: () => ({ LATCHKEY_DATA_DIR: usedData('newer') }),
      line: /^data_dir \(LATCHKEY_DATA_DIR\): the database was upgraded by a newer version \(9999-future\)/,
    },
    {
      what: 'an encryption key that does not fit the database',
      environment: () => ({
        LATCHKEY_DATA_DIR: usedData('sealed'),
        LATCHKEY_ENCRYPTION_KEY: Buffer.from(CANARY.padEnd(32, '.')).toString('base64'),
      }),
      line: /^encryption_key \(LATCHKEY_ENCRYPTION_KEY\): does not fit the data in \S+sealed: /,
    },
    {
      what: 'an encryption key that is gone',
      environment: () => {
        cpSync(usedData('sealed'), usedData('keyless'), { recursive: true });
        rmSync(path.join(usedData('keyless'), 'encryption.key'));
        return { LATCHKEY_DATA_DIR: usedData('keyless') };
      },
      line: /^encryption_key \(LATCHKEY_ENCRYPTION_KEY\): there is none, and the database in \S+keyless holds what was sealed with one: .*docs\/backup\.md/,
    },
    {
      what: 'an encryption key of wrong length',
      environment: one('LATCHKEY_ENCRYPTION_KEY', Buffer.from(CANARY).toString('base64')),
      line: /^encryption_key \(LATCHKEY_ENCRYPTION_KEY\): item 1 must be 32 bytes/,
    },
    {
      what: 'a generated encryption key that was cut',
      environment: () => {
        mkdirSync(usedData('cut'));
        file('cut/encryption.key', Buffer.from(CANARY).toString('base64'));
        return { LATCHKEY_DATA_DIR: usedData('cut') };
      },
      line: /^data_dir \(LATCHKEY_DATA_DIR\): \S+cut\/encryption\.key does not hold a 32-byte key/,
    },
    {
      what: 'a secret file that is not there',
      environment: one('LATCHKEY_ENCRYPTION_KEY_FILE', '/nonexistent/key'),
      line: /^LATCHKEY_ENCRYPTION_KEY_FILE: cannot read \/nonexistent\/key \(ENOENT\)$/,
    },
    {
      what: 'a TLS file that is missing',
      environment: () => tls(path.join(directory, 'absent.pem'), file('key.pem', testCertificate.key)),
      line: /^tls\.cert_file \(LATCHKEY_TLS_CERT_FILE\): cannot read \S+absent\.pem \(ENOENT\)$/,
    },
    {
      what: 'a TLS key of another certificate',
      environment: () => {
        const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const other = privateKey.export({ type: 'pkcs8', format: 'pem' });
        return tls(file('cert.pem', testCertificate.certificate), file('other.pem', other));
      },
      line: /^tls\.key_file \(LATCHKEY_TLS_KEY_FILE\): \S+other\.pem is not the key of the certificate in/,
    },
    {
      what: 'a reserved setting',
      environment: one('LATCHKEY_SMTP_URL', `smtp://:${CANARY}@mail.example`),
      line: /^smtp_url \(LATCHKEY_SMTP_URL\): .*must have a user name and a password/,
    },
    {
      what: 'a Redis where nobody listens',
      environment: () => ({ LATCHKEY_REDIS_URL: `redis://:${CANARY}@127.0.0.1:1` }),
      line: /^redis_url \(LATCHKEY_REDIS_URL\): cannot be used \(not connected \(connect ECONNREFUSED 127\.0\.0\.1:1\)\)$/,
    },
    {
      what: 'a template that replaces nothing',
      environment: () => {
        mkdirSync(path.join(directory, 'views/pages'), { recursive: true });
        file('views/pages/logn.eta', '<p>');
        return { LATCHKEY_VIEWS_DIR: path.join(directory, 'views') };
      },
      line: /^views_dir \(LATCHKEY_VIEWS_DIR\): \S+logn\.eta: replaces no template/,
    },
    {
      what: 'a template with a mistake in it',
      environment: () => {
        mkdirSync(path.join(directory, 'mistaken/pages'), { recursive: true });
        file('mistaken/pages/home.eta', '<p>\n<% if ( { %>\n');
        return { LATCHKEY_VIEWS_DIR: path.join(directory, 'mistaken') };
      },
      line: /^views_dir \(LATCHKEY_VIEWS_DIR\): \S+home\.eta: Bad template syntax: Unexpected token '\W'$/,
    },
    {
      what: 'a template that prints what its page does not have',
      environment: () => {
        mkdirSync(path.join(directory, 'unknowing/pages'), { recursive: true });
        file('unknowing/pages/home.eta', '<p><%= it.model.nothing.more %>');
        return { LATCHKEY_VIEWS_DIR: path.join(directory, 'unknowing') };
      },
      line: /^views_dir \(LATCHKEY_VIEWS_DIR\): \S+home\.eta: Cannot read properties of undefined/,
    },
    {
      what: 'password hashing below the minimum',
      environment: one('LATCHKEY_PASSWORDS_ARGON2_ITERATIONS', '1'),
      line: /^passwords\.argon2\.iterations \(LATCHKEY_PASSWORDS_ARGON2_ITERATIONS\): .*OWASP/,
    },
  ];

  before(async function () {
    this.timeout(240_000);
    directory = mkdtempSync(path.join(tmpdir(), 'latchkey-bad-'));
    taken = createServer();
    takenPort = await freePort();
    await new Promise<void>((resolve) => taken.listen(takenPort, '127.0.0.1', resolve));
    for (const name of ['newer', 'sealed']) {
      const made = await runCommand({ LATCHKEY_DATA_DIR: usedData(name) }, ['keys', 'list']);
      expect(made).to.include({ code: 0 });
    }
    const database = new DatabaseSync(path.join(usedData('newer'), 'latchkey.db'));
    database.exec("INSERT INTO migrations (name, applied_at) VALUES ('9999-future', 0)");
    database.close();

    results = new Map();
    const waiting = [...badStarts];
    const lane = async (): Promise<void> => {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        const environment = {
          LATCHKEY_PORT: '0',
          LATCHKEY_MANAGEMENT_PORT: '0',
          LATCHKEY_DATA_DIR: path.join(directory, randomBytes(6).toString('hex')),
          ...next.environment(),
        };
        results.set(next.what, await serve(environment));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, lane));
  });

  it('is said by `config check` and `doctor` as well, where it is the operator’s views', async () => {
    for (const [name, what] of [
      ['views', 'a template that replaces nothing'],
      ['mistaken', 'a template with a mistake in it'],
      ['unknowing', 'a template that prints what its page does not have'],
    ] as const) {
      const environment = {
        LATCHKEY_VIEWS_DIR: path.join(directory, name),
        LATCHKEY_DATA_DIR: path.join(directory, 'none'),
      };
      const { stderr } = results.get(what) as Awaited<ReturnType<typeof serve>>;
      expect(await runCommand(environment, ['config', 'check']), name).to.include({ code: 2, stderr });
      const examined = await runCommand(environment, ['doctor']);
      expect(examined.code, name).to.equal(1);
      expect(examined.stdout, name).to.contain(stderr.slice('latchkey: '.length).trim());
    }
  });

  after(() => {
    taken.close();
    rmSync(directory, { recursive: true, force: true });
  });

  for (const { what, line } of badStarts) {
    it(`stops at ${what}: exit code 2, and one line that names it`, () => {
      const { code, stdout, stderr, started } = results.get(what) as Awaited<ReturnType<typeof serve>>;
      expect({ started, code }, stdout + stderr).to.deep.equal({ started: false, code: 2 });
      expect(stderr).to.match(/^latchkey: [^\n]+\n$/);
      expect(stderr.slice('latchkey: '.length).trimEnd()).to.match(line);
      // What a start has logged before it failed is on standard output.
      for (const said of ['    at ', CANARY, Buffer.from(CANARY).toString('base64').slice(0, 12)]) {
        expect(stdout + stderr).not.to.contain(said);
      }
    });
  }
});
