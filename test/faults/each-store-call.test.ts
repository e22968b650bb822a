import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import type { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { logOf } from '../flows/server-log.ts';
import { FAILURE_POINTS, FailingStorage } from './failing-storage.ts';
import { castOf, startAlone } from './installation.ts';
import { type InterruptedFlow, interruptedFlows } from './interrupted-flows.ts';

/** Names only: the flows themselves need a server. */
const NAMES = interruptedFlows({ app: {}, service: {} } as never).map(({ name }) => name);

describe('each call of the store fails once, in every flow', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let folder: string;
  let storage: FailingStorage;
  let flows: InterruptedFlow[];

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-calls-'));
    const socketFile = path.join(folder, 'socket');
    latchkey = await startAlone(FailingStorage.environment(socketFile));
    flows = interruptedFlows(await castOf(latchkey));
    storage = await FailingStorage.connect(socketFile);
  });
  after(async () => {
    storage?.close();
    await latchkey?.stop();
    rmSync(folder, { recursive: true });
  });

  for (const name of NAMES) {
    it(`${name}: is answered or refused with 503, and can be repeated; what was answered is so`, async () => {
      const flow = flows.find((one) => one.name === name) as InterruptedFlow;
      // The first time there is more to do: nothing has been allowed before, and no client is known.
      await (await flow.begin()).run();
      const undisturbed = await flow.begin();
      await storage.fail(0);
      expect(await undisturbed.run()).to.equal(200);
      const { calls } = await storage.fail(0);
      expect(calls, 'it needs the store').to.be.above(0);
      for (const point of FAILURE_POINTS) {
        for (let call = 1; call <= calls; call += 1) {
          const what = `call ${call} of ${calls} fails (${point})`;
          const attempt = await flow.begin();
          await storage.fail(call, point);
          const status = await attempt.run();
          expect((await storage.fail(0)).hasFailed, `${what}: it was not made`).to.equal(true);
          expect(status, what).to.be.oneOf([200, 503]);
          await attempt.expectConsistent(status).catch((error: Error) => {
            error.message = `${what}, status ${status}: ${error.message}`;
            throw error;
          });
        }
      }
    });
  }

  it('nothing was thrown that nobody caught', () => {
    const bad = logOf(latchkey).filter(({ level, status }) => level >= 60 || Number(status) === 500);
    expect(bad).to.deep.equal([]);
    expect(latchkey.output).to.not.match(/unhandled|uncaught/i);
  });
});
