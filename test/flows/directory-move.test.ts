import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { sharedPostgres } from '../database/shared-postgres.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess, runCommand } from './latchkey-process.ts';

describe('a directory that moves from SQLite to PostgreSQL', function () {
  this.timeout(120_000);
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-move-'));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('lets its people sign in to their applications with what they have', async () => {
    const small = await LatchkeyProcess.start();
    const file = path.join(folder, 'directory.json');
    let client: { clientId: string; secret: string | undefined };
    let sub: string;
    try {
      ({ sub } = await small.createPerson(ADA.login, ADA.password));
      const app = await Application.register(small);
      await app.signIn();
      client = { clientId: app.clientId, secret: app.secret };
      await small.json(['export', '--to', file]);
    } finally {
      await small.stop();
    }
    const server = await sharedPostgres();
    const large = await LatchkeyProcess.start({
      LATCHKEY_DATABASE_URL: server.url(await server.createDatabase()),
    });
    try {
      // While it serves.
      await large.json(['import', '--from', file]);
      const app = Object.assign(Object.create(Application.prototype) as Application, {
        ...client,
        issuer: large.issuer,
        redirectUri: 'http://localhost:9/callback',
      });
      const tokens = await app.signIn(new FormBrowser(large.issuer));
      expect((await app.userinfo(tokens.access_token)).body.sub).to.equal(sub);
      expect((await app.refresh(tokens.refresh_token)).status).to.equal(200);
    } finally {
      await large.stop();
    }
  });
});

const BEYOND_DATABASE = ['restore', '--after-database-restore'];

for (const { stores, postgres, redis } of [
  { stores: 'PostgreSQL alone', postgres: true, redis: false },
  { stores: 'SQLite and Redis', postgres: false, redis: true },
]) {
  describe(`a new epoch, over ${stores}`, function () {
    this.timeout(120_000);

    it('ends everything that is remembered, and people sign in again', async () => {
      const server = redis ? await RedisServer.start() : undefined;
      const directory = postgres ? await sharedPostgres() : undefined;
      const latchkey = await LatchkeyProcess.start({
        ...(server === undefined ? {} : { LATCHKEY_REDIS_URL: server.url }),
        ...(directory === undefined
          ? {}
          : { LATCHKEY_DATABASE_URL: directory.url(await directory.createDatabase()) }),
      });
      const file = path.join(latchkey.dataDir, 'backup.db');
      try {
        await expectNewEpoch(latchkey, async () => {
          if (!postgres) await latchkey.json(['backup', '--to', file]);
          return postgres ? BEYOND_DATABASE : ['restore', '--from', file];
        });
      } finally {
        await latchkey.stop();
        await server?.remove();
      }
    });
  });
}

/** Signs somebody in, begins an epoch by the command that `prepare` answers, and looks what is left of before. */
async function expectNewEpoch(latchkey: LatchkeyProcess, prepare: () => Promise<string[]>): Promise<void> {
  await latchkey.createPerson(ADA.login, ADA.password);
  const app = await Application.register(latchkey);
  const browser = new FormBrowser(latchkey.issuer);
  const tokens = await app.signIn(browser);
  const kids = async (): Promise<string[]> => {
    const response = await fetch(new URL('/jwks', latchkey.issuer));
    return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
  };
  const before = await kids();
  const command = await prepare();
  // A server that went on would still be in the former epoch.
  const refused = await latchkey.command([...command, '--json']);
  expect(refused.code).to.equal(1);
  expect(JSON.parse(refused.stderr)).to.include({ error: 'in_use' });
  expect((await app.userinfo(tokens.access_token)).status).to.equal(200);
  await latchkey.terminate();
  await latchkey.json(command);
  await latchkey.launch();

  expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
  const { status, body } = await app.refresh(tokens.refresh_token);
  expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_grant' });
  expect((await browser.visit(app.authorizationRequest().url)).pageName).to.equal('login');
  const again = await app.signIn(browser);
  expect((await app.userinfo(again.access_token)).status).to.equal(200);
  const after = await kids();
  for (const kid of before) expect(after).not.to.include(kid);
}

describe('a new epoch, over PostgreSQL and Redis', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let latchkey: LatchkeyProcess;

  before(async () => {
    redis = await RedisServer.start({ appendOnly: true });
    const server = await sharedPostgres();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_DATABASE_URL: server.url(await server.createDatabase()),
      LATCHKEY_REDIS_URL: redis.url,
    });
  });
  after(async () => {
    await latchkey.stop();
    await redis.remove();
  });

  it('ends everything that is remembered, and people sign in again', () =>
    expectNewEpoch(latchkey, async () => BEYOND_DATABASE));

  it('is what doctor looks at too: versions, connections, clocks', async () => {
    const { stdout } = await latchkey.command(['doctor', '--json']);
    const { healthy, findings } = JSON.parse(stdout) as {
      healthy: boolean;
      findings: { check: string; status: string; message: string }[];
    };
    expect(healthy, stdout).to.equal(true);
    const said = (check: string) =>
      findings.filter((each) => each.check === check).map(({ message }) => message);
    expect(said('postgres')[0]).to.match(/^PostgreSQL \d+.* connections in use$/);
    expect(said('redis')[0]).to.match(/^Redis \d+\.\d+\.\d+, maxmemory-policy noeviction$/);
    expect(said('clock')).to.have.length(2);
    expect(said('schema')).to.deep.equal(['the database is of this version']);
  });

  it('doctor names a Redis that evicts', async () => {
    const evicting = await RedisServer.start({ maxMemory: '64mb', maxMemoryPolicy: 'allkeys-lru' });
    try {
      const environment = { ...latchkey.environment, LATCHKEY_REDIS_URL: evicting.url };
      const { code, stdout } = await runCommand(environment, ['doctor', '--json']);
      expect(code).to.equal(1);
      const { findings } = JSON.parse(stdout) as {
        findings: { check: string; status: string; message: string }[];
      };
      const [problem] = findings.filter(({ check, status }) => check === 'redis' && status === 'problem');
      expect(problem?.message).to.contain('allkeys-lru').and.contain('noeviction');
    } finally {
      await evicting.remove();
    }
  });
});
