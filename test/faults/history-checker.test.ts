import { expect } from 'chai';
import { type Fault, History, type HistoryEvent } from './history.ts';
import {
  type CheckOptions,
  describeViolations,
  findViolations,
  INVARIANTS,
  type Invariant,
} from './history-checker.ts';

type Told = Partial<HistoryEvent> & Pick<HistoryEvent, 'action' | 'start'>;

const FAULT: Fault = { name: 'the store is away', start: 1000, end: 2000 };

/** A sign-in and what it led to: code `a`, then refresh tokens `r1`, `r2`, by somebody honest. */
const ADA = { person: 'ada', session: 'laptop', family: 'a', honest: true };
const SIGN_IN: Told = { action: 'sign_in', start: 0, person: 'ada', session: 'laptop', issued: ['a'] };
const REDEEMED: Told = { action: 'redeem', start: 10, ...ADA, presented: 'a', issued: ['r1', 'x1'] };
const RENEWED: Told = { action: 'refresh', start: 20, ...ADA, presented: 'r1', issued: ['r2', 'x2'] };
const BEFORE = [SIGN_IN, REDEEMED, RENEWED];

/** Answered with success five milliseconds later, unless it says otherwise. */
function historyOf(told: Told[]): HistoryEvent[] {
  const history = new History();
  for (const event of told) {
    const status = 'status' in event ? event.status : 200;
    history.add({ end: event.start + 5, ...event, status });
  }
  return history.events;
}

const invariantsOf = (told: Told[], options: CheckOptions = {}): Invariant[] =>
  findViolations(historyOf(told), options).map(({ invariant }) => invariant);

/** What each invariant objects to. */
const VIOLATIONS: [what: string, invariant: Invariant, told: Told[], options?: CheckOptions][] = [
  [
    'a code that two processes accept',
    'single_use',
    [SIGN_IN, REDEEMED, { ...REDEEMED, start: 11, honest: false, issued: ['r9', 'x9'] }],
  ],
  [
    'an assertion shown twice',
    'single_use',
    [10, 11].map((start) => ({ action: 'assert', start, presented: 'j' })),
  ],
  [
    'a proof shown twice',
    'single_use',
    [10, 900].map((start) => ({ action: 'prove', start, presented: 'j' })),
  ],
  [
    'a refresh token that works after its revocation was acknowledged',
    'endings_are_final',
    [
      ...BEFORE,
      { action: 'revoke', start: 30, ...ADA, presented: 'r2' },
      { ...RENEWED, start: 40, presented: 'r2' },
    ],
  ],
  [
    'an access token that is active after a revocation',
    'endings_are_final',
    [
      ...BEFORE,
      { action: 'revoke', start: 30, ...ADA },
      { action: 'introspect', start: 40, ...ADA, presented: 'x2', active: true },
    ],
  ],
  [
    'a token of the session after a log-out',
    'endings_are_final',
    [
      ...BEFORE,
      { action: 'log_out', start: 30, person: 'ada', session: 'laptop' },
      { action: 'userinfo', start: 40, ...ADA, presented: 'x2' },
    ],
  ],
  [
    'the session itself after a log-out',
    'endings_are_final',
    [
      ...BEFORE,
      { action: 'log_out', start: 30, person: 'ada', session: 'laptop' },
      { action: 'authorize', start: 40, person: 'ada', session: 'laptop', issued: ['b'] },
    ],
  ],
  [
    'a code that was under way when its person was disabled',
    'endings_are_final',
    [SIGN_IN, { action: 'disable', start: 6, end: 9, person: 'ada' }, REDEEMED],
  ],
  [
    'a session of before a change of password',
    'endings_are_final',
    [
      SIGN_IN,
      { action: 'set_password', start: 30, person: 'ada', issued: ['new'] },
      { action: 'authorize', start: 40, person: 'ada', session: 'laptop', issued: ['b'] },
    ],
  ],
  [
    'the password of before its change',
    'endings_are_final',
    [
      { action: 'set_password', start: 30, person: 'ada', issued: ['new'] },
      { ...SIGN_IN, start: 40, presented: 'old' },
    ],
  ],
  [
    'a rotation that was acknowledged and is not known any more',
    'acknowledged_is_kept',
    [...BEFORE, { ...RENEWED, start: 30, presented: 'r2', status: 400 }],
  ],
  [
    'a family that ended since its client repeated what was not answered',
    'acknowledged_is_kept',
    [SIGN_IN, REDEEMED, { ...RENEWED, status: 503 }, { ...RENEWED, start: 30, status: 400 }],
    { faults: [{ ...FAULT, start: 0, end: 25 }] },
  ],
  [
    'an access token that is inactive too early',
    'acknowledged_is_kept',
    [...BEFORE, { action: 'introspect', start: 30, ...ADA, presented: 'x2', active: false }],
  ],
  ['a code that is not known', 'acknowledged_is_kept', [SIGN_IN, { ...REDEEMED, status: 400 }]],
  [
    'a session that is not known',
    'acknowledged_is_kept',
    [
      SIGN_IN,
      { action: 'authorize', start: 30, person: 'ada', session: 'laptop', honest: true, status: 400 },
    ],
  ],
  [
    'a token signed by a key that a kept key set lacks',
    'known_keys',
    [
      { action: 'jwks', start: 10, kids: ['one'] },
      { ...REDEEMED, start: 500, kids: ['two'] },
    ],
    { keySetMilliseconds: 1000 },
  ],
  [
    'a key set that is not there while a store is away',
    'documents_answer',
    [{ action: 'jwks', start: 1500, status: 503 }],
    { faults: [FAULT] },
  ],
  [
    'a key set that nobody answers with while a store is away',
    'documents_answer',
    [{ action: 'discovery', start: 1500, status: undefined }],
    { faults: [FAULT] },
  ],
  [
    'a 500, also during a fault',
    'no_server_error',
    [{ ...REDEEMED, start: 1500, status: 500 }],
    { faults: [FAULT] },
  ],
  [
    'a 503 without a fault',
    'refused_only_in_faults',
    [{ ...REDEEMED, start: 500, status: 503 }],
    { faults: [FAULT] },
  ],
  [
    'a connection that is lost long after a fault',
    'refused_only_in_faults',
    [{ ...REDEEMED, start: 9000, status: undefined }],
    { faults: [FAULT] },
  ],
];

