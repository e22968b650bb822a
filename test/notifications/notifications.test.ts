import { expect } from 'chai';
import { type Database, onClock, openDatabase } from '../../lib/database/database.ts';
import {
  type Deliver,
  NotificationDelivery,
  Obsolete,
  retrySeconds,
} from '../../lib/notifications/notification-delivery.ts';
import { Notifications } from '../../lib/notifications/notifications.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { createLog } from '../../lib/observability/log.ts';
import { type DirectoryPlace, describeOnEveryStore } from '../database/directory-stores.ts';
import { eventually } from '../flows/latchkey-process.ts';

const notice = (number: number) => ({ kind: 'test', recipient: 'canary', details: { number } });

/** On a machine that does much else (ms). */
const LONG_ENOUGH = 60_000;

describe('notices that must arrive', function () {
  this.timeout(90_000);
  describeOnEveryStore('kept', (store) => {
    let place: DirectoryPlace;
    let opened: Database;
    let time: number;
    let notifications: Notifications;

    before(async () => {
      place = await store.makePlace();
      opened = await openDatabase(place.options);
    });
    after(async () => {
      await opened?.close();
      await place?.remove();
    });
    beforeEach(async () => {
      time = Date.now();
      notifications = new Notifications(onClock(opened, () => time));
      for (const { id } of await notifications.list()) await notifications.discard(id);
    });

    it('are taken by one of many, and again when the lease is over', async () => {
      await notifications.add([1, 2, 3, 4, 5].map(notice));
      expect(await notifications.take(10, 1000), 'what causes it may still be under way').to.have.length(0);
      time += 1000;
      const takers = Array.from({ length: 6 }, () => new Notifications(onClock(opened, () => time)));
      const taken = (await Promise.all(takers.map((taker) => taker.take(2, 60_000)))).flat();
      expect(taken.map(({ details }) => details().number).sort()).to.deep.equal([1, 2, 3, 4, 5]);
      time += 60_000;
      const again = await notifications.take(10, 60_000);
      expect(again).to.have.length(5);
      expect(again.map(({ attempts }) => attempts)).to.deep.equal([2, 2, 2, 2, 2]);
      // Whoever comes back too late changes nothing.
      for (const late of taken) {
        await notifications.finish(late);
        await notifications.postpone(late, 'late', undefined);
      }
      expect(await notifications.count()).to.deep.equal({ waiting: 5, failed: 0 });
      for (const each of again) await notifications.finish(each);
      expect(await notifications.list()).to.deep.equal([]);
    });

    it('wait after a failure, are given up, and are tried again when the operator says so', async () => {
      await notifications.add([notice(1)]);
      time += 1000;
      const [first] = await notifications.take(1, 60_000);
      if (first === undefined) throw new Error('nothing was due');
      await notifications.postpone(first, 'it answered 503', 5000);
      expect(await notifications.nextDue()).to.equal(time + 5000);
      expect(await notifications.take(1, 60_000)).to.deep.equal([]);
      time += 5000;
      const [second] = await notifications.take(1, 60_000);
      if (second === undefined) throw new Error('nothing was due');
      await notifications.postpone(second, 'it answered 500', undefined);
      expect(await notifications.nextDue()).to.equal(undefined);
      const [record] = await notifications.list();
      expect(record).to.include({
        state: 'failed',
        attempts: 2,
        problem: 'it answered 500',
        dueAt: undefined,
      });
      expect(await notifications.retry(first.id)).to.deep.equal({ outcome: 'due' });
      expect(await notifications.retry('none')).to.deep.equal({ outcome: 'not_found' });
      const [third] = await notifications.take(1, 60_000);
      expect(third?.attempts).to.equal(1);
    });

    it('are removed a month after they were given up', async () => {
      await notifications.add([notice(1)]);
      time += 1000;
      const [first] = await notifications.take(1, 60_000);
      if (first === undefined) throw new Error('nothing was due');
      await notifications.postpone(first, 'gone', undefined);
      time += 31 * 86_400_000;
      await notifications.take(1, 60_000);
      expect(await notifications.list()).to.deep.equal([]);
    });

    it('keep what they say sealed', async () => {
      await notifications.add([{ kind: 'test', recipient: 'canary', details: { word: 'marmalade-secret' } }]);
      const files = await place.files();
      expect(
        files.some((bytes) => bytes.includes('canary')),
        'what is not sealed',
      ).to.equal(true);
      for (const bytes of files) expect(bytes.includes('marmalade-secret')).to.equal(false);
    });
  });

  it('are tried after 5 s, then three times as long each, an hour at most', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8].map((attempts) => retrySeconds(attempts, 5))).to.deep.equal([
      5, 15, 45, 135, 405, 1215, 3600, 3600,
    ]);
  });
});

