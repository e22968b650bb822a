import {
  type Action,
  type Fault,
  type HistoryEvent,
  isUncertain,
  type Moment,
  succeeded,
} from './history.ts';

/** What must hold, whatever breaks. */
export const INVARIANTS = {
  single_use: 'no code, assertion or proof is accepted twice',
  endings_are_final:
    'what ended with an acknowledged revocation, log-out, disabling or change of password is never accepted again',
  acknowledged_is_kept:
    'nobody who did everything as they should is refused what they were given: no acknowledged code, rotation or session is lost, and no family is revoked by a fault',
  known_keys: 'no token is signed by a key that a client lacks who keeps the key set for as long as it may',
  documents_answer: 'the key set and discovery answer, whatever store is in trouble',
  no_server_error: 'nothing is answered as if the server had a bug',
  refused_only_in_faults: 'nothing fails but during a fault and a few seconds after it',
} as const;

export type Invariant = keyof typeof INVARIANTS;

export interface Violation {
  invariant: Invariant;
  /** What was acknowledged and is not so; undefined where nothing was. */
  acknowledgedAt?: Moment;
  events: HistoryEvent[];
}

export interface CheckOptions {
  faults?: readonly Fault[];
  /** How long (ms) after a fault something may still fail for it. */
  recoveryMilliseconds?: number;
  /** How long (ms) a client may keep the key set. */
  keySetMilliseconds?: number;
  /** Processes themselves were broken, so that also documents may go unanswered during a fault. */
  processesFail?: boolean;
}

const ENDINGS: readonly Action[] = ['revoke', 'log_out', 'disable', 'set_password'];
/** What shows that a token, a code or a session counts. */
const USES: readonly Action[] = ['redeem', 'refresh', 'userinfo', 'introspect', 'authorize'];

/** Everything in a history that must not be. */
export function findViolations(
  events: readonly HistoryEvent[],
  { faults = [], recoveryMilliseconds = 3000, keySetMilliseconds, processesFail = false }: CheckOptions = {},
): Violation[] {
  const failing = (from: Moment, to: Moment): boolean =>
    faults.some(({ start, end }) => from <= end + recoveryMilliseconds && to >= start);
  return [
    ...acceptedTwice(events),
    ...acceptedAfterItsEnd(events),
    ...lostThoughAcknowledged(events),
    ...(keySetMilliseconds === undefined ? [] : signedByUnknownKeys(events, keySetMilliseconds)),
    ...events.flatMap((event): Violation[] => {
      const { action, status, start, end } = event;
      if (status !== undefined && status >= 500 && status !== 503) {
        return [{ invariant: 'no_server_error', events: [event] }];
      }
      if (!isUncertain(event)) return [];
      const isDocument = action === 'jwks' || action === 'discovery';
      if (isDocument && !(processesFail && failing(start, end))) {
        return [{ invariant: 'documents_answer', events: [event] }];
      }
      return failing(start, end) ? [] : [{ invariant: 'refused_only_in_faults', events: [event] }];
    }),
  ];
}

function acceptedTwice(events: readonly HistoryEvent[]): Violation[] {
  const once: readonly Action[] = ['redeem', 'assert', 'prove'];
  const accepted = events.filter((event) => once.includes(event.action) && succeeded(event));
  return [...Map.groupBy(accepted, ({ action, presented }) => `${action} ${presented}`).values()]
    .filter(({ length }) => length > 1)
    .map((twice) => ({
      invariant: 'single_use',
      acknowledgedAt: Math.min(...twice.map(({ end }) => end)),
      events: twice,
    }));
}

/** When a code was asked for, by the family that came of it: what an ending of that time ends. */
function begunAt(events: readonly HistoryEvent[]): (event: HistoryEvent) => Moment {
  const begun = new Map<string, Moment>();
  for (const { action, issued, start } of events) {
    if (action !== 'authorize' && action !== 'sign_in') continue;
    for (const code of issued ?? []) begun.set(code, start);
  }
  // A family is called by its code.
  return ({ family, start }) => (family === undefined ? undefined : begun.get(family)) ?? start;
}

function concerns(ending: HistoryEvent, { session, person, action }: HistoryEvent): boolean {
  if (ending.action === 'disable' || ending.action === 'set_password') return ending.person === person;
  // A session's tokens for one application share a fate; the session itself does not end with them.
  return ending.session === session && (ending.action === 'log_out' || action !== 'authorize');
}

