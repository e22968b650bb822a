import type { Log } from '../../observability/log.ts';

/** A check rejects (or throws) while the process should get no traffic. */
export type ReadinessCheck = () => unknown;

/** Why a check fails, in words for whoever reads the management port. */
export class NotReady extends Error {
  override name = 'NotReady';
}

export interface CheckResult {
  name: string;
  /** Undefined when it passed. */
  problem: string | undefined;
}

/** How long (ms) a check may take; orchestrators ask with a patience of a few seconds. */
const CHECK_MILLISECONDS = 2000;

async function withinTime(check: ReadinessCheck): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new NotReady('it does not answer in time')), CHECK_MILLISECONDS);
  });
  try {
    await Promise.race([Promise.resolve().then(check), late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Whether this process should get traffic. Whoever asks while the checks are under way gets the same answer, so that asking
 * often costs the stores nothing more. What changes is logged, with its cause; the answer tells the words of errors that
 * `isTellable` alone.
 */
export class Readiness {
  readonly #checks: ReadonlyArray<readonly [name: string, check: ReadinessCheck]>;
  readonly #isTellable: (error: Error) => boolean;
  readonly #log: Log;
  readonly #failing = new Set<string>();
  #underWay: Promise<CheckResult[]> | undefined;

  constructor(options: {
    checks: Readonly<Record<string, ReadinessCheck>>;
    isTellable: (error: Error) => boolean;
    log: Log;
  }) {
    this.#checks = Object.entries(options.checks);
    this.#isTellable = options.isTellable;
    this.#log = options.log;
  }

  /** The result of every check; takes two seconds at most. */
  judge(): Promise<CheckResult[]> {
    this.#underWay ??= Promise.all(this.#checks.map((check) => this.#run(check))).finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  async #run([name, check]: readonly [string, ReadinessCheck]): Promise<CheckResult> {
    try {
      await withinTime(check);
      if (this.#failing.delete(name)) this.#log.info({ check: name }, 'ready again');
      return { name, problem: undefined };
    } catch (error) {
      if (!this.#failing.has(name)) {
        // What a check found out by itself has no stack that would tell more.
        const why = error instanceof NotReady ? { reason: error.message } : { err: error };
        this.#log.warn({ check: name, ...why }, 'not ready');
      }
      this.#failing.add(name);
      const isTellable = error instanceof NotReady || (error instanceof Error && this.#isTellable(error));
      return { name, problem: isTellable ? error.message : 'it failed; the log tells why' };
    }
  }
}
