import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import type { LogLine } from '../flows/server-log.ts';
import type { Action, Fault } from './history.ts';
import { type CheckOptions, describeViolations, findViolations, type Violation } from './history-checker.ts';
import type { Installation } from './installation.ts';
import { Load } from './load.ts';

/** How long (ms) everybody may need until all goes well again after a fault. */
const RECOVERY_MILLISECONDS = 5000;

/** Of several requests, each of which is in the history as well. */
const WALKS: readonly Action[] = ['sign_in', 'authorize', 'log_out'];

export interface TrialOptions extends Pick<CheckOptions, 'keySetMilliseconds' | 'processesFail'> {
  /** Whether the operator's commands are a part of the load. */
  operator?: boolean;
  recoveryMilliseconds?: number;
}

/** The load on an installation while something breaks, and the judgement of it. */
export class Trial {
  readonly load: Load;
  readonly faults: Fault[] = [];
  readonly seed = Number(process.env.LATCHKEY_TEST_SEED ?? Math.floor(Math.random() * 2 ** 31));
  readonly #installation: Installation;
  readonly #mark: number[];

  private constructor(installation: Installation, options: TrialOptions) {
    this.#installation = installation;
    this.#mark = installation.mark();
    const { latchkey, cast, origins } = installation;
    this.load = new Load(latchkey, cast, { seed: this.seed, origins, operator: options.operator ?? false });
  }

  /** Runs `breaking` when the load is under way, and judges what happened. Answers the violations for which `isPromised` says no. */
  static async run(
    installation: Installation,
    options: TrialOptions,
    breaking: (trial: Trial) => Promise<unknown>,
    isPromised: (violation: Violation, trial: Trial) => boolean = () => true,
  ): Promise<{ trial: Trial; unpromised: Violation[] }> {
    const trial = new Trial(installation, options);
    try {
      await trial.goesWell();
      await breaking(trial);
      await trial.goesWell();
    } finally {
      await trial.load.end();
    }
    const violations = findViolations(trial.load.history.events, {
      ...options,
      faults: trial.faults,
      recoveryMilliseconds: options.recoveryMilliseconds ?? RECOVERY_MILLISECONDS,
    });
    const broken = violations.filter((violation) => isPromised(violation, trial));
    const log = trial.#troubles();
    const words = [
      `LATCHKEY_TEST_SEED=${trial.seed}, faults: ${JSON.stringify(trial.faults)}`,
      describeViolations(broken),
      ...log.slice(0, 5).map((line) => JSON.stringify(line)),
    ];
    expect(broken.length + log.length, words.join('\n')).to.equal(0);
    return { trial, unpromised: violations.filter((violation) => !broken.includes(violation)) };
  }

  /** Waits until everything that is always done was done a few times from now on. */
  async goesWell(times = 3): Promise<void> {
    const since = performance.now();
    await eventually('all goes well', () => this.load.hasSucceeded(since, times), 60_000).catch((error) => {
      const last = this.load.history.events.slice(-20).map((event) => JSON.stringify(event));
      throw new Error(`${error.message}; last:\n${last.join('\n')}`);
    });
  }

  /** Breaks something for the time of `work`, and notes when that was. */
  async fault(name: string, work: () => Promise<unknown>): Promise<Fault> {
    const fault: Fault = { name, start: performance.now(), end: Number.POSITIVE_INFINITY };
    this.faults.push(fault);
    await work();
    fault.end = performance.now();
    return fault;
  }

  /** Lets the load go on for so long (ms): that is what is to be seen. */
  async lasts(milliseconds: number): Promise<void> {
    const until = performance.now() + milliseconds;
    await eventually('the time is over', () => performance.now() > until, milliseconds + 5000);
  }

  /** How long (ms) after a moment the first request that began later was answered with success. */
  firstSuccessAfter(moment: number): number {
    const { history } = this.load;
    const first = ['redeem', 'refresh', 'sign_in'] as const;
    const ends = first.flatMap((action) => history.successes(action, moment).map(({ end }) => end));
    return Math.min(...ends) - moment;
  }

  /** Whether anything was answered with 503 in the fault that lasts. */
  get hasRefused(): boolean {
    const fault = this.faults.at(-1);
    return fault !== undefined && this.refusals(fault).count > 0;
  }

  /** Requests of a fault that were answered with 503: how many there were, and how long (ms) the slowest took. */
  refusals(fault: Fault): { count: number; slowest: number } {
    const refused = this.load.history.events.filter(
      ({ action, status, start }) =>
        !WALKS.includes(action) && status === 503 && start >= fault.start && start <= fault.end,
    );
    return { count: refused.length, slowest: Math.max(0, ...refused.map(({ start, end }) => end - start)) };
  }

  /** What must not be in a log: anything unhandled, and errors but those of stores in trouble and of workers that were killed. */
  #troubles(): LogLine[] {
    return this.#installation
      .logSince(this.#mark)
      .filter(
        ({ level, status, msg }) => level >= 60 || /unhandled|uncaught/i.test(msg) || Number(status) === 500,
      );
  }
}
