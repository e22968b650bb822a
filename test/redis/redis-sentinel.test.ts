import { expect } from 'chai';
import type { RedisConnection } from '../../lib/redis/redis.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { Stopwatch } from '../flows/stopwatch.ts';
import { RedisBench, succeeds, troubleOf, write } from './redis-bench.ts';
import type { RedisServer } from './redis-server.ts';
import { type SentinelTrio, startSentinelTrio } from './redis-servers.ts';

const PASSWORD = 'canary-of-the-servers';
const SENTINEL_PASSWORD = 'canary-of-the-sentinels';

describe('the connection to Redis by Sentinels', function () {
  this.timeout(60_000);
  let bench: RedisBench;
  let trio: SentinelTrio;
  let redis: RedisConnection;

  beforeEach(async () => {
    bench = new RedisBench();
    trio = await startSentinelTrio({
      options: { password: PASSWORD, appendOnly: true },
      sentinelPassword: SENTINEL_PASSWORD,
    });
    redis = await bench.open(trio.url, { sentinelPassword: SENTINEL_PASSWORD });
  });
  afterEach(async () => {
    await bench.close();
    await trio?.remove();
  });

  /** A client may hear of the new master before the Sentinel that the test asks. */
  async function masterAfter(old: RedisServer): Promise<RedisServer> {
    let next = old;
    await eventually(
      'the Sentinels name another master',
      async () => {
        next = await trio.master();
        return next.port !== old.port;
      },
      20_000,
    );
    return next;
  }

  const noSecretTold = (): void => expect(bench.lines.join()).to.not.include('canary') as never;

  it('goes to the new master when the old one is killed, and fails quickly meanwhile', async () => {
    await write(redis, 'before');
    const old = await trio.master();
    await old.kill();
    let slowest = 0;
    await eventually(
      'the new master serves',
      async () => {
        const stopwatch = new Stopwatch();
        const done = await succeeds(() => write(redis, 'after'));
        slowest = Math.max(slowest, stopwatch.read());
        return done;
      },
      20_000,
    );
    expect(slowest).to.be.below(1400);
    const next = await masterAfter(old);
    expect(await next.command('GET', `${redis.prefix}{a}:test`)).to.equal('after');
    await redis.check();
    noSecretTold();
  });

  it('leaves a master that hangs for the one that took its place, and stays with that when the old one goes on', async () => {
    const old = await trio.master();
    old.pause();
    expect((await troubleOf(() => write(redis, 'lost'))).milliseconds).to.be.below(1400);
    await eventually('the new master serves', () => succeeds(() => write(redis, 'after')), 20_000);
    old.resume();
    expect(await write(redis, 'still')).to.equal('still');
    const next = await masterAfter(old);
    expect(await next.command('GET', `${redis.prefix}{a}:test`)).to.equal('still');
    noSecretTold();
  });

  it('follows a failover that an operator asks for', async () => {
    const old = await trio.master();
    await eventually('the Sentinels agree to it', () =>
      (trio.sentinels[0] as (typeof trio.sentinels)[0]).command('SENTINEL', 'failover', 'mymaster').then(
        () => true,
        () => false,
      ),
    );
    await masterAfter(old);
    await eventually('it serves', () => succeeds(() => write(redis, 'after')), 20_000);
    await eventually('it is ready', () => succeeds(() => redis.check()), 20_000);
  });

  it('connects while one Sentinel is down, and when all were for a moment', async () => {
    await trio.sentinels[0]?.kill();
    const settings = { sentinelPassword: SENTINEL_PASSWORD };
    expect(await write(await bench.open(trio.url, settings), 'v')).to.equal('v');
    await Promise.all(trio.sentinels.slice(1).map((sentinel) => sentinel.kill()));
    const { message } = await troubleOf(() => bench.open(trio.url, settings));
    expect(message).to.include('sentinels are unreachable').and.not.include('canary');
    const opening = bench.open(trio.url, settings);
    opening.catch(() => {});
    await trio.sentinels[1]?.restart();
    expect(await write(await opening, 'again')).to.equal('again');
    noSecretTold();
  });

  it('stops at a wrong password of the Sentinels, and does not tell it', async () => {
    const { message } = await troubleOf(() => bench.open(trio.url, { sentinelPassword: 'canary-wrong' }));
    expect(message)
      .to.match(/WRONGPASS|sentinels/)
      .and.not.include('canary');
    noSecretTold();
  });
});