function acceptedAfterItsEnd(events: readonly HistoryEvent[]): Violation[] {
  const begun = begunAt(events);
  const signIns = new Map<string, Moment>();
  for (const { action, session, start } of events) {
    if (action === 'sign_in' && session !== undefined) signIns.set(session, start);
  }
  const endings = events.filter((event) => ENDINGS.includes(event.action) && succeeded(event));
  return events.flatMap((use): Violation[] => {
    if (use.action === 'sign_in') return byFormerPassword(endings, use);
    if (!USES.includes(use.action) || !succeeded(use)) return [];
    const since = use.action === 'authorize' ? (signIns.get(use.session ?? '') ?? 0) : begun(use);
    const ending = endings.find((one) => concerns(one, use) && since < one.start && one.end < use.start);
    return ending === undefined
      ? []
      : [{ invariant: 'endings_are_final', acknowledgedAt: ending.end, events: [ending, use] }];
  });
}

function byFormerPassword(endings: readonly HistoryEvent[], signIn: HistoryEvent): Violation[] {
  const changes = endings.filter(
    ({ action, person }) => action === 'set_password' && person === signIn.person,
  );
  const last = changes.findLast(({ end }) => end < signIn.start);
  const isCurrent = changes.some(
    (change) => change.end >= (last?.end ?? 0) && change.issued?.includes(signIn.presented ?? ''),
  );
  if (!succeeded(signIn) || last === undefined || isCurrent) return [];
  return [{ invariant: 'endings_are_final', acknowledgedAt: last.end, events: [last, signIn] }];
}

function isRefused(event: HistoryEvent): boolean {
  if (event.action === 'introspect') return event.active === false;
  return event.status !== undefined && event.status >= 400 && event.status < 500;
}

function lostThoughAcknowledged(events: readonly HistoryEvent[]): Violation[] {
  const begun = begunAt(events);
  const endings = events.filter(({ action }) => ENDINGS.includes(action));
  // Whoever presents a code twice, if only since the first answer was lost, ends what it was given, and all that its session was given before.
  const repeated = events.filter(
    (event) => event.action === 'redeem' && (event.honest !== true || !succeeded(event)),
  );
  return events.flatMap((use): Violation[] => {
    if (use.honest !== true || !USES.includes(use.action) || !isRefused(use)) return [];
    const since = begun(use);
    const isExcused =
      endings.some((ending) => concerns(ending, use) && ending.start < use.end && ending.end > since) ||
      (use.action !== 'authorize' &&
        repeated.some(
          (other) =>
            other !== use && other.session === use.session && other.start < use.end && other.end > since,
        ));
    if (isExcused) return [];
    const source = events.findLast(
      (event) =>
        succeeded(event) &&
        (use.action === 'authorize'
          ? event.action === 'sign_in' && event.session === use.session
          : event.issued?.includes(use.presented ?? '') === true),
    );
    return [
      {
        invariant: 'acknowledged_is_kept',
        ...(source === undefined ? {} : { acknowledgedAt: source.end }),
        events: source === undefined ? [use] : [source, use],
      },
    ];
  });
}

function signedByUnknownKeys(events: readonly HistoryEvent[], keySetMilliseconds: number): Violation[] {
  const sets = events.filter((event) => event.action === 'jwks' && succeeded(event));
  return events.flatMap((event): Violation[] => {
    if (event.action === 'jwks' || event.kids === undefined) return [];
    const { end, kids } = event;
    const lacking = sets.find(
      (set) =>
        set.end <= end &&
        end < set.start + keySetMilliseconds &&
        !kids.every((kid) => set.kids?.includes(kid)),
    );
    return lacking === undefined ? [] : [{ invariant: 'known_keys', events: [lacking, event] }];
  });
}

/** Words for a failed test. */
export function describeViolations(violations: readonly Violation[]): string {
  return violations
    .slice(0, 10)
    .map(({ invariant, events }) =>
      [INVARIANTS[invariant], ...events.map((event) => `    ${describeEvent(event)}`)].join('\n'),
    )
    .join('\n');
}

function describeEvent({ start, end, ...event }: HistoryEvent): string {
  const short = (_name: string, value: unknown) => (typeof value === 'string' ? value.slice(0, 80) : value);
  return `${start.toFixed(0)}–${end.toFixed(0)} ms ${JSON.stringify(event, short)}`;
}
