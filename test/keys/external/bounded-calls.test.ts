import { expect } from 'chai';
import { BoundedCalls } from '../../../lib/keys/external/bounded-calls.ts';

const failureOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => 'none',
    (error: Error) => error.message,
  );

describe('bounded calls', () => {
  it('run so many at once and no more, in the order in which they came', async () => {
    const calls = new BoundedCalls({ timeout: 60_000, concurrency: 3 });
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const all = Array.from({ length: 10 }, (_, index) =>
      calls.run(() => {
        begun.push(index);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    for (let ended = 0; ended < 10; ended += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      expect(begun.length).to.equal(Math.min(10, ended + 3));
      ends[ended]?.();
    }
    await Promise.all(all);
    expect(begun).to.deep.equal([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('end in time, the wait for their turn counted; a call that is over keeps its place until it ends', async () => {
    const calls = new BoundedCalls({ timeout: 100, concurrency: 1 });
    let aborted = false;
    let end = (): void => {};
    const hanging = calls.run(
      (signal) =>
        new Promise<void>((resolve) => {
          end = resolve;
          signal.addEventListener('abort', () => {
            aborted = true;
          });
        }),
    );
    let begun = false;
    const waiting = calls.run(async () => {
      begun = true;
    });
    const [one, other] = await Promise.all([failureOf(hanging), failureOf(waiting)]);
    expect(one).to.equal('no answer within 100 ms');
    expect(other).to.equal('no answer within 100 ms');
    expect(aborted).to.equal(true);
    expect(begun).to.equal(false);
    end();
    expect(await calls.run(async () => 'goes on')).to.equal('goes on');
  });

  it('pass on what fails, and go on', async () => {
    const calls = new BoundedCalls({ timeout: 60_000, concurrency: 1 });
    expect(await failureOf(calls.run(() => Promise.reject(new Error('no'))))).to.equal('no');
    expect(
      await failureOf(
        calls.run(() => {
          throw new Error('at once');
        }),
      ),
    ).to.equal('at once');
    expect(await calls.run(async () => 1)).to.equal(1);
  });
});
