import { expect } from 'chai';
import { withDeadline } from '../flows/deadline.ts';
import { eventually, type LatchkeyProcess } from '../flows/latchkey-process.ts';
import { logOf } from '../flows/server-log.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { castOf, startAlone } from './installation.ts';
import { type Attempt, type InterruptedFlow, interruptedFlows } from './interrupted-flows.ts';
import type { Cast } from './load.ts';
import { type Loss, TcpProxy } from './tcp-proxy.ts';

/** What every command of ours has in it: the beginning of a key. */
const OURS = 'latchkey:';

/** How long (ms) a flow may take whose commands are given 600 ms each: far below the test's own time, so that it says what hung. */
const ANSWER_MILLISECONDS = 30_000;

/** What becomes of the command. Of those that are only cut off, most are sent again and nobody notices. */
const LOSSES: readonly Loss[] = [
  { point: 'before', connection: 'cut' },
  { point: 'after', connection: 'cut' },
  { point: 'middle', connection: 'cut' },
  { point: 'before', connection: 'mute' },
  { point: 'after', connection: 'mute' },
];

/** The steps of a long flow are mostly those of the others: each command gets one of the losses with an effect, and one without. */
function lossesOf(command: number, commands: number): readonly Loss[] {
  if (commands <= 12) return LOSSES;
  const [effective, harmless] = [true, false].map((isEffective) =>
    LOSSES.filter(({ point }) => (point === 'after') === isEffective),
  ) as [Loss[], Loss[]];
  return [effective[command % effective.length], harmless[command % harmless.length]] as Loss[];
}

/** Names only: the flows themselves need a server. */
const NAMES = interruptedFlows({ app: {}, service: {} } as never).map(({ name }) => name);

describe('each command to Redis is lost once, or its answer, in every flow', function () {
  this.timeout(120_000);
  let redis: RedisServer;
  let proxy: TcpProxy;
  let latchkey: LatchkeyProcess;
  let cast: Cast;
  let flows: InterruptedFlow[];

  before(async () => {
    redis = await RedisServer.start();
    proxy = await TcpProxy.start(redis.port);
    latchkey = await startAlone({
      LATCHKEY_REDIS_URL: `redis://127.0.0.1:${proxy.port}`,
      LATCHKEY_REDIS_COMMAND_TIMEOUT: '600',
    });
    cast = await castOf(latchkey);
    flows = interruptedFlows(cast);
  });
  after(async () => {
    await latchkey?.stop();
    await proxy?.close();
    await redis?.remove();
  });

  /** The test that runs: one that was given up is not to go on losing commands in the next. */
  let turn = 0;
  beforeEach(() => {
    turn += 1;
    proxy.relent();
  });

  /** Until the connection that was lost is replaced. */
  const isConnected = () =>
    eventually('Redis is asked again', async () => (await cast.app.introspect('nothing')).status === 200);

  /** Runs the flow with its nth command lost; anew where it needed fewer this time, since something was still known to the server. */
  async function losing(
    flow: InterruptedFlow,
    loss: Loss,
    command: number,
  ): Promise<{ attempt: Attempt; status: number }> {
    for (let tries = 0; tries < 5; tries += 1) {
      const attempt = await flow.begin();
      const lost = proxy.lose(OURS, loss, command - 1);
      const status = await withDeadline('the flow is answered', ANSWER_MILLISECONDS, attempt.run());
      if (proxy.relent() > 0) continue;
      await withDeadline('the command is lost', ANSWER_MILLISECONDS, lost);
      return { attempt, status };
    }
    throw new Error(`there was no command ${command}, five times`);
  }

  for (const name of NAMES) {
    it(`${name}: is answered or refused with 503, and can be repeated; what was answered is so`, async () => {
      const flow = flows.find((one) => one.name === name) as InterruptedFlow;
      const mine = turn;
      // The first time there is more to do: nothing has been allowed before, and no script is known.
      await (await flow.begin()).run();
      // The fewest of three: now and then one more is needed, for something that is not known to the server any more.
      const counts: number[] = [];
      for (let count = 0; count < 3; count += 1) {
        const undisturbed = await flow.begin();
        counts.push(
          await proxy.count(OURS, async () => {
            expect(await undisturbed.run()).to.equal(200);
          }),
        );
      }
      const commands = Math.min(...counts);
      expect(commands, 'it needs Redis').to.be.above(0);
      for (let command = 1; command <= commands; command += 1) {
        for (const loss of lossesOf(command, commands)) {
          const what = `command ${command} of ${commands}: ${loss.connection} ${loss.point} it was executed`;
          const { attempt, status } = await losing(flow, loss, command);
          await isConnected();
          if (turn !== mine) return;
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
