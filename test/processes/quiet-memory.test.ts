import { fork } from 'node:child_process';
import { once } from 'node:events';
import { expect } from 'chai';
import { returnMemoryWhenQuiet } from '../../lib/processes/quiet-memory.ts';

const MEBIBYTE = 1024 * 1024;
/** How often (ms) the process looks here; a pause of three looks is not quiet yet, one of eight is. */
const LOOK = 200;

describe('memory of a process', () => {
  it('goes back to the system when the process has become quiet', async function () {
    this.timeout(60_000);
    const child = fork(new URL('memory-process.ts', import.meta.url), {
      execArgv: ['--disable-warning=ExperimentalWarning'],
    });
    const size = async (): Promise<number> => (await once(child, 'message'))[0] as number;
    try {
      expect(await size()).to.be.above(30 * MEBIBYTE);
      while ((await size()) > 15 * MEBIBYTE);
    } finally {
      const ended = once(child, 'exit');
      child.disconnect();
      await ended;
    }
  });

  describe('is looked after', () => {
    let collections = 0;
    let collected = Promise.withResolvers<void>();
    let stop = () => {};
    let work: NodeJS.Timeout;
    beforeEach(() => {
      collections = 0;
      collected = Promise.withResolvers();
    });
    afterEach(() => {
      stop();
      clearInterval(work);
    });
    const collect = () => {
      collections += 1;
      collected.resolve();
    };
    /** Keeps the process busy for `busy` ms of every `every` ms. */
    const beBusy = ({ busy, every }: { busy: number; every: number }) => {
      work = setInterval(() => {
        const until = performance.now() + busy;
        while (performance.now() < until);
      }, every);
    };
    const someLooks = () => new Promise((resolve) => setTimeout(resolve, 8 * LOOK));

    it('never in the middle of work, and soon after it', async function () {
      this.timeout(30_000);
      beBusy({ busy: 5, every: 10 });
      stop = returnMemoryWhenQuiet({ look: LOOK, worth: 0, size: () => 0, collect });
      await someLooks();
      expect(collections).to.equal(0);
      clearInterval(work);
      await collected.promise;
    });

    it('not while work pauses for a moment', async function () {
      this.timeout(30_000);
      beBusy({ busy: LOOK / 2, every: 3 * LOOK });
      stop = returnMemoryWhenQuiet({ look: LOOK, worth: 0, size: () => 0, collect });
      await someLooks();
      await someLooks();
      expect(collections).to.equal(0);
    });

    it('again only after a while', async function () {
      this.timeout(30_000);
      stop = returnMemoryWhenQuiet({ look: LOOK, worth: 0, size: () => 0, collect });
      await collected.promise;
      await someLooks();
      expect(collections).to.equal(1);
    });

    it('only when it has grown since the last time, and is not so large that it would take long', async function () {
      this.timeout(30_000);
      let bytes = 99;
      stop = returnMemoryWhenQuiet({ look: LOOK, apart: 0, worth: 100, size: () => bytes, collect });
      await someLooks();
      expect(collections).to.equal(0);
      bytes = 100;
      await collected.promise;
      await someLooks();
      expect(collections).to.equal(1);
      collected = Promise.withResolvers();
      bytes = 200;
      await collected.promise;
      expect(collections).to.equal(2);
      bytes = 200 * MEBIBYTE;
      await someLooks();
      expect(collections).to.equal(2);
    });
  });
});
