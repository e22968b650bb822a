import type { Application, Credentials } from '../flows/application.ts';
import type { LatchkeyProcess } from '../flows/latchkey-process.ts';
import type { Action, HistoryEvent } from './history.ts';
import type { Pace } from './pace.ts';
import type { RecordedClient } from './recorded-client.ts';
import { Visitor } from './visitor.ts';

/** Somebody whom the operator has trouble with. */
export interface Subject {
  sub: string;
  login: string;
  password: string;
}

/** Disables a person and changes their password by the command line, over and over, while that person signs in. */
export class Operator {
  readonly #latchkey: LatchkeyProcess;
  readonly #client: RecordedClient;
  readonly #pace: Pace;
  readonly visitor: Visitor;

  constructor(latchkey: LatchkeyProcess, client: RecordedClient, app: Application, pace: Pace) {
    this.#latchkey = latchkey;
    this.#client = client;
    this.#pace = pace;
    this.visitor = new Visitor(client, app, pace);
  }

  async live(subject: Subject): Promise<void> {
    for (let turn = 0; this.#pace.isRunning; turn += 1) {
      // Each command is a process, and the machine has more to do.
      await this.#pace.pause(1000);
      const person: Credentials = { login: subject.login, password: subject.password };
      const authorized = await this.visitor.signIn(person);
      const family = authorized && (await this.visitor.redeem(authorized));
      if (family === undefined) continue;
      family.session.remembered = family.session.browser.copy();
      const acknowledged = turn % 2 === 0 ? await this.#disable(subject) : await this.#setPassword(subject);
      family.state = acknowledged ? 'ended' : 'given up';
      await this.visitor.tryEnded(family);
      if (person.password !== subject.password) await this.visitor.signIn(person);
    }
  }

  async #disable({ sub, login }: Subject): Promise<boolean> {
    const about = { person: login };
    const disabled = await this.#pace.persist(() =>
      this.#command('disable', ['users', 'disable', sub], about),
    );
    // Enabled again, nothing of before comes back.
    await this.#pace.persist(() => this.#command('page', ['users', 'enable', sub], about));
    return disabled?.event.status === 200;
  }

  async #setPassword(subject: Subject): Promise<boolean> {
    const password = `a new secret ${Math.floor(this.#pace.random() * 1e9)}`;
    const words = ['users', 'set-password', subject.sub, '--password-stdin'];
    const about = { person: subject.login, issued: [password] };
    // Also of a command that failed nobody knows what it did: it is repeated until it has succeeded.
    const changed = await this.#pace.persist(() => this.#command('set_password', words, about, password));
    if (changed !== undefined) subject.password = password;
    return changed?.event.status === 200;
  }

  /** Its exit code stands for the answer: 2 says that a store is not there, 3 that one went away in the middle. */
  async #command(
    action: Action,
    words: string[],
    about: Partial<HistoryEvent>,
    input?: string,
  ): Promise<{ event: HistoryEvent }> {
    const start = performance.now();
    const { code, stderr } = await this.#latchkey.command(words, input);
    const end = performance.now();
    const status = code === 0 ? 200 : code === 2 || code === 3 ? 503 : 500;
    const event: HistoryEvent = { action, start, end, status, ...about };
    if (code !== 0) event.error = stderr.slice(0, 200);
    return { event: this.#client.history.add(event) };
  }
}
