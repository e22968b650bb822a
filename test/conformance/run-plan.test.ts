import { expect } from 'chai';
import { announceNewKeys } from '../../scripts/conformance/announce-new-keys.ts';
import type { Latchkey } from '../../scripts/conformance/latchkey.ts';
import type { Plan } from '../../scripts/conformance/plans.ts';
import { runPlan } from '../../scripts/conformance/run-plan.ts';
import { createSuite } from '../../scripts/conformance/suite.ts';
import { type FakeModule, FakeSuite } from './fake-suite.ts';

const plan: Plan = {
  id: 'basic',
  name: 'oidcc-basic-certification-test-plan',
  variant: { client_registration: 'static_client' },
  server: 'openid',
  configure: async ({ register, base }) => ({
    client: await register({ redirect_uris: [`${base}/callback`] }),
  }),
};

describe('a plan that is run on a conformance suite', () => {
  let suite: FakeSuite | undefined;
  const commands: string[][] = [];
  const registered: object[] = [];
  const latchkey: Latchkey = {
    issuer: 'https://localhost:4000',
    api: 'https://localhost:4001/notes',
    person: { login: 'ada@example.com', password: 'a password', claims: {} },
    operator: async (words) => {
      commands.push(words);
      return { outcome: 'done', json: {} };
    },
    publishedKeys: async () => commands.map((_, index) => `key-${index}`),
    register: async (metadata) => {
      registered.push(metadata);
      return { client_id: 'a-client', client_secret: 'its secret' };
    },
    addAnsweringPerson: async (login) => ({ login, approvalUrl: 'http://127.0.0.1:9/' }),
    stop: async () => {},
  };

  afterEach(async () => {
    await suite?.stop();
    commands.length = 0;
    registered.length = 0;
  });

  async function run(modules: FakeModule[], options: { only?: string; plan?: Plan; failing?: number } = {}) {
    const fake = await FakeSuite.start(modules);
    suite = fake;
    fake.failing = options.failing ?? 0;
    const result = await runPlan(options.plan ?? plan, {
      suite: createSuite(fake.address, { token: 'a-token', retryMilliseconds: 1 }),
      latchkey,
      folder: '/nowhere',
      longestModule: 300,
      ...(options.only === undefined ? {} : { only: options.only }),
    });
    return { fake, result };
  }

  it('registers its clients, and tells the suite of them, of the server and of what its browser does', async () => {
    const { fake, result } = await run([{ testModule: 'oidcc-server' }]);
    expect(result.problem).to.equal(undefined);
    const base = `${fake.address}/test/a/latchkey-basic`;
    expect(registered).to.deep.equal([{ redirect_uris: [`${base}/callback`] }]);
    expect(fake.authorization).to.equal('Bearer a-token');
    expect(fake.plan).to.deep.include({ planName: plan.name, variant: plan.variant });
    const configuration = fake.plan?.configuration ?? {};
    expect(configuration).to.deep.include({
      alias: 'latchkey-basic',
      server: { discoveryUrl: 'https://localhost:4000/.well-known/openid-configuration' },
      client: { client_id: 'a-client', client_secret: 'its secret' },
    });
    expect(JSON.stringify(configuration.browser)).to.include(
      '["text","id","login","ada@example.com","optional"]',
    );
  });

  it('runs the modules one after another, and tells what each came to and which conditions were not met', async () => {
    const log = [
      { src: 'CheckCode', msg: 'is there', result: 'SUCCESS' },
      { src: 'CheckToken', msg: 'is missing', result: 'FAILURE' },
      { src: 'CheckAge', msg: 'is old', result: 'WARNING' },
      { src: '-START-BLOCK-' },
    ];
    const { fake, result } = await run([
      { testModule: 'oidcc-server', variant: { response_type: 'code', client_auth_type: 'none' } },
      {
        testModule: 'oidcc-server',
        variant: { response_type: 'token', client_auth_type: 'none' },
        result: 'FAILED',
        log,
      },
    ]);
    const [first, second] = result.modules;
    expect(first).to.deep.include({ module: 'oidcc-server', result: 'PASSED', unmet: [] });
    expect(second).to.deep.include({ result: 'FAILED', variant: { response_type: 'token' } });
    expect(second?.unmet).to.deep.equal([
      { name: 'CheckToken', grade: 'failure', message: 'is missing' },
      { name: 'CheckAge', grade: 'warning', message: 'is old' },
    ]);
    expect(second?.log).to.equal(`${fake.address}/log-detail.html?log=test-2`);
    const begun = fake.calls.filter((call) => call === 'POST /api/runner' || call === 'GET /api/info/test-1');
    expect(begun).to.deep.equal(['POST /api/runner', 'GET /api/info/test-1', 'POST /api/runner']);
  });

  it('starts a module that waits for it; the one about key rotation when the keys were rotated', async () => {
    const { fake, result } = await run([
      { testModule: 'oidcc-discovery', waitsForStart: true },
      { testModule: 'oidcc-server-rotate-keys', waitsForStart: true },
    ]);
    expect(result.modules.map((module) => module.result)).to.deep.equal(['PASSED', 'PASSED']);
    expect(fake.calls).to.include('POST /api/runner/test-1').and.include('POST /api/runner/test-2');
    expect(commands).to.deep.equal([['keys', 'rotate']]);
  });

  it('waits for a successor of its own where another plan has announced one already', async () => {
    // As it began; as it was when another's was announced, twice; with one of its own.
    const published = [['a', 'b'], ['a', 'b'], ['b'], ['b', 'c']];
    let rotations = 0;
    await announceNewKeys(
      {
        publishedKeys: async () => published.shift() ?? [],
        operator: async (words) => {
          expect(words).to.deep.equal(['keys', 'rotate']);
          rotations += 1;
          return { outcome: 'done', json: {} };
        },
      },
      1,
    );
    expect(rotations).to.equal(3);
  });

  it('ends a module that does not end by itself, and goes on with the next', async () => {
    const { fake, result } = await run([
      { testModule: 'oidcc-stuck', hangs: true },
      { testModule: 'oidcc-server' },
    ]);
    expect(result.modules.map((module) => module.result)).to.deep.equal(['UNFINISHED', 'PASSED']);
    expect(fake.calls).to.include('DELETE /api/runner/test-1');
  });

  it('runs only the modules that are asked for', async () => {
    const { result } = await run([{ testModule: 'oidcc-server' }, { testModule: 'oidcc-logout' }], {
      only: 'logout',
    });
    expect(result.modules.map(({ module }) => module)).to.deep.equal(['oidcc-logout']);
  });

  it('a plan that the suite refuses is told with its words, and nothing is sent twice', async () => {
    const { fake, result } = await run([], { plan: { ...plan, name: 'unknown-plan' } });
    expect(result.problem).to.equal('POST /api/plan: 404 {"error":"no such plan"}');
    expect(fake.calls).to.deep.equal(['POST /api/plan']);
    await suite?.stop();
    const gone = await run([{ testModule: 'oidcc-server' }], { failing: 1 });
    expect(gone.result.problem).to.match(/^POST \/api\/plan: 502/);
    expect(gone.fake.calls).to.deep.equal(['POST /api/plan']);
  });

  it('a suite that is busy for a moment is asked again for what it only tells', async () => {
    const fake = await FakeSuite.start([{ testModule: 'oidcc-server' }]);
    suite = fake;
    const client = createSuite(fake.address, { retryMilliseconds: 1 });
    const created = await client.createPlan(plan.name, {}, {});
    const testId = await client.createTest(created.id, { testModule: 'oidcc-server' });
    fake.failing = 2;
    expect(await client.statusOf(testId, ['FINISHED'], 5000)).to.equal('FINISHED');
    fake.failing = 4;
    const refused = await client.information(testId).catch((error: Error) => error.message);
    expect(refused).to.match(/^GET \/api\/info\/test-1: 502/);
  });
});
