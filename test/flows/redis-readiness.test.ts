import { expect } from 'chai';
import { RedisServer } from '../redis/redis-servers.ts';
import { ADA, Application } from './application.ts';
import { registerApplication } from './authentication-methods.ts';
import { eventually, freePort, LatchkeyProcess, runCommand } from './latchkey-process.ts';

const PASSWORD = 'canary-of-redis';

describe('a server and what its Redis must be', function () {
  this.timeout(60_000);
  let redis: RedisServer;

  beforeEach(async () => {
    redis = await RedisServer.start({ password: PASSWORD, appendOnly: true });
  });
  afterEach(() => redis.remove());

  const startFails = async (environment: Record<string, string>): Promise<string> => {
    const failure = await LatchkeyProcess.start({ LATCHKEY_REDIS_URL: redis.url, ...environment }).then(
      async (started) => {
        await started.stop();
        throw new Error('it started');
      },
      (error: Error) => error,
    );
    expect(failure.message).to.include('latchkey ended with 2').and.not.include('canary');
    const said = failure.message.split('\n').filter((line) => line.startsWith('latchkey: '));
    expect(said, failure.message).to.have.length(1);
    return said[0] ?? '';
  };

  for (const workers of ['1', '2']) {
    it(`does not start where Redis evicts, and says so in one line (${workers} workers)`, async () => {
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      const line = await startFails({ LATCHKEY_WORKERS: workers });
      expect(line)
        .to.match(/^latchkey: redis_url \(LATCHKEY_REDIS_URL\): cannot be used \(127\.0\.0\.1:\d+ has/)
        .and.include('maxmemory-policy allkeys-lru')
        .and.include('set it to noeviction');
    });
  }

  it('does not start with a wrong password, and does not tell the right or the wrong one', async () => {
    const url = `redis://:canary-wrong@127.0.0.1:${redis.port}`;
    expect(await startFails({ LATCHKEY_REDIS_URL: url })).to.include('WRONGPASS');
  });

  it('serves people and applications with a user of no more rights than these', async () => {
    const managementPort = await freePort();
    const host = 'localhost';
    const rights = '~latchkey:* resetchannels -@all +@read +@write +@scripting +info +time +select';
    await redis.command('ACL', 'SETUSER', 'latchkey', 'on', `>${PASSWORD}`, ...rights.split(' '));
    const latchkey = await LatchkeyProcess.start({
      LATCHKEY_REDIS_URL: `redis://latchkey:${PASSWORD}@${host}:${redis.port}/3`,
      LATCHKEY_MANAGEMENT_PORT: String(managementPort),
    });
    try {
      await latchkey.createPerson(ADA.login, ADA.password);
      const application = await Application.register(latchkey);
      const tokens = await application.signIn(undefined, {
        scope: 'openid offline_access',
        prompt: 'consent',
      });
      const refreshed = await application.refresh(tokens.refresh_token);
      expect(refreshed.status).to.equal(200);
      expect((await application.introspect(refreshed.body.access_token)).body).to.include({ active: true });
      expect((await application.revoke(refreshed.body.refresh_token)).status).to.equal(200);
      expect((await latchkey.json<unknown[]>(['sessions', 'list'])).length).to.equal(1);
      expect((await latchkey.command(['users', 'disable', ADA.login])).code).to.equal(0);
      const ready = await fetch(`http://127.0.0.1:${managementPort}/readyz`);
      expect(await ready.text()).to.include('redis: ok');
      expect(latchkey.output).to.not.include('NOPERM').and.not.include('canary');
    } finally {
      await latchkey.stop();
    }
  });

  it('does not run a command of the operator either', async () => {
    await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const { code, stderr } = await runCommand(
      { LATCHKEY_REDIS_URL: redis.url, LATCHKEY_DATA_DIR: redis.folder },
      ['sessions', 'list'],
    );
    expect(code).to.equal(2);
    expect(stderr).to.include('redis_url').and.include('noeviction').and.not.include('canary');
  });

  it('is ready, then not, then ready again, as Redis evicts or not, hangs or not', async () => {
    const managementPort = await freePort();
    const latchkey = await LatchkeyProcess.start({
      LATCHKEY_REDIS_URL: redis.url,
      LATCHKEY_MANAGEMENT_PORT: String(managementPort),
    });
    try {
      const readiness = async () => {
        const response = await fetch(`http://127.0.0.1:${managementPort}/readyz`);
        return { status: response.status, text: await response.text() };
      };
      await eventually('it is ready', async () => (await readiness()).status === 200);
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
      const evicting = await readiness();
      expect(evicting.status).to.equal(503);
      expect(evicting.text).to.include('allkeys-lru').and.not.include('canary');
      await redis.command('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
      expect((await readiness()).status).to.equal(200);

      const application = await registerApplication(latchkey, 'client_secret_basic');
      const basic = Buffer.from(`${application.clientId}:${application.clientSecret}`).toString('base64');
      redis.pause();
      const begin = performance.now();
      const answers = await Promise.all([
        readiness(),
        fetch(`${latchkey.issuer}/jwks`),
        fetch(`${latchkey.issuer}/.well-known/openid-configuration`),
        fetch(`${latchkey.issuer}/introspection`, {
          method: 'POST',
          headers: { authorization: `Basic ${basic}` },
          body: new URLSearchParams({ token: 'kept-nowhere-but-asked-for' }),
        }),
      ]);
      expect(performance.now() - begin).to.be.below(2500);
      expect(answers.map(({ status }) => status)).to.deep.equal([503, 200, 200, 503]);
      expect(answers[3].headers.get('retry-after')).to.match(/^\d+$/);
      expect(await answers[3].json()).to.include({ error: 'temporarily_unavailable' });
      redis.resume();
      await eventually('it is ready again', async () => (await readiness()).status === 200);
      expect(latchkey.output).to.not.include('canary');
    } finally {
      redis.resume();
      await latchkey.stop();
    }
  });
});
