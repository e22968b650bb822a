import { expect } from 'chai';
import { WITHDRAW } from '../../lib/grants/redis/redis-scripts.ts';
import { StorageUnavailable } from '../../lib/grants/storage.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { find, inRequest, perform, save } from './engine-requests.ts';
import { makeRedisPlace, openPlace } from './redis-place.ts';
import { ReplyProxy } from './reply-proxy.ts';
import type { OpenPlace, Place } from './storage-place.ts';

const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };
/** Of what a unit writes, and of nothing that it reads. */
const WRITES = 'AccessToken';

describe('Redis and faults', () => {
  let server: RedisServer;
  let proxy: ReplyProxy;
  let place: Place;
  let here: OpenPlace;
  let there: OpenPlace;

  beforeEach(async () => {
    server = await RedisServer.start();
    proxy = await ReplyProxy.start(server.port);
    place = await makeRedisPlace(server.url);
    const { dataDir } = JSON.parse(place.location) as { dataDir: string };
    here = await openPlace(JSON.stringify({ dataDir, url: proxy.url }), { graceSeconds: 1 });
    there = await place.open({ graceSeconds: 1 });
    await save(there.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
    await save(there.grants, 'AuthorizationCode', 'code', BOUND);
    await save(there.grants, 'RefreshToken', 'refresh', BOUND);
    await save(there.grants, 'RefreshToken', 'older', BOUND);
    // What is to be lost is the answer to a script that the server knows.
    await save(here.grants, 'AccessToken', 'first', BOUND);
  });

  afterEach(async () => {
    await here.close();
    await there.close();
    await proxy.close();
    await place.remove();
    await server.remove();
  });

  const REQUESTS = {
    code: { kind: 'exchange-code', code: 'code', accessToken: 'access', refreshToken: 'successor' },
    'refresh token': { kind: 'refresh', refreshToken: 'refresh', accessToken: 'access' },
  } as const;

  for (const [name, request] of Object.entries(REQUESTS)) {
    it(`a ${name} whose answer is lost with the connection is used once, and its client is answered`, async () => {
      const lost = proxy.loseAnswerTo(WRITES, 'connection');
      const outcome = await perform(here.grants, request);
      await lost;
      expect(outcome).to.include({ result: 'done' });
      expect(await find(there.grants, 'AccessToken', 'access')).to.include(BOUND);
      const { model, id } =
        request.kind === 'refresh'
          ? { model: 'RefreshToken', id: request.refreshToken }
          : { model: 'AuthorizationCode', id: request.code };
      await eventually(
        'it is used',
        async () => (await find(there.grants, model, id))?.consumed !== undefined,
      );
    });

    it(`a ${name} whose answer never comes is given back: the retry wins, and no token of before ends`, async () => {
      const lost = proxy.loseAnswerTo(WRITES, 'answers');
      const failed = await perform(here.grants, request).catch((error: unknown) => error);
      await lost;
      expect(failed).to.be.instanceOf(StorageUnavailable);
      await eventually(
        'it was taken back',
        async () => (await find(there.grants, 'AccessToken', 'access')) === undefined,
      );
      const retried = await perform(there.grants, { ...request, accessToken: 'second' });
      expect(retried).to.include({ result: 'done' });
      expect(await find(there.grants, 'AccessToken', 'second')).to.include(BOUND);
      expect(await find(there.grants, 'RefreshToken', 'older')).to.include(BOUND);
      expect(here.reuses.concat(there.reuses)).to.deep.equal([]);
    });
  }

  it('what somebody else was told of meanwhile is not taken back', async () => {
    const lost = proxy.loseAnswerTo(WRITES, 'answers');
    const failing = perform(here.grants, REQUESTS['refresh token']).catch((error: unknown) => error);
    await lost;
    const told = await perform(there.grants, { ...REQUESTS['refresh token'], accessToken: 'second' });
    expect(await failing).to.be.instanceOf(StorageUnavailable);
    await eventually('the withdrawal was tried', async () => {
      const [exists] = (await server.command('SCRIPT', 'EXISTS', WITHDRAW.digest)) as number[];
      return exists === 1;
    });
    expect(await find(there.grants, 'RefreshToken', told.successor as string)).to.include(BOUND);
    expect(await find(there.grants, 'AccessToken', 'second')).to.include(BOUND);
  });

  it('answers nothing for a moment while Redis hangs, then says so, and goes on when it is back', async () => {
    server.pause();
    const began = performance.now();
    const refused = await Promise.all([
      find(there.grants, 'RefreshToken', 'older').catch((error: unknown) => error),
      save(there.grants, 'AccessToken', 'late', BOUND).catch((error: unknown) => error),
    ]);
    const took = performance.now() - began;
    server.resume();
    for (const error of refused) expect(error).to.be.instanceOf(StorageUnavailable);
    expect(took).to.be.below(5000);
    await eventually('it is back', () =>
      find(there.grants, 'RefreshToken', 'older').then(
        (token) => token !== undefined,
        () => false,
      ),
    );
  });

  it('goes on when Redis has forgotten the scripts', async () => {
    await server.command('SCRIPT', 'FLUSH');
    expect(await perform(there.grants, REQUESTS.code)).to.include({ result: 'done' });
  });

  it('tells a refusal of writes from a bug', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    const refused = await save(there.grants, 'AccessToken', 'token', BOUND).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(StorageUnavailable);
    expect(await find(there.grants, 'RefreshToken', 'older')).to.include(BOUND);
    await server.command('CONFIG', 'SET', 'maxmemory', '0');
    await save(there.grants, 'AccessToken', 'token', BOUND);
  });

  it('keeps a session whole when its answer is lost with the connection', async () => {
    await save(there.grants, 'Session', 'session', { uid: 'uid', accountId: 'ada', authorizations: {} });
    const { outcome } = await inRequest(here.grants, async () => {
      const session = await find(here.grants, 'Session', 'session');
      await save(here.grants, 'Session', 'session', { ...session, authorizations: { app: { sid: '1' } } });
      await save(here.grants, 'AccessToken', 'with-session', BOUND);
      await find(here.grants, 'Grant', 'grant');
      await there.grants.inUnitOfWork(async () => {
        const theirs = await find(there.grants, 'Session', 'session');
        await save(there.grants, 'Session', 'session', { ...theirs, authorizations: { mail: { sid: '2' } } });
        await there.grants.commit('everything');
      });
      void proxy.loseAnswerTo(WRITES, 'connection');
    });
    expect(outcome).to.deep.equal({ outcome: 'committed' });
    const session = await find(there.grants, 'Session', 'session');
    expect(session?.authorizations).to.have.all.keys('app', 'mail');
  });
});