/** What looks like a violation and is none. */
const ALLOWED: [what: string, told: Told[], options?: CheckOptions][] = [
  [
    'a use that began before its revocation was acknowledged',
    [
      ...BEFORE,
      { action: 'revoke', start: 30, end: 60, ...ADA },
      { ...RENEWED, start: 50, end: 70, presented: 'r2' },
    ],
  ],
  [
    'a use after a revocation that was not acknowledged',
    [
      ...BEFORE,
      { action: 'revoke', start: 1500, status: 503, ...ADA },
      { ...RENEWED, start: 1600, presented: 'r2' },
    ],
    { faults: [FAULT] },
  ],
  [
    'a refusal after a revocation of which nobody knows',
    [
      ...BEFORE,
      { action: 'revoke', start: 1500, status: undefined, ...ADA },
      { ...RENEWED, start: 1600, presented: 'r2', status: 400 },
    ],
    { faults: [FAULT] },
  ],
  [
    'a family that began after the log-out of another session',
    [
      ...BEFORE,
      { action: 'log_out', start: 30, person: 'ada', session: 'phone' },
      { ...RENEWED, start: 40, presented: 'r2' },
    ],
  ],
  [
    'a family that began in the session after another one’s revocation',
    [
      ...BEFORE,
      { action: 'revoke', start: 30, ...ADA },
      { action: 'authorize', start: 40, person: 'ada', session: 'laptop', issued: ['b'] },
      { ...REDEEMED, start: 50, family: 'b', presented: 'b', issued: ['r5', 'x5'] },
    ],
  ],
  [
    'a refusal after the code was presented twice',
    [SIGN_IN, REDEEMED, { ...REDEEMED, start: 11, honest: false, status: 400 }, { ...RENEWED, status: 400 }],
  ],
  [
    'a code that is refused when it is repeated',
    [SIGN_IN, { ...REDEEMED, start: 1500, status: undefined }, { ...REDEEMED, start: 1600, status: 400 }],
    { faults: [FAULT] },
  ],
  [
    'a new key, once what was kept has expired',
    [
      { action: 'jwks', start: 10, kids: ['one'] },
      { action: 'jwks', start: 1000, kids: ['one', 'two'] },
      { ...REDEEMED, start: 1100, kids: ['two'] },
    ],
    { keySetMilliseconds: 1000 },
  ],
  ['a 503 a moment after a fault', [{ ...REDEEMED, start: 2500, status: 503 }], { faults: [FAULT] }],
  [
    'documents that nobody answers with while the processes are killed',
    [{ action: 'jwks', start: 1500, status: undefined }],
    { faults: [FAULT], processesFail: true },
  ],
  [
    'the new password, and the old one while it is being changed',
    [
      { action: 'set_password', start: 30, end: 50, person: 'ada', issued: ['new'] },
      { ...SIGN_IN, start: 40, presented: 'old' },
      { ...SIGN_IN, start: 60, presented: 'new' },
    ],
  ],
];

describe('the checker of histories', () => {
  for (const [what, invariant, told, options] of VIOLATIONS) {
    it(`objects to ${what}`, () => {
      expect(invariantsOf(told, options)).to.deep.equal([invariant]);
    });
  }

  for (const [what, told, options] of ALLOWED) {
    it(`has nothing against ${what}`, () => {
      expect(invariantsOf(told, options)).to.deep.equal([]);
    });
  }

  it('has seen every invariant broken', () => {
    expect(new Set(VIOLATIONS.map(([, invariant]) => invariant))).to.have.all.keys(Object.keys(INVARIANTS));
  });

  it('says when it was that something was acknowledged', () => {
    const told = [...BEFORE, { ...RENEWED, start: 30, presented: 'r2', status: 400 }];
    expect(findViolations(historyOf(told))[0]?.acknowledgedAt).to.equal(25);
  });

  it('tells what happened in words', () => {
    const words = describeViolations(findViolations(historyOf([{ ...REDEEMED, start: 500, status: 500 }])));
    expect(words).to.include(INVARIANTS.no_server_error).and.to.include('500–505 ms');
  });
});
