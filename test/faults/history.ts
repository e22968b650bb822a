/** What a client, a person or an operator does. */
export type Action =
  | 'sign_in'
  | 'authorize'
  | 'redeem'
  | 'refresh'
  | 'userinfo'
  | 'introspect'
  | 'revoke'
  | 'log_out'
  | 'disable'
  | 'set_password'
  | 'assert'
  | 'prove'
  | 'jwks'
  | 'discovery'
  | 'page';

/** A moment on this process's monotonic clock, ms. */
export type Moment = number;

/** One request, or one walk through pages, from its start to its answer. */
export interface HistoryEvent {
  action: Action;
  start: Moment;
  end: Moment;
  /** Of the answer; undefined when there was none: whether it took effect is not known then. */
  status: number | undefined;
  /** The protocol's error, the page's name, or why there was no answer. */
  error?: string;
  person?: string;
  session?: string;
  /** Of tokens: what came of one code. */
  family?: string;
  /** What was presented: a code, a token, an assertion, a password. */
  presented?: string;
  /** What was answered: codes and tokens; of a change of password the new one. */
  issued?: string[];
  /** The answer of introspection. */
  active?: boolean;
  /** Whoever did this does everything as they should: they used nothing twice, and repeat only what was not answered. */
  honest?: boolean;
  /** Keys by which tokens of the answer are signed, or those of a key set. */
  kids?: string[];
}

/** When something was broken, and how. */
export interface Fault {
  name: string;
  start: Moment;
  end: Moment;
}

/** What happened, in the order in which it ended. */
export class History {
  readonly events: HistoryEvent[] = [];

  add(event: HistoryEvent): HistoryEvent {
    this.events.push(event);
    return event;
  }

  /** Those of an action that were answered with success, since a moment. */
  successes(action: Action, since: Moment = 0): HistoryEvent[] {
    return this.events.filter((event) => event.action === action && event.start >= since && succeeded(event));
  }
}

/** Whether an event did what it was meant for. An introspection does so when the token is active. */
export function succeeded({ action, status, active }: HistoryEvent): boolean {
  return status === 200 && (action !== 'introspect' || active === true);
}

/** Whether nobody can know what became of it: no answer, or one that says to try again. */
export function isUncertain({ status }: HistoryEvent): boolean {
  return status === undefined || status === 503;
}
