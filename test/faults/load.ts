import type { Application, Credentials } from '../flows/application.ts';
import type { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { type Action, History } from './history.ts';
import { Operator, type Subject } from './operator.ts';
import { Pace, randomNumbers } from './pace.ts';
import { RecordedClient } from './recorded-client.ts';
import { readDocuments, Service, type ServiceRegistration } from './service.ts';
import { Visitor } from './visitor.ts';

/** Who takes part. */
export interface Cast {
  app: Application;
  service: ServiceRegistration;
  people: Credentials[];
  /** Whom the operator disables and gives other passwords. */
  subject: Subject;
}

/** How many visitors there are at once. */
const VISITORS = 6;
/** How many codes of the end are presented once more. */
const REPLAYS = 60;

/** What everybody does all the time. */
const ALWAYS_DONE: readonly Action[] = [
  'sign_in',
  'redeem',
  'refresh',
  'assert',
  'prove',
  'jwks',
  'discovery',
];

/** Real OAuth flows of many at once, with a history of all of it. */
export class Load {
  readonly history = new History();
  readonly #pace: Pace;
  readonly #visitors: Visitor[];
  readonly #operator: Operator | undefined;
  readonly #lives: Promise<void>[];

  /** Begins at once. `origins` are those of the processes; `operator` says whether commands are run as well. */
  constructor(
    latchkey: LatchkeyProcess,
    cast: Cast,
    options: { seed: number; origins: string[]; operator: boolean },
  ) {
    this.#pace = new Pace(randomNumbers(options.seed));
    const client = new RecordedClient(this.history, latchkey.issuer, options.origins);
    this.#visitors = Array.from({ length: VISITORS }, () => new Visitor(client, cast.app, this.#pace));
    this.#operator = options.operator ? new Operator(latchkey, client, cast.app, this.#pace) : undefined;
    this.#lives = [
      ...this.#visitors.map((visitor, index) =>
        visitor.live(cast.people[index % cast.people.length] as Credentials),
      ),
      new Service(client, cast.service, this.#pace).live(),
      readDocuments(client, this.#pace),
      ...(this.#operator === undefined ? [] : [this.#operator.live(cast.subject)]),
    ];
    // A bug of the test itself is told when the lives are waited for.
    for (const life of this.#lives) life.catch(() => {});
  }

  /** Whether everything that is done all the time has succeeded so often since a moment. */
  hasSucceeded(since: number, times: number): boolean {
    return ALWAYS_DONE.every((action) => this.history.successes(action, since).length >= times);
  }

  /** Ends it when everybody has finished what they had begun, and then looks whether everything is as it was told. */
  async end(): Promise<void> {
    this.#pace.stop();
    await Promise.all(this.#lives);
    const visitors = [...this.#visitors, ...(this.#operator === undefined ? [] : [this.#operator.visitor])];
    await inTurns(visitors, async (visitor) => {
      for (const family of visitor.families) {
        if (family.state === 'alive') await visitor.refresh(family);
        else if (family.state === 'ended') await visitor.tryEnded(family);
      }
    });
    const families = visitors.flatMap((visitor) => visitor.families.map((family) => ({ visitor, family })));
    await inTurns(families.slice(-REPLAYS), ({ visitor, family }) => visitor.replay(family));
  }
}

/** A few at a time. */
async function inTurns<Item>(items: Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: 6 }, worker));
}
