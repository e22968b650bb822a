import type { Configuration } from '../../../config/configuration.ts';
import type { Account } from '../../accounts/account-adapter.ts';
import type { Database } from '../../database/database.ts';
import type { Events } from '../../observability/events.ts';
import type { Log } from '../../observability/log.ts';
import { MULTI_FACTOR, satisfies } from '../assurance.ts';
import { relyingParty } from '../passkeys/passkey-party.ts';
import { SecondFactorThrottle } from '../throttling/second-factor-throttle.ts';
import type { ThrottleCounters } from '../throttling/throttle-counters.ts';
import { type CountFactors, countFactors } from './factor-counts.ts';
import { MailCodes } from './mail-codes.ts';
import { RecoveryCodes } from './recovery-codes.ts';
import { RememberedDevices } from './remembered-devices.ts';
import { Totp, type TotpEnrolment, type TotpLabel } from './totp.ts';

/** The ways to take a second step, strongest first. */
export const SECOND_WAYS = ['passkey', 'totp', 'mail', 'recovery-code'] as const;

export type SecondWay = (typeof SECOND_WAYS)[number];

/** What can be set up in the middle of a sign-in. */
export type SetUpWay = 'totp' | 'passkey';

/** What each way can prove, as `amr` values (RFC 8176). A recovery code is a one-time password as well. */
const METHODS_OF: Readonly<Record<SecondWay, readonly string[]>> = {
  passkey: ['pop'],
  totp: ['otp'],
  mail: ['mca'],
  'recovery-code': ['otp'],
};

/** What a person has to take a second step with. */
export interface PersonFactors {
  totp: boolean;
  passkeys: number;
  /** Whether one of them is in hardware that its maker vouches for: see passkeyMethods. */
  attestedPasskey: boolean;
  /** Which passkeys could be added: none where there are none, else whatever kind the operator takes. */
  newPasskeys: 'none' | 'any' | 'attested';
  /** How many are left. */
  recoveryCodes: number;
  /** Where a code can be sent, if it may be. */
  email: string | undefined;
}

export type CodeJudgement =
  | { outcome: 'verified'; methods: readonly string[] }
  | { outcome: 'refused' }
  /** `retryAfter` in whole seconds, at least 1. */
  | { outcome: 'throttled'; retryAfter: number }
  | { outcome: 'unavailable' };

export type TotpConfirmation =
  /** `recoveryCodes` where the person had none: this is the one time that they can be shown. */
  | { outcome: 'confirmed'; recoveryCodes: string[] | undefined }
  | { outcome: 'refused' | 'expired' | 'present' }
  | { outcome: 'throttled'; retryAfter: number }
  | { outcome: 'unavailable' };

/** Whether a person has set up a second step: then sign-in asks for it. */
export function isEnrolled({ totp, passkeys }: PersonFactors): boolean {
  return totp || passkeys > 0;
}

/** The ways that a person has, and that together with what is proved are worth one of each list of `acr` values. */
export function waysToReach(
  factors: PersonFactors,
  proved: readonly string[],
  demanded: ReadonlyArray<readonly string[]>,
): SecondWay[] {
  const has: Record<SecondWay, boolean> = {
    passkey: factors.passkeys > 0,
    totp: factors.totp,
    mail: factors.email !== undefined,
    'recovery-code': factors.recoveryCodes > 0,
  };
  return SECOND_WAYS.filter((way) => {
    const best = way === 'passkey' && factors.attestedPasskey ? [...proved, 'hwk'] : proved;
    return has[way] && reaches(way, best, demanded);
  });
}

/** What a person could set up that together with what is proved would be worth one of each list of `acr` values. */
export function setUpsToReach(
  { totp, newPasskeys }: PersonFactors,
  proved: readonly string[],
  demanded: ReadonlyArray<readonly string[]>,
): SetUpWay[] {
  const best = newPasskeys === 'attested' ? [...proved, 'hwk'] : proved;
  return [
    ...(!totp && reaches('totp', proved, demanded) ? (['totp'] as const) : []),
    ...(newPasskeys !== 'none' && reaches('passkey', best, demanded) ? (['passkey'] as const) : []),
  ];
}

