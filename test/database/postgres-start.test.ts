import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { sql } from 'kysely';
import { type DatabaseOptions, openDatabase } from '../../lib/database/database.ts';
import { testCertificate } from '../config/test-certificate.ts';
import { eventually, freePort, runCommand } from '../flows/latchkey-process.ts';
import { databaseSettings } from './directory-stores.ts';
import { openTogether } from './open-together.ts';
import { PostgresServer } from './postgres-server.ts';

describe('a start on PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let folder: string;
  let certFile: string;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-start-'));
    certFile = path.join(folder, 'certificate.pem');
    const keyFile = path.join(folder, 'key.pem');
    writeFileSync(certFile, testCertificate.certificate);
    writeFileSync(keyFile, testCertificate.key);
    server = await PostgresServer.start({ auth: 'scram-sha-256', tls: { certFile, keyFile } });
  });
  after(async () => {
    await server?.remove();
    rmSync(folder, { recursive: true });
  });

  let directories = 0;
  function options(url: string, settings: Partial<typeof databaseSettings> = {}): DatabaseOptions {
    directories += 1;
    const dataDir = path.join(folder, String(directories));
    return { dataDir, encryptionKey: [], databaseUrl: url, database: { ...databaseSettings, ...settings } };
  }

  /** Why it was refused: an UnusableDatabase of one line, without the password. */
  async function refusal(opened: DatabaseOptions): Promise<string> {
    const error = await openDatabase(opened).then(
      async (database) => {
        await database.close();
        throw new Error('it was opened');
      },
      (caught: Error) => caught,
    );
    expect(error.name, error.stack).to.equal('UnusableDatabase');
    expect(error.message).to.not.include('\n').and.not.include(server.password).and.not.include('canary');
    return error.message;
  }

  async function opens(opened: DatabaseOptions): Promise<void> {
    await (await openDatabase(opened)).close();
  }

  it('migrates once, of six processes that start at once', async () => {
    const url = server.url(await server.createDatabase());
    const [first, ...others] = await openTogether(6, options(url));
    expect(first)
      .to.have.deep.property('migrations')
      .that.includes.members(['0001-directory', '0004-epochs']);
    for (const other of others) expect(other).to.deep.equal(first);
  });

  it('keeps what no directory holds in the embedded file, unless Redis does', async () => {
    const url = server.url(await server.createDatabase());
    const withFile = options(url);
    const database = await openDatabase(withFile);
    expect(database.embedded.raw.prepare('SELECT count(*) AS n FROM throttle').get()).to.include({ n: 0 });
    await database.close();
    const without = { ...options(url), redisUrl: 'redis://localhost' };
    const other = await openDatabase(without);
    expect(() => other.embedded).to.throw('there is no embedded file');
    await other.close();
    expect(readdirSync(without.dataDir)).to.deep.equal(['encryption.key']);
  });

  it('leaves no connection behind, opened or refused', async () => {
    const name = await server.createDatabase();
    await opens(options(server.url(name)));
    await server.administer(`INSERT INTO migrations VALUES ('9999-from-the-future', 1)`, name);
    await refusal(options(server.url(name)));
    const left = () =>
      server.administer(
        `SELECT pid FROM pg_stat_activity WHERE datname = '${name}' AND usename = 'latchkey'`,
      );
    await eventually('no connection is left', async () => (await left()).length === 0);
  });

  describe('is refused in one line', () => {
    it('where nothing listens', async () => {
      const port = await freePort();
      expect(await refusal(options(`postgres://u:canary@127.0.0.1:${port}/d`))).to.equal(
        `PostgreSQL at 127.0.0.1:${port} cannot be reached (connect ECONNREFUSED 127.0.0.1:${port})`,
      );
    });

    it('in a folder without a socket, and at a name that has no address', async () => {
      expect(await refusal(options(`postgres://u@/d?host=${folder}`))).to.match(
        /^PostgreSQL in \S+ cannot be reached \(connect ENOENT/,
      );
      expect(await refusal(options('postgres://u@nowhere.invalid/d'))).to.match(
        /^PostgreSQL at nowhere\.invalid:5432 cannot be reached/,
      );
    });

    it('for a wrong password and for none', async () => {
      const place = `127.0.0.1:${server.port}/postgres`;
      const problem = `PostgreSQL at 127.0.0.1:${server.port}`;
      expect(await refusal(options(`postgres://latchkey:canary@${place}`))).to.equal(
        `${problem} refuses the password of user latchkey`,
      );
      expect(await refusal(options(`postgres://latchkey@${place}`))).to.equal(
        `${problem} asks for a password of user latchkey`,
      );
    });

    it('for a database that there is not', async () => {
      expect(await refusal(options(server.url('nowhere')))).to.equal(
        `PostgreSQL at 127.0.0.1:${server.port} has no database nowhere: create it (createdb nowhere)`,
      );
    });

    it('where it may not make its tables', async () => {
      const name = await server.createDatabase();
      await server.administer(`ALTER DATABASE ${name} OWNER TO postgres`);
      expect(await refusal(options(server.url(name)))).to.match(
        new RegExp(`^user latchkey may not make tables in database ${name} \\(permission denied`),
      );
    });

    it('for an encoding that does not hold every name', async () => {
      const name = await server.createDatabase(
        "ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0",
      );
      expect(await refusal(options(server.url(name)))).to.equal(
        `database ${name} is encoded in SQL_ASCII: make one in UTF8`,
      );
    });

    it('of a newer version', async () => {
      const name = await server.createDatabase();
      await opens(options(server.url(name)));
      await server.administer(`INSERT INTO migrations VALUES ('9999-from-the-future', 1)`, name);
      expect(await refusal(options(server.url(name)))).to.equal(
        'the database was upgraded by a newer version (9999-from-the-future): start that version, or restore a backup',
      );
    });

    it('while another process migrates and does not end', async () => {
      const name = await server.createDatabase();
      await opens(options(server.url(name)));
      const other = await server.connect(name);
      try {
        await other.query(`SELECT pg_advisory_lock(${0x4c4b_0001})`);
        expect(await refusal(options(server.url(name), { migrationTimeout: 1 }))).to.match(
          new RegExp(`^database ${name} is kept by another process that migrates it: wait until it is done`),
        );
      } finally {
        await other.end();
      }
      await opens(options(server.url(name), { migrationTimeout: 1 }));
    });

    it('by the command line, which names the setting', async () => {
      const { dataDir } = options('');
      const environment = {
        LATCHKEY_DATA_DIR: dataDir,
        LATCHKEY_DATABASE_URL: `postgres://latchkey:canary@127.0.0.1:${server.port}/postgres`,
      };
      const { code, stdout, stderr } = await runCommand(environment, ['users', 'list']);
      expect({ code, stdout, stderr }).to.deep.equal({
        code: 2,
        stdout: '',
        stderr: `latchkey: database_url (LATCHKEY_DATABASE_URL): PostgreSQL at 127.0.0.1:${server.port} refuses the password of user latchkey\n`,
      });
    });

    it('on a second machine with another encryption key', async () => {
      const url = server.url(await server.createDatabase());
      const machine = () => ({ LATCHKEY_DATA_DIR: options('').dataDir, LATCHKEY_DATABASE_URL: url });
      expect(await runCommand(machine(), ['keys', 'list'])).to.include({ code: 0, stderr: '' });
      const { code, stderr } = await runCommand(machine(), ['keys', 'list']);
      expect(code).to.equal(2);
      expect(stderr).to.match(
        /^latchkey: encryption_key \(LATCHKEY_ENCRYPTION_KEY\): does not fit the data in PostgreSQL: signing key .+; all machines need the same one\n$/,
      );
    });
  });

  describe('over TLS', () => {
    it('trusts the authority that is named, for the name that it certifies', async () => {
      const name = await server.createDatabase();
      const local = server.url(name, '?sslmode=verify-full');
      await opens(options(local, { caFile: certFile }));
      expect(await refusal(options(local))).to.match(
        /^the certificate of PostgreSQL at 127\.0\.0\.1:\d+ is not trusted \(self-signed certificate\): name its authority in database\.ca_file$/,
      );
    });

    it('refuses a certificate of another name, unless only the authority counts', async () => {
      const name = await server.createDatabase();
      const url = (mode: string) => server.url(name, `?sslmode=${mode}`).replace('127.0.0.1', '127.0.0.2');
      expect(await refusal(options(url('verify-full'), { caFile: certFile }))).to.match(
        /^the certificate of PostgreSQL at 127\.0\.0\.2:\d+ is not trusted \(.*altnames/i,
      );
      await opens(options(url('verify-ca'), { caFile: certFile }));
      await opens(options(url('no-verify')));
    });

    it('is really encrypted, and in clear text only where that was said', async () => {
      const name = await server.createDatabase();
      const encrypted = async (parameters: string) => {
        const database = await openDatabase(options(server.url(name, parameters)));
        const rows = await server.administer(
          `SELECT bool_and(ssl) AS ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) WHERE datname = '${name}'
            AND usename = 'latchkey'`,
        );
        await database.close();
        return rows[0]?.ssl;
      };
      expect(await encrypted('?sslmode=no-verify')).to.equal(true);
      expect(await encrypted('?sslmode=disable')).to.equal(false);
    });

    it('is refused where the server offers none', async () => {
      const plain = await PostgresServer.start();
      try {
        const url = plain.url(await plain.createDatabase(), '?sslmode=verify-full');
        expect(await refusal(options(url))).to.equal(
          `PostgreSQL at 127.0.0.1:${plain.port} offers no TLS: turn it on there, or write sslmode=disable`,
        );
      } finally {
        await plain.remove();
      }
    });
  });

  it('is refused on a standby, which takes no writes', async () => {
    const standby = await PostgresServer.start();
    try {
      const name = await standby.createDatabase();
      await standby.stop();
      standby.becomeStandby();
      await standby.restart();
      expect(await refusal(options(standby.url(name)))).to.equal(
        `PostgreSQL at 127.0.0.1:${standby.port} is a standby, which takes no writes: name the primary`,
      );
    } finally {
      await standby.remove();
    }
  });

  it('makes commits wait for the disk where the server would not', async () => {
    const name = await server.createDatabase();
    await server.administer(`ALTER DATABASE ${name} SET synchronous_commit = off`);
    const database = await openDatabase(options(server.url(name)));
    try {
      const { rows } = await sql<{ synchronous_commit: string }>`SHOW synchronous_commit`.execute(
        database.query,
      );
      expect(rows).to.deep.equal([{ synchronous_commit: 'on' }]);
    } finally {
      await database.close();
    }
  });
});
