import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Admission,
  type LoginLimits,
  LoginThrottle,
} from '../../lib/authentication/throttling/login-throttle.ts';
import { SqliteThrottleCounters } from '../../lib/authentication/throttling/sqlite-throttle-counters.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';

/** The default limits, by which the numbers of the tests are to be read. */
export const LIMITS: LoginLimits = { perAccount: 10, perAddress: 100, window: 900 };

/** `Date.now` of this process while a test runs: it stands still, and goes ahead as far as the test wants. */
export class MovableClock {
  readonly #real = Date.now;
  #time = Date.now();

  constructor() {
    Date.now = () => this.#time;
  }

  advance(seconds: number): void {
    this.#time += seconds * 1000;
  }

  restore(): void {
    Date.now = this.#real;
  }
}

/** A data directory and as many throttles on it, each with a connection of its own, as a test wants. */
export class ThrottleBench {
  readonly dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-throttle-'));
  readonly #opened: Database[] = [];

  async open(configuration: LoginLimits = LIMITS): Promise<{ throttle: LoginThrottle; database: Database }> {
    const database = await openDatabase({ dataDir: this.dataDir, encryptionKey: [] });
    const counters = new SqliteThrottleCounters(database);
    this.#opened.push(database);
    return { throttle: new LoginThrottle({ counters, database, configuration }), database };
  }

  /** Closes all that is open, as a stop of every process does. */
  async stop(): Promise<void> {
    for (const database of this.#opened.splice(0)) await database.close();
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** What an attempt meets: `admitted`, or what makes it wait. */
export async function knock(throttle: LoginThrottle, login: string, address: string): Promise<string> {
  const admittance = await throttle.admit(login, address);
  return admittance.outcome === 'admitted' ? 'admitted' : admittance.scope;
}

/** Fails as often as told, one attempt after the other; tells how many were admitted. */
export async function failTimes(
  throttle: LoginThrottle,
  times: number,
  attempt: (index: number) => [login: string, address: string],
): Promise<number> {
  let admitted = 0;
  for (let index = 0; index < times; index += 1) {
    if ((await knock(throttle, ...attempt(index))) === 'admitted') admitted += 1;
  }
  return admitted;
}

/** An attempt that must be admitted. */
export async function admitted(throttle: LoginThrottle, login: string, address: string): Promise<Admission> {
  const admittance = await throttle.admit(login, address);
  if (admittance.outcome !== 'admitted') {
    throw new Error(`throttled by ${admittance.scope} for ${admittance.retryAfter} s`);
  }
  return admittance.admission;
}

/** How long an attempt has to wait, in seconds. */
export async function waitOf(throttle: LoginThrottle, login: string, address: string): Promise<number> {
  const admittance = await throttle.admit(login, address);
  if (admittance.outcome !== 'throttled') throw new Error('admitted');
  return admittance.retryAfter;
}