/**
 * Whether enough is proved to add a factor: whoever has one has used it, or one that is worth as much. So the password alone adds none to an
 * account that has one.
 */
export function mayAddFactor(factors: PersonFactors, proved: readonly string[]): boolean {
  return !(isEnrolled(factors) || factors.recoveryCodes > 0) || satisfies(proved, MULTI_FACTOR);
}

/** Whether this way would be worth one of each list of `acr` values. */
function reaches(
  way: SecondWay,
  proved: readonly string[],
  demanded: ReadonlyArray<readonly string[]>,
): boolean {
  const methods = [...proved, ...METHODS_OF[way]];
  return demanded.every((acrs) => acrs.some((acr) => satisfies(methods, acr)));
}

/**
 * Everything beside the first factor: what people have, judging their codes, setting up and taking away. Each change of
 * factors, but for the end of the recovery codes, forgets the browsers in which the second step was left out, in one transaction. Emits
 * attempt.throttled.
 */
export class SecondFactors {
  readonly totp: Totp;
  readonly recoveryCodes: RecoveryCodes;
  readonly mailCodes: MailCodes;
  readonly devices: RememberedDevices;
  readonly #database: Database;
  readonly #count: CountFactors;
  /** Whether there are any here. */
  readonly #hasPasskeys: boolean;
  readonly #newPasskeys: PersonFactors['newPasskeys'];
  readonly #judging: { throttle: SecondFactorThrottle; events: Events; log: Log } | undefined;
  readonly #mailCode: boolean;

