import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import type { LoginThrottle } from '../../lib/authentication/throttling/login-throttle.ts';
import type { Database } from '../../lib/database/database.ts';
import { admitted, failTimes, knock, LIMITS, MovableClock, ThrottleBench, waitOf } from './throttle-bench.ts';

const HOME = '203.0.113.7';
const WINDOW = LIMITS.window;
/** The most failures of one account in a day before unfamiliar networks wait. */
const BUDGET = LIMITS.perAccount * 10;

/** An address of a network of its own for each index. */
const elsewhere = (index: number): string => `198.${51 + Math.floor(index / 256)}.${index % 256}.1`;

describe('login throttle', () => {
  let bench: ThrottleBench;
  let clock: MovableClock;
  let throttle: LoginThrottle;
  let database: Database;
  beforeEach(async () => {
    bench = new ThrottleBench();
    clock = new MovableClock();
    ({ throttle, database } = await bench.open());
  });
  afterEach(async () => {
    clock.restore();
    await bench.close();
  });

  /** Uses the account's budget up, from so many networks that no other limit is met. */
  const exhaust = (login: string) => failTimes(throttle, BUDGET, (index) => [login, elsewhere(index)]);

  describe('by account and address', () => {
    it('admits ten failures in a window, and asks further ones to wait for its end', async () => {
      expect(await failTimes(throttle, 25, () => ['ann', HOME])).to.equal(10);
      const admittance = await throttle.admit('ann', HOME);
      expect(admittance).to.include({ outcome: 'throttled', scope: 'account' });
      expect(await waitOf(throttle, 'ann', HOME)).to.be.within(WINDOW - 10, WINDOW);
    });

    it('lets another person in from that address, and that person from another address', async () => {
      await failTimes(throttle, 25, () => ['ann', HOME]);
      expect(await knock(throttle, 'bob', HOME)).to.equal('admitted');
      expect(await knock(throttle, 'ann', elsewhere(1))).to.equal('admitted');
    });

    it('judges an attempt made after exactly the wait that was told', async () => {
      await failTimes(throttle, 10, () => ['ann', HOME]);
      clock.advance(await waitOf(throttle, 'ann', HOME));
      expect(await knock(throttle, 'ann', HOME)).to.equal('admitted');
    });

    it('does not prolong the wait of whoever keeps trying', async () => {
      await failTimes(throttle, 10, () => ['ann', HOME]);
      for (let minute = 0; minute < 15; minute += 1) {
        await failTimes(throttle, 20, () => ['ann', HOME]);
        clock.advance(60);
      }
      expect(await failTimes(throttle, 20, () => ['ann', HOME])).to.equal(10);
    });

    it('counts all spellings of a login as one', async () => {
      const spellings = ['ann@example.com', 'ANN@Example.com', ' ann@example.com ', 'ａｎｎ@example.com'];
      const count = await failTimes(throttle, 40, (index) => [spellings[index % 4] as string, HOME]);
      expect(count).to.equal(10);
    });

    it('counts what cannot be a login too', async () => {
      for (const login of ['', '\0', 'x'.repeat(100_000), '\ud800']) {
        expect(
          await failTimes(throttle, 25, () => [login, HOME]),
          JSON.stringify(login.slice(0, 9)),
        ).to.equal(10);
      }
    });

    it('forgets failures with the sign-in that ends them', async () => {
      for (let round = 0; round < 5; round += 1) {
        await failTimes(throttle, 9, () => ['ann', HOME]);
        await (await admitted(throttle, 'ann', HOME)).succeeded();
      }
      expect(await failTimes(throttle, 25, () => ['ann', HOME])).to.equal(10);
    });

    it('does not count what was never judged', async () => {
      for (let index = 0; index < 50; index += 1) {
        await (await admitted(throttle, 'ann', HOME)).withdrawn();
      }
      expect(await failTimes(throttle, 25, () => ['ann', HOME])).to.equal(10);
    });
  });

  describe('by address', () => {
    it('ends a walk through many accounts after a hundred failures', async () => {
      expect(await failTimes(throttle, 150, (index) => [`person-${index}`, HOME])).to.equal(100);
      expect(await throttle.admit('somebody', HOME)).to.include({ outcome: 'throttled', scope: 'address' });
      expect(await knock(throttle, 'somebody', elsewhere(1))).to.equal('admitted');
    });

    it('does not count sign-ins that succeed, however many come from one office', async () => {
      for (let index = 0; index < 150; index += 1) {
        await (await admitted(throttle, `person-${index}`, HOME)).succeeded();
      }
      expect(await knock(throttle, 'somebody', HOME)).to.equal('admitted');
    });

    it('does not let a sign-in of the attacker’s own wash failures away', async () => {
      let count = 0;
      for (let index = 0; index < 150; index += 1) {
        if ((await knock(throttle, `person-${index}`, HOME)) === 'admitted') count += 1;
        const own = await throttle.admit('mallory', HOME);
        if (own.outcome === 'admitted') await own.admission.succeeded();
      }
      expect(count).to.be.at.most(100);
    });

    it('ends a walk through the addresses of one network after a thousand', async () => {
      const count = await failTimes(throttle, 1300, (index) => [`person-${index}`, `192.0.2.${index % 250}`]);
      expect(count).to.equal(1000);
    });

    it('takes an IPv6 /64 for one address, and a /48 for one network', async () => {
      const inOne64 = (index: number): string => `2001:db8:0:1::${index.toString(16)}`;
      expect(await failTimes(throttle, 150, (index) => [`person-${index}`, inOne64(index)])).to.equal(100);
      expect(await knock(throttle, 'somebody', '2001:db8:0:2::1')).to.equal('admitted');
      const inOne48 = (index: number): string => `2001:db8:0:${(index + 2).toString(16)}::1`;
      expect(await failTimes(throttle, 1300, (index) => [`other-${index}`, inOne48(index)])).to.equal(899);
      expect(await knock(throttle, 'somebody', '2001:db8:1:1::1')).to.equal('admitted');
    });

    it('counts an IPv4 address inside IPv6 with itself', async () => {
      expect(
        await failTimes(throttle, 25, (index) => ['ann', index % 2 === 0 ? HOME : `::ffff:${HOME}`]),
      ).to.equal(10);
    });
  });

  describe('by account, from everywhere', () => {
    it('makes unfamiliar networks wait, each a second, then longer and longer, a quarter of an hour at most', async () => {
      expect(await exhaust('ann')).to.equal(BUDGET);
      const waits: number[] = [];
      for (let index = 0; index < 13; index += 1) {
        const wait = await waitOf(throttle, 'ann', HOME);
        waits.push(wait);
        clock.advance(wait);
        await admitted(throttle, 'ann', HOME);
        // The limit of account and address is not what this is about.
        if (index % 5 === 4) clock.advance(WINDOW);
      }
      expect(waits).to.deep.equal([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
    });

    it('gives one attempt, not two, for a wait that was sat out', async () => {
      await exhaust('ann');
      clock.advance(await waitOf(throttle, 'ann', HOME));
      const outcomes = await Promise.all(Array.from({ length: 50 }, () => knock(throttle, 'ann', HOME)));
      expect(outcomes.filter((outcome) => outcome === 'admitted')).to.have.length(1);
    });

    it('does not prolong a wait that has begun', async () => {
      await exhaust('ann');
      for (const wait of [1, 2, 4, 8, 16, 32, 64]) {
        expect(await waitOf(throttle, 'ann', HOME)).to.equal(wait);
        clock.advance(wait);
        await admitted(throttle, 'ann', HOME);
      }
      const wait = await waitOf(throttle, 'ann', HOME);
      for (let second = 0; second < 100; second += 1) await knock(throttle, 'ann', HOME);
      clock.advance(wait - 20);
      expect(await waitOf(throttle, 'ann', HOME)).to.be.within(1, 20);
    });

    it('keeps the turn of one network from every other', async () => {
      await exhaust('ann');
      const mine = await waitOf(throttle, 'ann', HOME);
      const theirs = Math.max(
        ...(await Promise.all([1, 2, 3].map((index) => waitOf(throttle, 'ann', elsewhere(index))))),
      );
      clock.advance(Math.max(mine, theirs));
      for (const index of [1, 2, 3]) await failTimes(throttle, 50, () => ['ann', elsewhere(index)]);
      expect(await knock(throttle, 'ann', HOME)).to.equal('admitted');
    });

    it('gives the turn back when the attempt was never judged', async () => {
      await exhaust('ann');
      clock.advance(await waitOf(throttle, 'ann', HOME));
      for (let round = 0; round < 5; round += 1) {
        await (await admitted(throttle, 'ann', HOME)).withdrawn();
      }
      await (await admitted(throttle, 'ann', HOME)).succeeded();
    });

    it('ends after a day', async () => {
      await exhaust('ann');
      expect(await knock(throttle, 'ann', HOME)).to.equal('account');
      clock.advance(86_400);
      expect(await knock(throttle, 'ann', HOME)).to.equal('admitted');
    });

    it('does not count the sign-ins of the person', async () => {
      for (let index = 0; index < BUDGET + 50; index += 1) {
        await (await admitted(throttle, 'ann', elsewhere(index))).succeeded();
      }
    });
  });

  describe('towards people whom strangers attack', () => {
    it('never makes them wait at an address where they have signed in before', async () => {
      await (await admitted(throttle, 'ann', HOME)).succeeded();
      for (let hour = 0; hour < 5; hour += 1) {
        await failTimes(throttle, 300, (index) => ['ann', elsewhere(index)]);
        for (const _ of [1, 2, 3]) await (await admitted(throttle, 'ann', HOME)).succeeded();
        clock.advance(3600);
      }
      expect(await knock(throttle, 'ann', elsewhere(999)), 'a stranger').to.equal('account');
    });

    it('lets them in from a new network after a wait of known length, while the attack goes on', async () => {
      await exhaust('ann');
      const wait = await waitOf(throttle, 'ann', HOME);
      expect(wait).to.be.at.most(900);
      for (const part of [0.5, 0.5]) {
        await failTimes(throttle, 300, (index) => ['ann', elsewhere(index)]);
        clock.advance(wait * part);
      }
      await (await admitted(throttle, 'ann', HOME)).succeeded();
      expect(await knock(throttle, 'ann', HOME), 'familiar from now on').to.equal('admitted');
    });

    it('lets them in where the address, or its network, is used up by others', async () => {
      await (await admitted(throttle, 'ann', HOME)).succeeded();
      await failTimes(throttle, 150, (index) => [`neighbour-${index}`, HOME]);
      await failTimes(throttle, 2000, (index) => [`person-${index}`, `203.0.113.${index % 250}`]);
      expect(await knock(throttle, 'bob', HOME)).to.equal('address');
      await (await admitted(throttle, 'ann', HOME)).succeeded();
    });

    it('still limits guessing at an address where they have signed in', async () => {
      await (await admitted(throttle, 'ann', HOME)).succeeded();
      expect(await failTimes(throttle, 50, () => ['ann', HOME])).to.equal(10);
    });

    it('knows an address for thirty days from the last sign-in, at the least twenty-nine', async () => {
      await (await admitted(throttle, 'ann', HOME)).succeeded();
      clock.advance(20 * 86_400);
      await (await admitted(throttle, 'ann', HOME)).succeeded();
      clock.advance(29 * 86_400);
      await exhaust('ann');
      expect(await knock(throttle, 'ann', HOME)).to.equal('admitted');
      clock.advance(2 * 86_400);
      await exhaust('ann');
      expect(await knock(throttle, 'ann', HOME)).to.equal('account');
    });
  });

  describe('by many attempts at once', () => {
    it('lets no more of a thousand in than of one after another', async () => {
      const outcomes = await Promise.all(Array.from({ length: 1000 }, () => knock(throttle, 'ann', HOME)));
      expect(outcomes.filter((outcome) => outcome === 'admitted')).to.have.length(10);
      const walk = await Promise.all(
        Array.from({ length: 1000 }, (_, index) => knock(throttle, `person-${index}`, elsewhere(1))),
      );
      expect(walk.filter((outcome) => outcome === 'admitted')).to.have.length(100);
    });

    it('shares its counts between connections', async () => {
      const throttles = [throttle, (await bench.open()).throttle, (await bench.open()).throttle];
      const outcomes = await Promise.all(
        Array.from({ length: 999 }, (_, index) => knock(throttles[index % 3] as LoginThrottle, 'ann', HOME)),
      );
      expect(outcomes.filter((outcome) => outcome === 'admitted')).to.have.length(10);
    });

    it('shares its counts between processes', async () => {
      const script = fileURLToPath(new URL('./attempt-logins.ts', import.meta.url));
      const guessers = [1, 2, 3].map(() => {
        const words = ['--disable-warning=ExperimentalWarning', script, bench.dataDir, 'ann', HOME, '400'];
        return spawn(process.execPath, words, { stdio: ['pipe', 'pipe', 'inherit'] });
      });
      const told = guessers.map(() => '');
      const closed = guessers.map((guesser) => once(guesser, 'close'));
      const ready = guessers.map(
        (guesser, index) =>
          new Promise<void>((resolve, reject) => {
            guesser.stdout.on('data', (text: Buffer) => {
              told[index] += text.toString();
              if (told[index]?.startsWith('ready\n')) resolve();
            });
            guesser.once('close', () => reject(new Error('a guesser ended early')));
          }),
      );
      try {
        await Promise.all(ready);
        for (const guesser of guessers) guesser.stdin.end();
        expect((await Promise.all(closed)).map(([code]) => code)).to.deep.equal([0, 0, 0]);
      } finally {
        for (const guesser of guessers as ChildProcess[]) guesser.kill();
      }
      const counts = told.map((text) => Number(text.split('\n')[1]));
      expect(
        counts.reduce((sum, count) => sum + count, 0),
        counts.join(' + '),
      ).to.equal(10);
      expect(await knock(throttle, 'ann', HOME)).to.equal('account');
    });

    it('gives nobody a credit for attempts that outlive their window', async () => {
      const own = await Promise.all(
        Array.from({ length: 60 }, (_, index) => admitted(throttle, `own-${index}`, HOME)),
      );
      const unjudged = await Promise.all(Array.from({ length: 10 }, () => admitted(throttle, 'ann', HOME)));
      clock.advance(WINDOW);
      expect(await knock(throttle, 'ann', HOME), 'a window begins').to.equal('admitted');
      await Promise.all(own.map((admission) => admission.succeeded()));
      await Promise.all(unjudged.map((admission) => admission.withdrawn()));
      expect(await failTimes(throttle, 25, () => ['ann', HOME])).to.equal(9);
      expect(await failTimes(throttle, 150, (index) => [`person-${index}`, HOME])).to.equal(90);
    });
  });

  describe('in the database', () => {
    it('keeps its counts over a restart', async () => {
      await failTimes(throttle, 7, () => ['ann', HOME]);
      await (await admitted(throttle, 'bob', HOME)).succeeded();
      await bench.stop();
      ({ throttle } = await bench.open());
      expect(await failTimes(throttle, 25, () => ['ann', HOME])).to.equal(3);
      await failTimes(throttle, BUDGET, (index) => ['bob', elsewhere(index)]);
      expect(await knock(throttle, 'bob', HOME), 'an address known before').to.equal('admitted');
    });

    it('tells no login and no address', async () => {
      const login = 'canary.person@example.com';
      await failTimes(throttle, 25, () => [login, '203.0.113.99']);
      await (await admitted(throttle, 'canary.two', '2001:db8:ca:fe::1')).succeeded();
      const rows = await rowsOf(database);
      expect(rows.length).to.be.at.least(6);
      for (const { key } of rows) expect(key).to.match(/^[A-Za-z0-9_-]{27}$/);
      await bench.stop();
      for (const file of readdirSync(bench.dataDir)) {
        const bytes = readFileSync(path.join(bench.dataDir, file)).toString('latin1');
        for (const secret of ['canary', '203.0.113', '2001:db8']) expect(bytes, file).to.not.include(secret);
      }
    });

    it('names counters by a key of the installation: nobody can look a login up by hashing it', async () => {
      const other = new ThrottleBench();
      try {
        const second = await other.open();
        for (const each of [throttle, second.throttle]) await knock(each, 'ann', HOME);
        const names = (await rowsOf(database)).map(({ key }) => key);
        for (const { key } of await rowsOf(second.database)) expect(names).to.not.include(key);
        expect(second.throttle.nameForLog('ann')).to.not.equal(throttle.nameForLog('ann'));
      } finally {
        await other.close();
      }
    });

    it('names a login for the log: one name for all its spellings, another for another', () => {
      const name = throttle.nameForLog('ann@example.com');
      expect(name).to.match(/^[A-Za-z0-9_-]{12}$/);
      expect(throttle.nameForLog(' ANN@Example.com')).to.equal(name);
      expect(throttle.nameForLog('bob@example.com')).to.not.equal(name);
      expect(throttle.nameForLog('\0')).to.match(/^[A-Za-z0-9_-]{12}$/);
    });

    it('gives the room of what has ended back, faster than an attack takes it', async function () {
      this.timeout(60_000);
      await failTimes(throttle, 800, (index) => [`person-${index}`, elsewhere(index)]);
      const before = (await rowsOf(database)).length;
      expect(before).to.be.greaterThan(3000);
      clock.advance(2 * 86_400);
      for (let attempt = 0; attempt < 10; attempt += 1) await knock(throttle, 'ann', elsewhere(0));
      expect((await rowsOf(database)).length).to.be.below(20);
    });
  });
});

async function rowsOf(database: Database): Promise<{ key: string }[]> {
  return database.embedded.raw.prepare('SELECT key FROM throttle').all() as { key: string }[];
}
