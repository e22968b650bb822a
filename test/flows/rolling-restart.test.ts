import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { KeepAliveLoad, type LoadRequest } from './keep-alive-load.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { isAlive, listeningPids, logOf } from './server-log.ts';

const ROLLS = 2;

describe('SIGHUP', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let configurationFile: string;
  let port: number;

  const said = (message: string): number => logOf(latchkey).filter(({ msg }) => msg.includes(message)).length;
  const livingWorkers = (): number[] => listeningPids(latchkey).filter(isAlive);

  describe('with two workers', () => {
    before(async () => {
      latchkey = await LatchkeyProcess.start({ LATCHKEY_WORKERS: '2' });
      await latchkey.terminate();
      // What may change while it runs is in a file.
      configurationFile = path.join(latchkey.dataDir, 'latchkey.yaml');
      writeFileSync(configurationFile, 'branding:\n  name: Before\n');
      latchkey.environment.LATCHKEY_CONFIG = configurationFile;
      await latchkey.launch();
      await eventually('two workers listen', () => livingWorkers().length === 2);
      port = Number(latchkey.environment.LATCHKEY_PORT);
    });
    after(() => latchkey.stop());

    async function requests(): Promise<LoadRequest[]> {
      const { client_id: id, client_secret: secret } = await latchkey.createClient({
        grant_types: ['client_credentials'],
      });
      return [
        {
          method: 'POST',
          path: '/token',
          headers: {
            Authorization: `Basic ${btoa(`${id}:${secret}`)}`,
            'Content-Type': 'application/x-www-form-urlencoded',
          },
          body: 'grant_type=client_credentials',
        },
        { method: 'GET', path: '/jwks' },
      ];
    }

    /** How many requests were answered, by the metrics. */
    async function answeredInSum(): Promise<number> {
      const lines = (await latchkey.metrics())
        .split('\n')
        .filter((line) => line.startsWith('latchkey_http_requests_total{'));
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
    }
    /** What that was while workers came and went. */
    const sums: number[] = [];

    it(`replaces every worker, ${ROLLS} times under load, without one failed request`, async () => {
      const load = new KeepAliveLoad(port, await requests(), [0, 0, 0, 20, 250, 1000]);
      try {
        await eventually('the load runs', () => load.answered > 20);
        for (let roll = 1; roll <= ROLLS; roll += 1) {
          const before = livingWorkers();
          process.kill(latchkey.pid, 'SIGHUP');
          await eventually(
            'it is done',
            async () => {
              sums.push(await answeredInSum());
              return said('rolling restart done') === roll;
            },
            60_000,
          );
          expect(before.some(isAlive), 'an old worker lives').to.equal(false);
          expect(livingWorkers()).to.have.lengthOf(2);
          const { answered } = load;
          await eventually('the load goes on', () => load.answered > answered + 20);
        }
      } finally {
        await load.stop();
      }
      expect(load.failures).to.deep.equal([]);
      expect(load.connections, 'connections were not kept').to.be.below(load.answered / 2);
      expect(latchkey.output).not.to.contain('ended by itself');
    });

    it('has never let a sum of counters fall', () => {
      expect(sums.length).to.be.above(20);
      expect(sums.at(-1)).to.be.above(sums[0] ?? 0);
      expect(sums).to.deep.equal(sums.toSorted((one, other) => one - other));
    });

    it('takes over what has changed in the configuration', async () => {
      const homePage = async (): Promise<string> => (await fetch(latchkey.issuer)).text();
      expect(await homePage()).to.contain('Before');
      writeFileSync(configurationFile, 'branding:\n  name: Afterwards\n');
      const rolled = said('rolling restart done');
      process.kill(latchkey.pid, 'SIGHUP');
      await eventually('it is done', () => said('rolling restart done') > rolled, 60_000);
      expect(await homePage()).to.contain('Afterwards');
    });

    /** Runs with another configuration file, and puts the former one back. */
    async function withConfiguration(text: string, run: () => Promise<void>): Promise<void> {
      const before = readFileSync(configurationFile, 'utf8');
      const workers = livingWorkers();
      writeFileSync(configurationFile, text);
      try {
        await run();
      } finally {
        writeFileSync(configurationFile, before);
      }
      expect(livingWorkers()).to.deep.equal(workers);
      expect((await fetch(`${latchkey.issuer}/jwks`)).status).to.equal(200);
    }

    for (const [what, text, reason] of [
      ['is not known', 'brandig:\n  name: x\n', /brandig/],
      ['has a bad value', 'keys:\n  rotation_interval: soon\n', /keys\.rotation_interval/],
      ['needs a stop and a start', 'management_host: 127.0.0.2\n', /managementHost/],
    ] as const) {
      it(`keeps the workers when a setting ${what}`, () =>
        withConfiguration(text, async () => {
          const refused = said('no rolling restart');
          process.kill(latchkey.pid, 'SIGHUP');
          await eventually('it is refused', () => said('no rolling restart') > refused);
          const line = logOf(latchkey).findLast(({ msg }) => msg.includes('no rolling restart'));
          expect(line?.reason).to.match(reason);
        }));
    }

    it('keeps the workers when a new one cannot start', () => {
      // A template that replaces nothing: no fault of the file's form, but found out by who tries to use it.
      const views = path.join(latchkey.dataDir, 'views');
      mkdirSync(path.join(views, 'pages'), { recursive: true });
      writeFileSync(path.join(views, 'pages/logn.eta'), '<p>');
      return withConfiguration(`views_dir: ${views}\n`, async () => {
        const before = said('a new worker could not start');
        process.kill(latchkey.pid, 'SIGHUP');
        await eventually('it is given up', () => said('a new worker could not start') > before);
      });
    });

    it('alone brings a change: a worker that is started again serves by what the others serve by', async () => {
      const accepted = readFileSync(configurationFile, 'utf8');
      try {
        for (const changed of ['branding:\n  name: Changed meanwhile\n', 'brandig:\n', undefined]) {
          if (changed === undefined) rmSync(configurationFile);
          else writeFileSync(configurationFile, changed);
          const [killed] = livingWorkers();
          process.kill(Number(killed), 'SIGKILL');
          await eventually(`another one serves, with ${changed}`, () => {
            const living = livingWorkers();
            return living.length === 2 && !living.includes(Number(killed));
          });
          // Each connection goes to the next worker.
          for (let asked = 0; asked < 4; asked += 1) {
            const answer = await fetch(latchkey.issuer, {
              headers: { Accept: 'text/html', Connection: 'close' },
            });
            expect(await answer.text()).to.not.contain('Changed meanwhile');
          }
        }
      } finally {
        writeFileSync(configurationFile, accepted);
      }
    });

    it('sent again meanwhile is done once more, and does not get in the way of a stop', async () => {
      const rolled = said('rolling restart done');
      for (let count = 0; count < 3; count += 1) process.kill(latchkey.pid, 'SIGHUP');
      await eventually('one is done', () => said('rolling restart done') > rolled, 60_000);
      const workers = livingWorkers();
      expect(await latchkey.terminate()).to.equal(0);
      expect([...workers, ...livingWorkers()].some(isAlive)).to.equal(false);
    });
  });

  describe('with one process', () => {
    before(async () => {
      latchkey = await LatchkeyProcess.start();
    });
    after(() => latchkey.stop());

    it('says that there is nobody to take over, and goes on', async () => {
      process.kill(latchkey.pid, 'SIGHUP');
      await eventually('it is said', () => said('SIGHUP: one process cannot be replaced') === 1);
      expect((await fetch(`${latchkey.issuer}/jwks`)).status).to.equal(200);
      expect(isAlive(latchkey.pid)).to.equal(true);
    });
  });
});