describe('the delivery of notices', function () {
  this.timeout(90_000);
  describeOnEveryStore('from', (store) => {
    let place: DirectoryPlace;
    let opened: Database;
    let notifications: Notifications;
    const started: NotificationDelivery[] = [];

    before(async () => {
      place = await store.makePlace();
      opened = await openDatabase(place.options);
      notifications = new Notifications(opened);
    });
    afterEach(async () => {
      await Promise.all(started.splice(0).map((delivery) => delivery.stop()));
      for (const { id } of await notifications.list()) await notifications.discard(id);
    });
    after(async () => {
      await opened?.close();
      await place?.remove();
    });

    function start(deliver: Deliver, attempts = 3): void {
      const delivery = new NotificationDelivery({
        notifications,
        deliver: new Map([['test', deliver]]),
        settings: { attempts, firstRetry: 1 },
        events: createEvents(),
        log: createLog('silent'),
      });
      started.push(delivery);
      delivery.start();
    }

    const isEmpty = async () => (await notifications.list()).length === 0;

    it('brings each once, by two who deliver, also more than fit at once', async () => {
      const brought: unknown[] = [];
      const deliver: Deliver = async ({ number }) => {
        brought.push(number);
      };
      start(deliver);
      start(deliver);
      const numbers = Array.from({ length: 40 }, (_, index) => index);
      await notifications.add(numbers.map(notice));
      await eventually('all were brought', isEmpty, LONG_ENOUGH);
      expect(brought.sort((one, other) => Number(one) - Number(other))).to.deep.equal(numbers);
    });

    it('tries again, and gives up', async () => {
      let calls = 0;
      start(async () => {
        calls += 1;
        throw new Error('not today');
      }, 2);
      await notifications.add([notice(1)]);
      await eventually('it is given up', async () => (await notifications.count()).failed === 1, LONG_ENOUGH);
      expect(calls).to.equal(2);
      const [record] = await notifications.list();
      expect(record?.problem).to.equal('not today');
      await notifications.discard(String(record?.id));
    });

    it('lets a recipient that hangs hold up no other', async () => {
      const { promise: released, resolve: release } = Promise.withResolvers<void>();
      const brought: unknown[] = [];
      start(async ({ number }) => {
        if (number === 'hangs') await released;
        brought.push(number);
      });
      const stuck = Array.from({ length: 20 }, () => {
        return { kind: 'test', recipient: 'stuck', details: { number: 'hangs' } };
      });
      await notifications.add(stuck);
      await notifications.add([notice(7)]);
      try {
        await eventually('the other was brought', () => brought.includes(7), LONG_ENOUGH);
        expect(brought).to.deep.equal([7]);
      } finally {
        release();
      }
      await eventually('all were brought', isEmpty, LONG_ENOUGH);
    });

    it('drops what nobody waits for any more', async () => {
      start(async () => {
        throw new Obsolete('too late');
      });
      await notifications.add([notice(1)]);
      await eventually('it is gone', isEmpty, LONG_ENOUGH);
    });

    it('waits for what is under way when it is stopped, and begins nothing more', async () => {
      const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
      const { promise: allowed, resolve: allow } = Promise.withResolvers<void>();
      start(async () => {
        begin();
        await allowed;
      });
      await notifications.add([notice(1)]);
      await begun;
      const stopped = started.splice(0)[0]?.stop();
      await notifications.add([notice(2)]);
      allow();
      await stopped;
      expect((await notifications.list()).map(({ attempts }) => attempts)).to.deep.equal([0]);
    });
  });
});
