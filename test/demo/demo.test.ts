import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { RunningDemo } from './running-demo.ts';

/** The programs of a demo: processes whose environment or command line names its folder or its issuer. */
function programsOf(demo: { folder: string; issuer: string }): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        const environment = readFileSync(`/proc/${pid}/environ`, 'utf8');
        return environment.includes(demo.folder) || environment.split('\0').includes(`ISSUER=${demo.issuer}`);
      } catch {
        return false;
      }
    })
    .map(Number);
}

const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    (response) => response.ok,
    () => false,
  );

describe('npm run demo', function () {
  this.timeout(120_000);
  const open: RunningDemo[] = [];

  async function start(...given: Parameters<typeof RunningDemo.start>): Promise<RunningDemo> {
    const demo = await RunningDemo.start(...given);
    open.push(demo);
    return demo;
  }

  afterEach(async () => {
    for (const demo of open.splice(0)) await demo.remove();
  });

  it('starts everything, keeps the account from one start to the next, and ends by Ctrl-C without a rest', async () => {
    const first = await start();
    expect(first.ready, first.output).to.equal(true);
    const addresses = [first.startPage, first.webApp, first.singlePageApp, first.issuer];
    for (const address of addresses) expect(await answers(address), address).to.equal(true);
    const page = await (await fetch(first.startPage)).text();
    expect(page).to.contain(first.webApp).and.to.contain(first.singlePageApp);
    expect(page, 'the password is for the terminal').not.to.contain(first.password);
    expect(first.output.split('\n').length, 'short').to.be.below(20);
    const { login, password, folder, issuer } = first;
    expect(programsOf(first)).to.have.lengthOf(4);

    expect(await first.end('SIGINT')).to.equal(0);
    expect(programsOf({ folder, issuer })).to.deep.equal([]);
    for (const address of addresses) expect(await answers(address), address).to.equal(false);

    const second = await start(folder);
    expect(second.ready, second.output).to.equal(true);
    expect([second.login, second.password]).to.deep.equal([login, password]);
    const people = await second.operator<{ login: string }[]>(['users', 'list']);
    expect(people.map((person) => person.login)).to.deep.equal([login]);
    const clients = await second.operator<{ client_id: string; redirect_uris: string[] }[]>([
      'clients',
      'list',
    ]);
    expect(
      Object.fromEntries(clients.map((client) => [client.client_id, client.redirect_uris])),
    ).to.deep.equal({
      'book-club': [`${second.webApp}/callback`],
      notes: [`${second.singlePageApp}/callback`],
    });
    expect(await second.end('SIGTERM')).to.equal(0);
  });

  it('takes other ports when the usual ones are taken', async () => {
    const blockers = [3000, 3001, 4000, 4001, 4002, 4003].map((port) =>
      createServer().listen(port, '127.0.0.1'),
    );
    // Somebody else may hold one already: that serves as well.
    for (const blocker of blockers) blocker.on('error', () => {});
    await Promise.all(
      blockers.map(
        (blocker) => new Promise((resolve) => blocker.on('listening', resolve).on('error', resolve)),
      ),
    );
    try {
      const demo = await start(undefined, []);
      expect(demo.ready, demo.output).to.equal(true);
      expect(demo.output).not.to.match(/:(?:300[01]|400[0-3])\b/);
      expect(await answers(demo.webApp)).to.equal(true);
    } finally {
      for (const blocker of blockers) blocker.close();
    }
  });

  it('ends as a whole, with the last words of the program that ended', async () => {
    const demo = await start();
    const { folder, issuer } = demo;
    const webApp = programsOf(demo).find((pid) =>
      readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('examples/web-app/main.ts'),
    );
    expect(webApp).to.be.a('number');
    process.kill(webApp as number, 'SIGKILL');
    await eventually('the demo ends', () => demo.exitCode !== null);
    expect(demo.exitCode).to.equal(1);
    expect(demo.output)
      .to.contain('the web app ended by itself')
      .and.to.contain(`listening on ${demo.webApp}`);
    expect(programsOf({ folder, issuer })).to.deep.equal([]);
  });

  it('leaves no program behind when it is killed', async () => {
    const demo = await start();
    const { folder, issuer } = demo;
    await demo.end('SIGKILL');
    await eventually('all programs end', () => programsOf({ folder, issuer }).length === 0);
  });

  it('refuses a second demo on the same folder while the first runs, and keeps its files to their owner', async () => {
    const first = await start();
    const second = await start(first.folder);
    expect(second.exitCode).to.equal(1);
    expect(second.output).to.contain(`running already: ${first.startPage}`);
    expect(await answers(first.webApp)).to.equal(true);
    for (const name of ['account.json', 'book-club.secret', 'latchkey.yaml', 'logs/web-app.log']) {
      expect(statSync(join(first.folder, name)).mode & 0o077, name).to.equal(0);
    }
  });

  it('stops when told so while it is starting', async () => {
    const demo = RunningDemo.launch();
    open.push(demo);
    await eventually('its provider starts', () => existsSync(join(demo.folder, 'logs/provider.log')));
    expect(demo.ready).to.equal(false);
    expect(await demo.end('SIGINT'), demo.output).to.equal(0);
    expect(demo.output).to.equal('');
    expect(programsOf(demo)).to.deep.equal([]);
  });
});
