import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import type { RedisConnection } from '../../lib/redis/redis.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { within } from '../flows/stopwatch.ts';
import { FakeRedis, greeting } from './fake-redis.ts';
import { RedisBench, succeeds, troubleOf, write } from './redis-bench.ts';
import { RedisServer } from './redis-servers.ts';

describe('Redis in trouble', () => {
  let bench: RedisBench;
  let server: RedisServer;
  let redis: RedisConnection;

  before(async () => {
    server = await RedisServer.start({ appendOnly: true });
  });
  after(() => server.remove());
  beforeEach(async () => {
    bench = new RedisBench();
    redis = await bench.open(server.url);
    await write(redis, 'before');
  });
  afterEach(() => bench.close());

  describe('paused', () => {
    afterEach(() => server.resume());

    it('fails what waits within a second, what comes later at once, and is back within a second of going on', async () => {
      server.pause();
      const waiting = await Promise.all(
        Array.from({ length: 20 }, (_, index) => troubleOf(() => write(redis, `v${index}`))),
      );
      for (const { milliseconds } of waiting) expect(milliseconds).to.be.below(1400);
      for (let index = 0; index < 20; index += 1) {
        const { message, milliseconds } = await troubleOf(() => write(redis, 'later'));
        expect(milliseconds, message).to.be.below(300);
      }
      server.resume();
      await within(1000, 'it answers again', () => succeeds(() => write(redis, 'after')), server.pid);
      expect(await write(redis, 'now')).to.equal('now');
    });

    it('is noticed by a connection that was idle, and comes back after attempts to connect that failed', async () => {
      let attempts = 0;
      redis.client.on('connecting', () => {
        attempts += 1;
      });
      server.pause();
      await troubleOf(() => redis.check());
      await eventually('attempts to connect have failed', () => attempts > 2);
      server.resume();
      await eventually('it is ready again', () => succeeds(() => redis.check()));
      expect(bench.lines.at(-1)).to.include('connected to Redis');
    });
  });

  it('keeps nothing to send for a server that is gone', async () => {
    await server.kill();
    await eventually('the loss is noticed', async () => !(await succeeds(() => write(redis, 'lost'))));
    const attempts = await Promise.all(
      Array.from({ length: 50 }, (_, index) => troubleOf(() => write(redis, `queued-${index}`))),
    );
    for (const { milliseconds } of attempts) expect(milliseconds).to.be.below(500);
    await server.restart();
    await eventually('it is ready again', () => succeeds(() => redis.check()));
    expect(await redis.roundTrip((client) => client.get(`${redis.prefix}{a}:test`))).to.equal('before');
  });

  it('is out of memory: writes fail, and it is not ready', async () => {
    await server.command('CONFIG', 'SET', 'maxmemory', '1');
    try {
      expect((await troubleOf(() => write(redis, 'v'))).message).to.include('OOM');
      expect((await troubleOf(() => redis.check())).message).to.include('OOM');
    } finally {
      await server.command('CONFIG', 'SET', 'maxmemory', '0');
    }
    expect(await write(redis, 'again')).to.equal('again');
  });

  it('cannot save: writes fail', async () => {
    // A folder in its place, which no file can replace.
    const file = join(server.folder, 'dump.rdb');
    mkdirSync(file);
    writeFileSync(join(file, 'full'), '');
    await server.command('CONFIG', 'SET', 'save', '3600 1');
    await server.command('BGSAVE');
    try {
      await eventually('the save has failed', async () =>
        String(await server.command('INFO', 'persistence')).includes('rdb_last_bgsave_status:err'),
      );
      expect((await troubleOf(() => write(redis, 'v'))).message).to.include('MISCONF');
    } finally {
      await server.command('CONFIG', 'SET', 'save', '');
      rmSync(file, { recursive: true });
    }
    expect(await write(redis, 'again')).to.equal('again');
  });

  it('lacks replicas that it must have: writes fail', async () => {
    await server.command('CONFIG', 'SET', 'min-replicas-to-write', '1');
    try {
      expect((await troubleOf(() => write(redis, 'v'))).message).to.include('NOREPLICAS');
    } finally {
      await server.command('CONFIG', 'SET', 'min-replicas-to-write', '0');
    }
  });

  it('became a replica: writes fail, it is not ready, and a master again it serves without a restart', async () => {
    await server.command('REPLICAOF', '127.0.0.1', '1');
    try {
      expect((await troubleOf(() => write(redis, 'v'))).message).to.match(/READONLY|not connected|writeable/);
      await eventually('it says why it is not ready', async () => {
        const { message } = await troubleOf(() => redis.check());
        return message.includes('is a replica');
      });
    } finally {
      await server.command('REPLICAOF', 'NO', 'ONE');
    }
    await eventually('it serves', () => succeeds(() => write(redis, 'v')));
    await redis.check();
  });

  it('is busy with somebody’s script: fails, and goes on when that ends', async () => {
    await server.command('CONFIG', 'SET', 'busy-reply-threshold', '50');
    const other = server.connect();
    await other.connect();
    const endless = other.eval('while true do end', 0).catch(() => 'killed');
    await eventually('the server is busy', () =>
      server.command('GET', 'x').then(
        () => false,
        (error: Error) => error.message.startsWith('BUSY'),
      ),
    );
    expect((await troubleOf(() => write(redis, 'v'))).message).to.match(/BUSY|not connected/);
    await server.command('SCRIPT', 'KILL');
    await endless;
    other.disconnect();
    await eventually('it serves', () => succeeds(() => write(redis, 'v')));
  });

  describe('with a gate of replicas', () => {
    it('counts a write when a replica has it, and fails one that none has received', async () => {
      const replica = await RedisServer.start({ replicaOf: server });
      try {
        await eventually('the replica is in step', async () =>
          String(await replica.command('INFO', 'replication')).includes('master_link_status:up'),
        );
        const gated = await bench.open(server.url, { waitReplicas: 1, commandTimeout: 3000 });
        const before = gated.roundTrips;
        expect(await write(gated, 'kept', 'a', true)).to.equal('kept');
        expect(gated.roundTrips - before).to.equal(1);
        await replica.command('SCRIPT', 'FLUSH');
        await server.command('SCRIPT', 'FLUSH');
        expect(await write(gated, 'kept as well', 'a', true)).to.equal('kept as well');
        replica.pause();
        const { message, milliseconds } = await troubleOf(() => write(gated, 'alone', 'a', true));
        expect(message).to.include('0 of 1 replicas had a write after 1500 ms');
        expect(milliseconds).to.be.below(3000);
        expect(await write(gated, 'not gated')).to.equal('not gated');
      } finally {
        await replica.remove();
      }
    });
  });

  it('is not sent a second time what a lost connection left unanswered', async () => {
    const usual = greeting('7.0.0');
    const fake = await FakeRedis.start((words) =>
      words[0]?.toLowerCase() === 'evalsha' ? undefined : usual(words),
    );
    try {
      const client = await bench.open(fake.url);
      await troubleOf(() => write(client, 'once'));
      await eventually('it is connected again', () => succeeds(() => client.check()));
      const sent = fake.commands.filter(([name]) => name?.toLowerCase() === 'evalsha');
      expect(sent.length).to.equal(1);
    } finally {
      await bench.close();
      await fake.close();
    }
  });
});
