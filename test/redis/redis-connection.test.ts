import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type RedisConnection, RedisUnavailable, redisScript } from '../../lib/redis/redis.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisBench, succeeds, troubleOf, write } from './redis-bench.ts';
import { RedisServer } from './redis-servers.ts';
import { type CertificateFiles, writeCertificates } from './test-certificates.ts';

const PASSWORD = `canary-${randomBytes(8).toString('hex')}@/?#%`;

describe('the connection to one Redis server', () => {
  let bench: RedisBench;
  let server: RedisServer;
  let redis: RedisConnection;

  beforeEach(() => {
    bench = new RedisBench();
  });
  afterEach(async () => {
    await bench.close();
    await server?.remove();
  });

  describe('in peace', () => {
    beforeEach(async () => {
      server = await RedisServer.start({ appendOnly: true });
      redis = await bench.open(server.url);
    });

    it('begins every key with the issuer’s host, or with what is configured', async () => {
      expect(redis.prefix).to.equal('latchkey:id.example.com:');
      await write(redis, 'v');
      const keys = (await server.command('KEYS', '*')) as string[];
      expect(keys.filter((key) => !key.startsWith('latchkey:id.example.com:'))).to.deep.equal([]);
      expect(keys).to.include('latchkey:id.example.com:{a}:test');
      expect((await bench.open(server.url, { keyPrefix: 'other' })).prefix).to.equal('other:');
    });

    it('leaves no key without an expiry', async () => {
      await redis.check();
      const keys = (await server.command('KEYS', '*')) as string[];
      expect(keys).not.to.be.empty;
      for (const key of keys) {
        expect(await server.command('PTTL', key), key).to.be.greaterThan(0);
      }
    });

    it('runs a script in one round trip, and in two where the server does not know it yet', async () => {
      await write(redis, 'first');
      const known = redis.roundTrips;
      expect(await write(redis, 'second')).to.equal('second');
      expect(redis.roundTrips - known).to.equal(1);
      await server.command('SCRIPT', 'FLUSH');
      expect(await write(redis, 'third')).to.equal('third');
      expect(redis.roundTrips - known).to.equal(3);
      expect(await write(redis, 'fourth')).to.equal('fourth');
      expect(redis.roundTrips - known).to.equal(4);
    });

    it('runs a script after a restart of the server, which has forgotten it', async () => {
      await write(redis, 'before');
      await server.stop();
      await server.restart();
      await eventually('connected again', () => succeeds(() => write(redis, 'after')));
      expect(await write(redis, 'again')).to.equal('again');
    });

    it('answers bytes as they are, where bytes are asked for', async () => {
      const bytes = randomBytes(64);
      const echo = redisScript('return ARGV[1]');
      expect(await redis.runScript(echo, [`${redis.prefix}x`], [bytes], { buffers: true })).to.deep.equal(
        bytes,
      );
    });

    it('takes an error in a script, and a command of the wrong kind, for bugs', async () => {
      const broken = redisScript('return nonsense.x');
      const failure = await redis.runScript(broken, [`${redis.prefix}x`], []).catch((error: Error) => error);
      expect(failure).to.be.instanceOf(Error).and.not.instanceOf(RedisUnavailable);
      await write(redis, 'v');
      const wrong = await redis
        .roundTrip((client) => client.lpush(`${redis.prefix}{a}:test`, 'x'))
        .catch((error: Error) => error);
      expect(wrong).to.be.instanceOf(Error).and.not.instanceOf(RedisUnavailable);
      const thrown = await redis
        .roundTrip(() => Promise.reject(new TypeError('a bug')))
        .catch((error: Error) => error);
      expect(thrown).to.be.instanceOf(TypeError);
    });

    it('warns of a server that forgets everything in a restart, and of no other', async () => {
      expect(bench.lines.join()).to.not.include('append-only');
      await server.command('CONFIG', 'SET', 'appendonly', 'no');
      await bench.open(server.url);
      expect(bench.lines.join()).to.include('append-only');
    });
  });

  describe('with credentials', () => {
    const secretsTold = (): boolean =>
      bench.lines.some((line) => line.includes('canary')) ||
      bench.lines.some((line) => line.includes(encodeURIComponent(PASSWORD)));

    it('is the ACL user of the URL, who needs no more than these rights', async () => {
      server = await RedisServer.start({
        users: [
          'user default on nopass ~* &* +@all',
          `user latchkey on >${PASSWORD} ~latchkey:id.example.com:* resetchannels -@all +@read +@write +@scripting +info +time`,
        ],
      });
      const url = `redis://latchkey:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}/0`;
      redis = await bench.open(url);
      expect(await write(redis, 'mine')).to.equal('mine');
      await redis.check();
      const elsewhere = await troubleOf(() => redis.roundTrip((client) => client.get('somebody:else')));
      expect(elsewhere.message).to.include('NOPERM');
      expect(secretsTold()).to.equal(false);
    });

    it('stops at a wrong password at once, and does not tell it', async () => {
      server = await RedisServer.start({ password: PASSWORD });
      const wrong = `${PASSWORD}-wrong`;
      const url = `redis://:${encodeURIComponent(wrong)}@127.0.0.1:${server.port}`;
      const { message, milliseconds } = await troubleOf(() => bench.open(url));
      expect(message).to.include('WRONGPASS').and.not.include('canary');
      expect(milliseconds).to.be.below(4000);
      expect(secretsTold()).to.equal(false);
    });

    it('stops without a password where one is needed', async () => {
      server = await RedisServer.start({ password: PASSWORD });
      const { message } = await troubleOf(() => bench.open(`redis://127.0.0.1:${server.port}`));
      expect(message).to.include('NOAUTH');
    });

    for (const [what, user, database, said] of [
      ['is not there', '', 99, 'DB index is out of range'],
      ['its user may not choose', 'ada:word@', 1, 'NOPERM'],
    ] as const) {
      it(`stops where a database ${what}, and never goes by number 0 in its place`, async () => {
        server = await RedisServer.start({
          users: ['user default on nopass ~* &* +@all', 'user ada on >word ~* &* +@all -select'],
        });
        const { message } = await troubleOf(() =>
          bench.open(`redis://${user}127.0.0.1:${server.port}/${database}`),
        );
        expect(message).to.include(said);
        expect(await server.command('DBSIZE')).to.equal(0);
      });
    }

    it('never goes by another database when the right to choose its own is taken while it serves', async () => {
      server = await RedisServer.start({
        users: ['user default on nopass ~* &* +@all', 'user ada on >word ~* &* +@all'],
      });
      const opened = await bench.open(`redis://ada:word@127.0.0.1:${server.port}/1`);
      await write(opened, 'v');
      await server.command('ACL', 'SETUSER', 'ada', '-select');
      await server.command('CLIENT', 'KILL', 'USER', 'ada');
      const tries = await Promise.all(
        Array.from({ length: 40 }, async (_, index) => {
          await new Promise((resolve) => setTimeout(resolve, index * 25));
          return write(opened, 'w').catch((error: unknown) => error);
        }),
      );
      // The first may have been answered before the connection was ended.
      expect(tries.slice(5).filter((outcome) => !(outcome instanceof RedisUnavailable))).to.deep.equal([]);
      expect(await server.command('DBSIZE')).to.equal(0);
      await server.command('ACL', 'SETUSER', 'ada', '+select');
      await eventually('it is connected again', () => succeeds(() => write(opened, 'x')));
      expect(await server.command('DBSIZE')).to.equal(0);
    });

    it('says which right is missing when its user may not ask the server about itself', async () => {
      server = await RedisServer.start({
        users: [
          'user default on nopass ~* &* +@all',
          `user latchkey on >${PASSWORD} ~* resetchannels +@all -info`,
        ],
      });
      const url = `redis://latchkey:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`;
      const { message } = await troubleOf(() => bench.open(url));
      expect(message).to.include('may not run info').and.include('+info').and.not.include('canary');
    });

    it('tells neither user nor password when the connection is lost', async () => {
      server = await RedisServer.start({ password: PASSWORD });
      redis = await bench.open(`redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`);
      await server.kill();
      const { message } = await troubleOf(() => write(redis, 'v'));
      await eventually('the loss is logged', () => bench.lines.some((line) => line.includes('is lost')));
      expect(message).to.not.include('canary');
      expect(secretsTold()).to.equal(false);
    });
  });

  describe('over TLS', () => {
    let files: CertificateFiles;
    beforeEach(async () => {
      files = writeCertificates();
      server = await RedisServer.start({
        tls: { certFile: files.serverCertificate, keyFile: files.serverKey, caFile: files.authority },
      });
    });
    afterEach(() => files.remove());

    it('shows its certificate, and trusts the authority that is named', async () => {
      redis = await bench.open(`rediss://localhost:${server.port}`, {
        caFile: files.authority,
        certFile: files.clientCertificate,
        keyFile: files.clientKey,
      });
      expect(await write(redis, 'sealed')).to.equal('sealed');
    });

    it('bears a second error of one connection', async () => {
      redis = await bench.open(`rediss://localhost:${server.port}`, {
        caFile: files.authority,
        certFile: files.clientCertificate,
        keyFile: files.clientKey,
      });
      const { stream } = redis.client as unknown as { stream: NodeJS.EventEmitter };
      stream.emit('error', new Error('what this side found'));
      expect(stream.emit('error', new Error('the alert of the other'))).to.equal(true);
    });

    const refused: [what: string, settings: () => object, says: RegExp][] = [
      [
        'a server by an authority that nobody named',
        () => ({ certFile: files.clientCertificate, keyFile: files.clientKey }),
        /certificate|CERT/i,
      ],
      [
        'a server by another authority than the one named',
        () => ({ caFile: files.otherAuthority, certFile: files.clientCertificate, keyFile: files.clientKey }),
        /certificate|CERT/i,
      ],
    ];
    for (const [what, settings, says] of refused) {
      it(`stops at ${what}`, async () => {
        const { message } = await troubleOf(() =>
          bench.open(`rediss://localhost:${server.port}`, settings()),
        );
        expect(message).to.match(says);
      });
    }

    it('stops where the server does not trust its certificate, and where it has none to show', async () => {
      const strange = { certFile: files.strangerCertificate, keyFile: files.strangerKey };
      for (const certificate of [strange, {}]) {
        await troubleOf(() =>
          bench.open(`rediss://localhost:${server.port}`, { caFile: files.authority, ...certificate }),
        );
      }
    });
  });
});