  /** Without `judging` no code is judged: enough for an operator's commands. */
  constructor(options: {
    database: Database;
    configuration: Pick<Configuration, 'issuer' | 'branding' | 'passkeys' | 'secondFactor' | 'throttling'>;
    judging?: { counters: ThrottleCounters; events: Events; log: Log };
  }) {
    const { database, configuration, judging } = options;
    const { secondFactor, throttling } = configuration;
    this.totp = new Totp(database);
    this.recoveryCodes = new RecoveryCodes(database);
    this.mailCodes = new MailCodes(database);
    this.devices = new RememberedDevices(database, {
      seconds: secondFactor.rememberDevice,
      perPerson: secondFactor.rememberedDevices,
    });
    this.#database = database;
    this.#count = countFactors(database);
    this.#hasPasskeys = relyingParty(configuration) !== undefined;
    const { attestation } = configuration.passkeys;
    this.#newPasskeys = !this.#hasPasskeys ? 'none' : attestation === 'required' ? 'attested' : 'any';
    this.#judging = judging && {
      ...judging,
      throttle: new SecondFactorThrottle({
        ...judging,
        database,
        configuration: throttling.secondFactor,
      }),
    };
    this.#mailCode = secondFactor.mailCode;
  }

  /** What a person has, wherever they themselves are kept. */
  async of({ sub, claims }: Pick<Account, 'sub' | 'claims'>): Promise<PersonFactors> {
    const { totp, recoveryCodes, passkeys, attestedPasskeys } = await this.#count(sub);
    const { email, email_verified: verified } = claims;
    return {
      totp: totp > 0,
      passkeys: this.#hasPasskeys ? passkeys : 0,
      attestedPasskey: this.#hasPasskeys && attestedPasskeys > 0,
      newPasskeys: this.#newPasskeys,
      recoveryCodes,
      email: this.#mailCode && typeof email === 'string' && verified === true ? email : undefined,
    };
  }

  /** Judges a code of a person who has proved the first factor. `place`: see MailCodes. */
  async judge(
    way: Exclude<SecondWay, 'passkey'>,
    attempt: { sub: string; code: string; place: string; address: string },
  ): Promise<CodeJudgement> {
    const { sub, code, place, address } = attempt;
    if (way === 'recovery-code') {
      const used = await this.recoveryCodes.use(sub, code);
      return used ? { outcome: 'verified', methods: METHODS_OF[way] } : { outcome: 'refused' };
    }
    return this.#throttled(sub, address, async () =>
      (way === 'totp' ? await this.totp.use(sub, code) : await this.mailCodes.use(sub, place, code))
        ? { outcome: 'verified', methods: METHODS_OF[way] }
        : { outcome: 'refused' },
    );
  }

  beginTotp(sub: string, label: TotpLabel): Promise<TotpEnrolment> {
    return this.totp.begin(sub, label);
  }

  /** Sets an authenticator app up, with recovery codes where there are none yet. */
  confirmTotp(
    sub: string,
    given: { sealed: string; code: string },
    address: string,
  ): Promise<TotpConfirmation> {
    return this.#throttled(sub, address, async () => {
      let recoveryCodes: string[] | undefined;
      const { outcome } = await this.totp.confirm(sub, given, async (transaction, now) => {
        recoveryCodes = await this.recoveryCodes.first(sub, transaction, now);
        await this.devices.forgetIn(transaction, sub);
      });
      return outcome === 'confirmed' ? { outcome, recoveryCodes } : { outcome };
    });
  }

  /** Recovery codes for somebody who has none, with their first second step; undefined when they have some. Of several calls at once one makes them. */
  firstRecoveryCodes(sub: string): Promise<string[] | undefined> {
    return this.#database.transaction((transaction, now) => this.recoveryCodes.first(sub, transaction, now));
  }

  /** New recovery codes in place of all former ones. */
  renewRecoveryCodes(sub: string): Promise<string[]> {
    return this.#database.transaction(async (transaction, now) => {
      await this.devices.forgetIn(transaction, sub);
      return this.recoveryCodes.replace(sub, transaction, now);
    });
  }

  /** Takes the recovery codes away. False: there were none. */
  removeRecoveryCodes(sub: string): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const removed = await transaction
        .deleteFrom('recovery_codes')
        .where('sub', '=', sub)
        .returning('sub')
        .execute();
      return removed.length > 0;
    });
  }

  /** Takes all passkeys away; without any other second step the recovery codes go as well. False: there was none. */
  async removePasskeys(sub: string): Promise<boolean> {
    return this.#hasPasskeys && this.#removeFactor('passkeys', sub);
  }

  /** Takes the authenticator app away; without any other second step the recovery codes go as well. False: there was none. */
  removeTotp(sub: string): Promise<boolean> {
    return this.#removeFactor('totp_secrets', sub);
  }

  /** What is left is asked for in the transaction that takes a factor away: another may be taken away at the same time. */
  #removeFactor(factor: 'passkeys' | 'totp_secrets', sub: string): Promise<boolean> {
    return this.#database.transaction(async (transaction) => {
      const removed = await transaction
        .deleteFrom(factor)
        .where('sub', '=', sub)
        .returning('sub')
        .executeTakeFirst();
      if (removed === undefined) return false;
      await this.devices.forgetIn(transaction, sub);
      const kept = factor === 'passkeys' || !this.#hasPasskeys ? 'totp_secrets' : 'passkeys';
      const left = await transaction.selectFrom(kept).select('sub').where('sub', '=', sub).executeTakeFirst();
      if (left === undefined) await transaction.deleteFrom('recovery_codes').where('sub', '=', sub).execute();
      return true;
    });
  }

  async #throttled<Result extends { outcome: string }>(
    sub: string,
    address: string,
    judge: () => Promise<Result>,
  ): Promise<Result | { outcome: 'throttled'; retryAfter: number } | { outcome: 'unavailable' }> {
    if (this.#judging === undefined) throw new Error('codes are judged by a server alone');
    const { throttle, events, log } = this.#judging;
    try {
      const admittance = await throttle.admit(sub, address);
      if (admittance.outcome === 'throttled') {
        events.emit('attempt.throttled', { kind: 'second_factor', address });
        log.warn({ address }, 'codes of a second step are guessed: somebody has the password');
        return admittance;
      }
      const result = await judge();
      if (['verified', 'confirmed'].includes(result.outcome)) await admittance.wasRight();
      return result;
    } catch (err) {
      // Unable to count, unable to judge: guessing must not be free while a store is in trouble.
      log.error({ err }, 'the code of a second step was not judged');
      return { outcome: 'unavailable' };
    }
  }
}
