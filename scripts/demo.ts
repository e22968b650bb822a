/**
 * `npm run demo`: starts the provider and the three examples, with an account to sign in with, and says what to click.
 * Everything it keeps is in `data/demo`, so that the next start finds the same account. It ends on Ctrl-C, and when one of
 * its programs ends. `--data-dir <folder>` keeps it elsewhere; `--free-ports` does not try the usual ports first.
 */
import { randomUUID } from 'node:crypto';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Addresses, chooseAddresses } from './demo/addresses.ts';
import { type DemoAccount, type DemoFolder, openDemoFolder } from './demo/demo-folder.ts';
import { type DemoProcess, type DemoProgram, startProcess } from './demo/demo-process.ts';
import { createOperator } from './demo/operator.ts';
import { examplePrograms, providerProgram } from './demo/programs.ts';
import { registerAll } from './demo/registrations.ts';
import { demoRunsAt, type StartPage, serveStartPage } from './demo/start-page.ts';

const { values: options } = parseArgs({
  options: {
    'data-dir': { type: 'string', default: fileURLToPath(new URL('../data/demo', import.meta.url)) },
    'free-ports': { type: 'boolean', default: false },
  },
});

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => stop.abort());
const stopped = new Promise<undefined>((resolve) => {
  stop.signal.addEventListener('abort', () => resolve(undefined));
});

const running: DemoProcess[] = [];
let startPage: StartPage | undefined;

/** Starts programs and waits until all are ready; none is started, or waited for, once the demo is told to stop. */
async function start(programs: DemoProgram[]): Promise<void> {
  stop.signal.throwIfAborted();
  const started = programs.map(startProcess);
  running.push(...started.map(({ process }) => process));
  await Promise.race([stopped, Promise.all(started.map(({ ready }) => ready))]);
  stop.signal.throwIfAborted();
}

async function startDemo(folder: DemoFolder): Promise<void> {
  const addresses = await chooseAddresses(options['free-ports'] ? 'free' : 'usual');
  const account = folder.account();
  const provider = providerProgram(folder, addresses);
  await start([provider]);
  const registered = await registerAll(createOperator(provider.environment), addresses, account);
  await start(examplePrograms(folder, addresses, registered));
  const mark = randomUUID();
  startPage = await serveStartPage(addresses, account.login, mark);
  folder.write('running.json', JSON.stringify({ address: addresses.startPage.origin, mark }));
  stop.signal.throwIfAborted();
  announce(folder, addresses, account);
}

function announce(
  folder: DemoFolder,
  { startPage: page, webApp, singlePageApp }: Addresses,
  account: DemoAccount,
): void {
  const here = (path: string) => {
    const fromHere = relative(process.cwd(), path);
    return fromHere.startsWith('..') ? path : fromHere;
  };
  console.log(`
  Latchkey demo

  Open         ${page.origin}
  Sign in as   ${account.login}
  Password     ${account.password}

  What to click
    1. Book Club, ${webApp.origin}: Sign in, allow access; Sign out, and Sign in again: access is not asked for twice.
    2. Notes, ${singlePageApp.origin}: Sign in, then ask the API. Reading works; writing, no token and a forged one do not.

  Look inside  LATCHKEY_CONFIG=${here(folder.configurationFile)} npm run -s latchkey -- users list
  Logs         ${here(folder.logFile('*'))}
  Mail         ${here(join(folder.providerData, 'outbox'))}: choose “Forgot your password?”, then open the link of the file

  Ctrl-C ends everything.
`);
}

/** Refuses to start a second demo on one folder: it would take the accounts and secrets of the first over. */
async function refuseSecondDemo(folder: DemoFolder): Promise<void> {
  const left = folder.read('running.json');
  if (left === undefined) return;
  const { address, mark } = JSON.parse(left) as { address: string; mark: string };
  if (await demoRunsAt(address, mark)) throw new Error(`the demo is running already: ${address}`);
}

try {
  const folder = openDemoFolder(options['data-dir']);
  await refuseSecondDemo(folder);
  await startDemo(folder);
  const ended = await Promise.race([stopped, ...running.map((one) => one.ended.then(() => one))]);
  if (ended !== undefined) {
    throw new Error(`the ${ended.name} ended by itself; it wrote last:\n\n${ended.lastOutput().trimEnd()}\n`);
  }
} catch (error) {
  if (!stop.signal.aborted) {
    console.error(`\n  The demo ends: ${(error as Error).message}`);
    process.exitCode = 1;
  }
} finally {
  await startPage?.close();
  // The examples first: they talk to the provider.
  for (const program of running.toReversed()) await program.stop();
}
