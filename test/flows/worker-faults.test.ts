import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { expect } from 'chai';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import type { Misbehaviour } from './misbehaviour.ts';
import { isAlive, listeningPids, logOf, pause } from './server-log.ts';
import { waitTogether } from './wait-together.ts';

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

/** A server whose workers are to fail, and those who ask it meanwhile. */
class Service {
  readonly latchkey: LatchkeyProcess;
  readonly questions: Question[] = [];

  private constructor(latchkey: LatchkeyProcess) {
    this.latchkey = latchkey;
  }

  static async start(misbehaviour: Misbehaviour, workers = '2'): Promise<Service> {
    const latchkey = await LatchkeyProcess.start({
      LATCHKEY_WORKERS: workers,
      NODE_OPTIONS: `--import=${MISBEHAVIOUR}`,
      TEST_MISBEHAVIOUR: misbehaviour,
    });
    const service = new Service(latchkey);
    await eventually('they listen', () => service.workers.length === Number(workers));
    return service;
  }

  get port(): number {
    return Number(this.latchkey.environment.LATCHKEY_PORT);
  }

  /** All that ever listened. */
  get workers(): number[] {
    return listeningPids(this.latchkey);
  }

  async metric(line: string): Promise<string | undefined> {
    return (await this.latchkey.metrics()).split('\n').find((one) => one.startsWith(line));
  }

  ask(): Question {
    const question = new Question(this.port);
    this.questions.push(question);
    return question;
  }

  async expectReplacement(victim: number): Promise<void> {
    const since = Date.now();
    // Enough of them that one is handed to whom does not take it.
    for (let count = 0; count < 6; count += 1) this.ask();
    await eventually(
      'it is replaced',
      () => !isAlive(victim) && new Set(this.workers).size === 3,
      HUNG_MILLISECONDS + 30_000,
    );
    const line = logOf(this.latchkey).find(
      ({ msg, worker }) => worker === victim && msg.includes('does not answer'),
    );
    expect(line, 'it is not in the log').not.to.equal(undefined);
    // The machine may be late to look, and nobody is killed early.
    expect(Date.parse(String(line?.time)) - since).to.be.within(8000, HUNG_MILLISECONDS + 10_000);
    // What it was handed and had not taken was handed to another.
    await eventually('every question is answered', () =>
      this.questions.every(({ isAnswered }) => isAnswered),
    );
    expect(await this.metric('latchkey_worker_ends_total{reason="hung"}')).to.match(/ 1$/);
  }

  async stop(): Promise<void> {
    for (const question of this.questions) question.end();
    await this.latchkey.stop();
  }
}

/** Starts a server for what happens to it. */
const withService =
  (misbehaviour: Misbehaviour, happens: (service: Service) => Promise<void>) => async () => {
    const service = await Service.start(misbehaviour);
    await happens(service).finally(() => service.stop());
  };

/** What becomes of whoever does not answer. Each takes more than ten seconds. */
const SILENCES: Record<string, () => Promise<void>> = {
  'that is stopped is killed and replaced, and who was handed to it is answered by another': withService(
    'none',
    async (service) => {
      const [victim = 0] = service.workers;
      await pause(victim);
      await service.expectReplacement(victim);
    },
  ),
  'whose event loop is blocked is killed and replaced': withService('spin', async (service) => {
    const [, victim = 0] = service.workers;
    process.kill(victim, 'SIGUSR2');
    await eventually('it is blocked', () => service.latchkey.output.includes('the event loop is blocked'));
    await service.expectReplacement(victim);
  }),
  'that was paused together with its primary is not taken for hung': withService('none', async (service) => {
    const { workers, questions } = service;
    const all = [service.latchkey.pid, ...workers];
    for (const pid of all) await pause(pid);
    // As long as a laptop's lid is closed; nothing can be awaited of those who are stopped.
    await new Promise((resolve) => setTimeout(resolve, 11_500));
    for (const pid of all) process.kill(pid, 'SIGCONT');
    await eventually(
      'they serve',
      () => service.ask().isAnswered || questions.some(({ isAnswered }) => isAnswered),
    );
    expect(await service.metric('latchkey_worker_ends_total')).to.equal(undefined);
    expect(workers.every(isAlive)).to.equal(true);
  }),
};

describe('a worker', function () {
  this.timeout(120_000);

  describe('in silence', () => waitTogether(SILENCES));

  let service: Service;
  const start = async (misbehaviour: Misbehaviour, workers?: string): Promise<void> => {
    service = await Service.start(misbehaviour, workers);
  };
  afterEach(() => service?.stop());

  it('that was handed a connection and is killed does not take the connection with it', async () => {
    await start('none');
    const [victim = 0] = service.workers;
    await pause(victim);
    for (let count = 0; count < 4; count += 1) service.ask();
    await eventually(
      'the others are answered',
      () => service.questions.filter(({ isAnswered }) => isAnswered).length >= 3,
    );
    process.kill(victim, 'SIGKILL');
    await eventually('all are', () => service.questions.every(({ isAnswered }) => isAnswered));
  });

  it('that is the last to stop closes what it was handed and had not taken', async () => {
    await start('none');
    const workers = service.workers;
    const [slow = 0] = workers;
    await pause(slow);
    // Silent ones: whoever takes them closes them within a second or so.
    const sockets = Array.from({ length: 4 }, () => connect(service.port, '127.0.0.1'));
    const closed = new Set<Socket>();
    for (const socket of sockets) {
      socket.on('error', () => {});
      socket.on('close', () => closed.add(socket));
    }
    await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once('connect', resolve))));
    const ended = service.latchkey.terminate();
    await eventually('the other worker ends', () => !workers.slice(1).some(isAlive));
    process.kill(slow, 'SIGCONT');
    await eventually('all are closed', () => closed.size === sockets.length);
    expect(await ended).to.equal(0);
  });

  it('that crashes again and again is started again ever more slowly', async () => {
    await start('none');
    const delays: number[] = [];
    let known = 2;
    for (let crash = 0; crash < 5; crash += 1) {
      process.kill(service.workers.findLast(isAlive) as number, 'SIGKILL');
      known += 1;
      await eventually('it is started again', () => service.workers.length === known);
      const line = logOf(service.latchkey).findLast(({ msg }) => msg.includes('is started again'));
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
      const [victim = 0] = service.workers;
      process.kill(victim, 'SIGUSR2');
      await eventually('another one listens', () => new Set(service.workers).size === 3);
      expect(isAlive(victim)).to.equal(false);
      const line = logOf(service.latchkey).find(({ msg, pid }) => pid === victim && msg === message);
      expect(line?.reference).to.match(/^[0-9A-Z]{8}$/);
      expect(line?.level).to.equal(60);
      expect(service.latchkey.output).not.to.contain('SECRET');
      const end = logOf(service.latchkey).find(
        ({ msg, worker }) => worker === victim && msg.includes('started again'),
      );
      expect(end?.code).to.equal(70);
    });
  }

  it('alone, without a primary, ends the same way, for whoever started it to see', async () => {
    await start('reject', '1');
    const pid = service.latchkey.pid;
    process.kill(pid, 'SIGUSR2');
    await eventually('it has ended', () => !isAlive(pid));
    expect(await service.latchkey.terminate()).to.equal(70);
    expect(service.latchkey.output).to.contain('unhandled rejection: this process ends');
  });
});
