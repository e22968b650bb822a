import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { RedisServer, startRedisCluster } from '../redis/redis-servers.ts';
import { ADA, type Answer, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';

const refusal = ({ status, body }: Answer) => ({ status, error: body.error });
const INVALID_GRANT = { status: 400, error: 'invalid_grant' };

/** What is sent to Redis for lib/grants: commands of clients, not those that scripts run. */
class SentCommands {
  readonly #monitor: Redis;
  readonly #server: RedisServer;
  #commands: string[][] = [];
  #marks = 0;

  private constructor(monitor: Redis, server: RedisServer) {
    this.#monitor = monitor;
    this.#server = server;
    monitor.on('monitor', (_time: string, words: string[], source: string) => {
      if (source !== 'lua') this.#commands.push(words);
    });
  }

  static async of(server: RedisServer): Promise<SentCommands> {
    return new SentCommands(await server.connect().monitor(), server);
  }

  /** How many there are while `work` runs. */
  async during(work: () => Promise<unknown>): Promise<number> {
    await this.#heardAll();
    this.#commands = [];
    await work();
    await this.#heardAll();
    return this.#commands.filter((words) => words.some((word) => /:[\w-]{8}:\{..?\}/.test(word))).length;
  }

  stop(): void {
    this.#monitor.disconnect();
  }

  async #heardAll(): Promise<void> {
    this.#marks += 1;
    const mark = `mark-${this.#marks}`;
    await this.#server.command('ECHO', mark);
    await eventually('all commands were heard', () => this.#commands.some(([, word]) => word === mark));
  }
}

/** Signs in, gives consent, uses and refreshes what it gets, signs out; then the person is disabled. */
async function tellTheStory(redisUrl: string): Promise<void> {
  const latchkey = await LatchkeyProcess.start({ LATCHKEY_REDIS_URL: redisUrl });
  try {
    const { sub } = await latchkey.createPerson(ADA.login, ADA.password);
    const app = await Application.register(latchkey, {
      post_logout_redirect_uris: ['http://localhost:9/bye'],
    });
    const browser = new FormBrowser(latchkey.issuer);
    const landing = await app.authorize(browser);
    const exchanged = await app.redeem(landing);
    expect(exchanged.status, JSON.stringify(exchanged.body)).to.equal(200);
    const tokens = exchanged.body;
    expect((await app.userinfo(tokens.access_token)).body).to.include({ sub });
    const refreshed = await app.refresh(tokens.refresh_token);
    expect(refreshed.status).to.equal(200);
    const [grant] = await latchkey.json<{ grant_id: string }[]>(['grants', 'list', '--account', sub]);
    expect(grant).to.be.an('object');
    expect(await latchkey.json(['sessions', 'list'])).to.have.length(1);

    // The code again: what it was given ends.
    expect(refusal(await app.redeem(landing))).to.deep.equal(INVALID_GRANT);
    expect((await app.userinfo(refreshed.body.access_token)).status).to.equal(401);

    // A process of its own heard of nothing of this but from Redis.
    await latchkey.terminate();
    await latchkey.launch();
    const again = await app.authorize(browser, { prompt: 'none' });
    expect(again.code).to.not.equal('');
    const second = (await app.redeem(again)).body;
    const page = await browser.visit(`/session/end?id_token_hint=${second.id_token}`);
    await browser.submit(page, 'confirm');
    expect((await app.userinfo(second.access_token)).status).to.equal(401);
    expect(answerIn(await browser.visit(app.authorizationRequest({ prompt: 'none' }).url)).error).to.equal(
      'login_required',
    );

    const third = await app.signIn(browser);
    const inFlight = await app.authorize(browser);
    await latchkey.json(['users', 'disable', sub]);
    await latchkey.json(['users', 'enable', sub]);
    expect(refusal(await app.redeem(inFlight))).to.deep.equal(INVALID_GRANT);
    expect(refusal(await app.refresh(third.refresh_token))).to.deep.equal(INVALID_GRANT);
    expect((await app.userinfo(third.access_token)).status).to.equal(401);
    expect(await latchkey.json(['sessions', 'list'])).to.deep.equal([]);
    expect(latchkey.output).to.not.match(/"level":(50|60)/);
  } finally {
    await latchkey.stop();
  }
}

describe('with Redis', function () {
  this.timeout(60_000);

  describe('by itself', () => {
    let server: RedisServer;

    before(async () => {
      server = await RedisServer.start({ appendOnly: true });
    });
    after(() => server.remove());

    it('sign-in, consent, tokens, sign-out and the end of a person are as ever', () =>
      tellTheStory(server.url));

    it('a request takes few round trips: one for a read, one more for what it writes', async () => {
      const latchkey = await LatchkeyProcess.start({ LATCHKEY_REDIS_URL: server.url });
      const sent = await SentCommands.of(server);
      try {
        await latchkey.createPerson(ADA.login, ADA.password);
        await latchkey.json([
          'apis',
          'create',
          '--identifier',
          API,
          '--scopes',
          'read',
          '--token-format',
          'opaque',
        ]);
        const app = await Application.register(latchkey, {
          grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        });
        const browser = new FormBrowser(latchkey.issuer);
        const issue = () => app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });
        // The scripts are sent by their digests from the second time on.
        let tokens = await app.signIn(browser);
        tokens = (await app.refresh(tokens.refresh_token)).body;
        await issue();
        await app.introspect(tokens.access_token);
        const count: Record<string, number> = {};
        let landing = await app.authorize(browser);
        count.returning = await sent.during(async () => {
          landing = await app.authorize(browser);
        });
        count.code = await sent.during(async () => {
          tokens = (await app.redeem(landing)).body;
        });
        count.refresh = await sent.during(async () => {
          tokens = (await app.refresh(tokens.refresh_token)).body;
        });
        count.clientCredentials = await sent.during(async () => {
          expect((await issue()).status).to.equal(200);
        });
        count.introspection = await sent.during(async () => {
          expect((await app.introspect(tokens.access_token)).body.active).to.equal(true);
        });
        count.userinfo = await sent.during(async () => {
          expect((await app.userinfo(tokens.access_token)).status).to.equal(200);
        });
        expect(count).to.deep.equal({
          // Session, grant, and the one script that keeps the session and the code.
          returning: 3,
          code: 2,
          refresh: 2,
          clientCredentials: 1,
          introspection: 1,
          userinfo: 1,
        });
      } finally {
        sent.stop();
        await latchkey.stop();
      }
    });
  });

  it('as a Cluster: sign-in, consent, tokens, sign-out and the end of a person are as ever', async () => {
    const cluster = await startRedisCluster();
    try {
      await tellTheStory(cluster.url);
    } finally {
      await cluster.remove();
    }
  });
});
