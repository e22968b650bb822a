import { expect } from 'chai';
import type { Redis } from 'ioredis';
import { StorageUnavailable } from '../../lib/grants/storage.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { apart, find, inRequest, perform, save } from './engine-requests.ts';
import { makeRedisPlace, openPlace } from './redis-place.ts';
import type { OpenPlace, Place } from './storage-place.ts';
import { WorkerProcess } from './worker-processes.ts';

const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };

/** Promise 6: nothing readable at rest, nor on the way there; and promise 7, of every key. */
describe('Redis at rest', () => {
  let server: RedisServer;
  let client: Redis;
  let place: Place;

  beforeEach(async () => {
    server = await RedisServer.start({ appendOnly: true });
    client = server.connect();
    await client.connect();
    place = await makeRedisPlace(server.url);
  });

  afterEach(async () => {
    client.disconnect();
    await place.remove();
    await server.remove();
  });

  async function keys(): Promise<Buffer[]> {
    return client.keysBuffer('*');
  }

  async function values(): Promise<Buffer[]> {
    const found: Buffer[] = [];
    for (const key of await keys()) {
      if ((await client.type(key)) === 'zset') found.push(...(await client.zrangeBuffer(key, '0', '-1')));
      else found.push((await client.getBuffer(key)) as Buffer);
    }
    return found;
  }

  it('shows no identifier and no payload in any key, value or command', async () => {
    const monitored: string[] = [];
    const monitor = await server.connect().monitor();
    monitor.on('monitor', (_time: string, words: string[]) => monitored.push(words.join(' ')));
    const worker = new WorkerProcess(place, 10);
    try {
      await worker.hear();
      worker.tell({ order: 'stream', name: 'canary', chains: 2 });
      for (let heard = 0; heard < 20; heard += 1) await worker.hear();
    } finally {
      await worker.kill();
    }
    const opened = await place.open();
    expect(await find(opened.grants, 'RefreshToken', 'canary-0-refresh-0')).to.include({ accountId: 'ada' });
    await opened.close();
    monitor.disconnect();
    const seen = [...(await keys()), ...(await values()), ...monitored.map((line) => Buffer.from(line))];
    expect(Buffer.concat(seen).length).to.be.above(50_000);
    for (const canary of ['canary', 'accountId', 'clientId', 'authorizations', '"ada"', '"app"', '"jti"']) {
      for (const form of [canary, Buffer.from(canary).toString('base64').slice(0, -2)]) {
        expect(
          seen.some((bytes) => bytes.includes(form)),
          canary,
        ).to.equal(false);
      }
    }
    // The hunt finds what is there.
    expect(monitored.some((line) => line.includes('RefreshToken'))).to.equal(true);
  });

  it('gives every key an expiry, whatever was done, and none beyond 801 days', async () => {
    const opened = await place.open({ graceSeconds: 10 });
    const { grants } = opened;
    await save(grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
    await save(grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' });
    await save(grants, 'Session', 'nobody', { uid: 'nobody' });
    await save(grants, 'AuthorizationCode', 'code', BOUND);
    await save(grants, 'DeviceCode', 'device', { ...BOUND, userCode: 'BCDF' });
    await save(grants, 'ReplayDetection', 'proof');
    await save(grants, 'Interaction', 'interaction', { result: { login: { accountId: 'ada' } } });
    await grants.storageFor('AccessToken').upsert('endless', {}, undefined);
    await grants.storageFor('AccessToken').upsert('very-long', {}, Number.MAX_VALUE);
    const request = { kind: 'exchange-code', code: 'code', accessToken: 'a', refreshToken: 'r' } as const;
    await perform(grants, request);
    await perform(grants, { ...request, accessToken: 'b', refreshToken: 's' });
    await apart(grants, async () => {
      await find(grants, 'Session', 'session');
      await grants.storageFor('Session').destroy('session');
      await save(grants, 'Session', 'second', { uid: 'uid', accountId: 'ada' });
    });
    await save(grants, 'RefreshToken', 'long', { ...BOUND }, 700 * 86_400);
    await grants.revokeGrant('grant');
    await grants.endSession('uid');
    await grants.endAccount('ada', { consent: false });
    const found = await keys();
    expect(found.length).to.be.above(15);
    for (const key of found) {
      expect(await client.pttl(key), key.toString('latin1')).to.be.within(1, 801 * 86_400_000);
    }
    await opened.close();
  });

  it('does not open a payload that was moved or changed', async () => {
    const opened = await place.open();
    for (const id of ['mine', 'theirs']) await save(opened.grants, 'AccessToken', id, { id });
    const [one, two] = (await keys()).filter((key) => key.includes('}r')) as [Buffer, Buffer];
    const [first, second] = [await client.getBuffer(one), await client.getBuffer(two)] as [Buffer, Buffer];
    await client.set(one, second, 'PX', 60_000);
    await client.set(
      two,
      Buffer.concat([first.subarray(0, -1), Buffer.from([1 ^ (first.at(-1) ?? 0)])]),
      'PX',
      60_000,
    );
    await opened.close();
    const again = await place.open();
    for (const id of ['mine', 'theirs']) {
      const error = await find(again.grants, 'AccessToken', id).catch((reason: unknown) => reason);
      expect(error, id).to.be.instanceOf(StorageUnavailable);
    }
    await again.close();
  });

  it('opens with its older encryption keys too, also what is found by masked tags', async () => {
    const [older, newer] = [1, 2].map((byte) => Buffer.alloc(32, byte).toString('base64')) as [
      string,
      string,
    ];
    const open = (...encryptionKey: string[]) => openPlace(place.location, { encryptionKey });
    let opened = await open(older);
    const session = opened.grants.generateId();
    const grantId = opened.grants.generateId(session);
    const token = opened.grants.generateId(grantId);
    await save(opened.grants, 'Grant', grantId, { accountId: 'ada', clientId: 'app' });
    await save(opened.grants, 'AccessToken', token, { ...BOUND, grantId });
    await opened.close();
    opened = await open(newer, older);
    const later = opened.grants.generateId(grantId);
    await save(opened.grants, 'AccessToken', later, { ...BOUND, grantId });
    for (const id of [token, later])
      expect(await find(opened.grants, 'AccessToken', id)).to.include({ grantId });
    const tags = new Set(
      (await keys()).flatMap((key) => /\{(..)\}[rg]/.exec(key.toString('latin1'))?.[1] ?? []),
    );
    expect(tags.size).to.equal(1);
    await opened.close();
    opened = await open(newer);
    expect(await find(opened.grants, 'AccessToken', token).catch(() => undefined)).to.equal(undefined);
    await opened.close();
  });

  it('tells the indexes of a grant for as long as anything lives that was issued under it', async () => {
    const opened = await place.open();
    const { grants } = opened;
    await save(grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' }, 60);
    await save(grants, 'RefreshToken', 'long', BOUND, 700 * 86_400);
    expect(await find(grants, 'RefreshToken', 'long')).to.include(BOUND);
    const indexes = (await keys()).filter((key) => key.includes('}a') || key.includes('}p'));
    expect(indexes).to.have.length(2);
    for (const index of indexes) {
      const [, score] = await client.zrange(index, '0', '-1', 'WITHSCORES');
      expect(Number(score) - Date.now() / 1000).to.be.above(699 * 86_400);
      expect(await client.pttl(index)).to.be.above(699 * 86_400_000);
    }
    await grants.endAccount('ada', { consent: false });
    expect(await find(grants, 'RefreshToken', 'long')).to.equal(undefined);
    await opened.close();
  });

  it('keeps a person’s index in step: what ended or expired leaves it', async () => {
    const opened = await place.open();
    const { grants } = opened;
    for (let index = 0; index < 5; index += 1) {
      await save(grants, 'Session', `session-${index}`, { uid: `uid-${index}`, accountId: 'ada' }, 1);
    }
    const [index] = (await keys()).filter((key) => key.includes('}a')) as [Buffer];
    expect(await client.zcard(index)).to.equal(5);
    // A day after, as the index has it.
    for (const member of await client.zrangeBuffer(index, '0', '-1')) await client.zadd(index, 1, member);
    await inRequest(grants, () => save(grants, 'Session', 'new', { uid: 'new', accountId: 'ada' }));
    expect(await client.zcard(index)).to.equal(1);
    await eventually('the short ones are over', async () => (await grants.listSessions({})).length === 1);
    await opened.close();
  });
});

/** What keeps other people's applications from comparing notes. */
describe('identifiers of one session', () => {
  it('have one tag in Redis, and nothing in common for who holds them', async () => {
    const server = await RedisServer.start();
    const place = await makeRedisPlace(server.url);
    const opened: OpenPlace = await place.open();
    try {
      const session = opened.grants.generateId();
      const ids = Array.from({ length: 200 }, () => opened.grants.generateId(session));
      const fronts = ids.map((id) => Buffer.from(id, 'base64url').readUInt16BE(10) & 0xfff);
      expect(new Set(fronts).size).to.be.above(180);
      expect(new Set(ids).size).to.equal(200);
      await Promise.all(ids.map((id) => save(opened.grants, 'AccessToken', id)));
      const names = (await server.command('KEYS', '*{*}r*')) as string[];
      expect(names).to.have.length(200);
      expect(new Set(names.map((name) => /\{(..)\}/.exec(name)?.[1])).size).to.equal(1);
    } finally {
      await opened.close();
      await place.remove();
      await server.remove();
    }
  });
});
