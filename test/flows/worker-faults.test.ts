import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { eventually, freePort, LatchkeyProcess } from './latchkey-process.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { isAlive, listeningPids, logOf } from './server-log.ts';

const MISBEHAVIOUR = path.join(import.meta.dirname, 'misbehaviour.ts');
/** docs/decisions/0015-processes.md: silent for ten seconds, looked at every second. */
const HUNG_MILLISECONDS = 12_000;

/** A connection that asks for the JWKS as soon as it is made. */
class Question {
  answer = '';
  closed = false;
  readonly #socket: Socket;

  constructor(port: number) {
    this.#socket = connect(port, '127.0.0.1', () => {
      this.#socket.write('GET /jwks HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n');
    });
    this.#socket.on('data', (chunk) => {
      this.answer += chunk;
    });
    this.#socket.on('error', () => {});
    this.#socket.on('close', () => {
      this.closed = true;
    });
  }

  get isAnswered(): boolean {
    return this.answer.startsWith('HTTP/1.1 200 ');
  }

  end(): void {
    this.#socket.destroy();
  }
}

/** Stops a process, and waits until it stands still. */
async function pause(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await eventually('it stands still', () =>
    / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/, '')),
  );
}

describe('a worker', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let port: number;
  let management: string;
  let questions: Question[];

  async function start(misbehaviour: Misbehaviour, workers = '2'): Promise<void> {
    questions = [];
    const managementPort = await freePort();
    management = `http://127.0.0.1:${managementPort}`;
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_WORKERS: workers,
      LATCHKEY_MANAGEMENT_PORT: String(managementPort),
      NODE_OPTIONS: `--import=${MISBEHAVIOUR}`,
      TEST_MISBEHAVIOUR: misbehaviour,
    });
    port = Number(latchkey.environment.LATCHKEY_PORT);
    await eventually('they listen', () => listeningPids(latchkey).length === Number(workers), 20_000);
  }
  afterEach(async () => {
    for (const question of questions) question.end();
    await latchkey.stop();
  });

  const metric = async (line: string): Promise<string | undefined> => {
    const text = await (await fetch(`${management}/metrics`)).text();
    return text.split('\n').find((one) => one.startsWith(line));
  };
  const ask = (): Question => {
    const question = new Question(port);
    questions.push(question);
    return question;
  };

  async function expectReplacement(victim: number): Promise<void> {
    const since = Date.now();
    // Enough of them that one is handed to whom does not take it.
    for (let count = 0; count < 6; count += 1) ask();
    await eventually(
      'it is replaced',
      () => !isAlive(victim) && new Set(listeningPids(latchkey)).size === 3,
      HUNG_MILLISECONDS + 10_000,
    );
    const line = logOf(latchkey).find(
      ({ msg, worker }) => worker === victim && msg.includes('does not answer'),
    );
    expect(line, 'it is not in the log').not.to.equal(undefined);
    expect(Date.parse(String(line?.time)) - since).to.be.within(8000, HUNG_MILLISECONDS);
    // What it was handed and had not taken was handed to another.
    await eventually('every question is answered', () => questions.every(({ isAnswered }) => isAnswered));
    expect(await metric('latchkey_worker_ends_total{reason="hung"}')).to.match(/ 1$/);
  }

  it('that is stopped is killed and replaced, and who was handed to it is answered by another', async () => {
    await start('none');
    const [victim = 0] = listeningPids(latchkey);
    await pause(victim);
    await expectReplacement(victim);
  });

  it('whose event loop is blocked is killed and replaced', async () => {
    await start('spin');
    const [, victim = 0] = listeningPids(latchkey);
    process.kill(victim, 'SIGUSR2');
    await eventually('it is blocked', () => latchkey.output.includes('the event loop is blocked'));
    await expectReplacement(victim);
  });

  it('that was handed a connection and is killed does not take the connection with it', async () => {
    await start('none');
    const [victim = 0] = listeningPids(latchkey);
    await pause(victim);
    for (let count = 0; count < 4; count += 1) ask();
    await eventually(
      'the others are answered',
      () => questions.filter(({ isAnswered }) => isAnswered).length >= 3,
    );
    process.kill(victim, 'SIGKILL');
    await eventually('all are', () => questions.every(({ isAnswered }) => isAnswered));
  });

  it('that is the last to stop closes what it was handed and had not taken', async () => {
    await start('none');
    const workers = listeningPids(latchkey);
    const [slow = 0] = workers;
    await pause(slow);
    // Silent ones: whoever takes them closes them within a second or so.
    const sockets = Array.from({ length: 4 }, () => connect(port, '127.0.0.1'));
    const closed = new Set<Socket>();
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.on('close', () => closed.add(socket));
    }
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const ended = latchkey.terminate();
    await eventually('the other worker ends', () => !workers.slice(1).some(isAlive));
    process.kill(slow, 'SIGCONT');
    await eventually('all are closed', () => closed.size === sockets.length, 5000);
    expect(await ended).to.equal(0);
  });

  it('that was paused together with its primary is not taken for hung', async () => {
    await start('none');
    const workers = listeningPids(latchkey);
    const all = [latchkey.pid, ...workers];
    for (const pid of all) await pause(pid);
    // As long as a laptop's lid is closed; nothing can be awaited of those who are stopped.
    await new Promise((resolve) => setTimeout(resolve, 11_500));
    for (const pid of all) process.kill(pid, 'SIGCONT');
    await eventually('they serve', () => ask().isAnswered || questions.some(({ isAnswered }) => isAnswered));
    expect(await metric('latchkey_worker_ends_total')).to.equal(undefined);
    expect(workers.every(isAlive)).to.equal(true);
  });

  it('that crashes again and again is started again ever more slowly', async () => {
    await start('none');
    const delays: number[] = [];
    let known = 2;
    for (let crash = 0; crash < 5; crash += 1) {
      process.kill(listeningPids(latchkey).findLast(isAlive) as number, 'SIGKILL');
      known += 1;
      await eventually('it is started again', () => listeningPids(latchkey).length === known, 20_000);
      const line = logOf(latchkey).findLast(({ msg }) => msg.includes('is started again'));
      delays.push(Number(line?.delay));
    }
    expect(delays[0]).to.be.within(160, 200);
    for (const [index, delay] of delays.entries()) {
      if (index > 0) expect(delay, String(delays)).to.be.above((delays[index - 1] as number) * 1.5);
    }
  });

  for (const [misbehaviour, message] of [
    ['throw', 'uncaught exception: this process ends'],
    ['reject', 'unhandled rejection: this process ends'],
  ] as const) {
    it(`ends at what nobody caught, with a reference in the log, and is replaced: ${misbehaviour}`, async () => {
      await start(misbehaviour);
      const [victim = 0] = listeningPids(latchkey);
      process.kill(victim, 'SIGUSR2');
      await eventually('another one listens', () => new Set(listeningPids(latchkey)).size === 3, 20_000);
      expect(isAlive(victim)).to.equal(false);
      const line = logOf(latchkey).find(({ msg, pid }) => pid === victim && msg === message);
      expect(line?.reference).to.match(/^[0-9A-Z]{8}$/);
      expect(line?.level).to.equal(60);
      expect(latchkey.output).not.to.contain('SECRET');
      const end = logOf(latchkey).find(
        ({ msg, worker }) => worker === victim && msg.includes('started again'),
      );
      expect(end?.code).to.equal(70);
    });
  }

  it('alone, without a primary, ends the same way, for whoever started it to see', async () => {
    await start('reject', '1');
    const pid = latchkey.pid;
    process.kill(pid, 'SIGUSR2');
    await eventually('it has ended', () => !isAlive(pid));
    expect(await latchkey.terminate()).to.equal(70);
    expect(latchkey.output).to.contain('unhandled rejection: this process ends');
  });
});
