/**
 * Proofs that somebody is who they say: password, passkey, second factors, links sent by mail. This room refuses guessing (login-throttle.ts),
 * passwords that everybody tries first (password-policy.ts) and more hashing at once than the machine bears (password-hasher.ts). It tells
 * nobody whether a login exists: unknown, disabled and wrong look alike and cost alike. It answers for OAuth Security BCP,
 * for NIST SP 800-63B-4 §3.1.1 (passwords) and §3.2.2 (rate limiting; but no account is disabled by failures, see
 * docs/decisions/0006-login-throttling.md), and for `amr` values of RFC 8176.
 */
import type { Account, AccountAdapter } from '../../accounts/account-adapter.ts';
import type { Database } from '../../database/database.ts';
import type { Events } from '../../observability/events.ts';
import type { Log } from '../../observability/log.ts';
import { countedAttempt } from '../counted-attempt.ts';
import type { KnownBrowsers } from '../known-browsers.ts';
import { type Admittance, type LoginLimits, LoginThrottle } from '../throttling/login-throttle.ts';
import type { ThrottleCounters } from '../throttling/throttle-counters.ts';
import { isTooLong } from './password-policy.ts';

export type SignInOutcome =
  /** `methods` are `amr` values (RFC 8176). The caller emits login.succeeded, knowing the client. */
  | { outcome: 'authenticated'; account: Account; methods: string[] }
  /** `expired`: the password is right, and has to be changed where people are kept. */
  | { outcome: 'refused'; expired?: true }
  /** `retryAfter` in whole seconds: an attempt made then is judged. */
  | { outcome: 'throttled'; retryAfter: number }
  | { outcome: 'unavailable' };

/** One attempt. */
export interface PasswordProof {
  login: string;
  password: string;
  /** The person's own, as the socket or a trusted proxy tells it. */
  address: string;
  /** What the browser holds of people having signed in with it: see KnownBrowsers. */
  browser?: string | undefined;
}

export interface PasswordSignIn {
  /** Judges one attempt. */
  attempt(proof: PasswordProof): Promise<SignInOutcome>;
  /**
   * Tells a login, as it was typed, for which a wrong password was given, and from where. Not an event: what people type is for no log.
   * The listener must do nothing that takes time.
   */
  onWrongPassword(listener: (login: string, address: string) => void): void;
}

/** Sign-in by password. Emits login.failed and login.throttled. */
export function createPasswordSignIn(options: {
  accounts: AccountAdapter;
  counters: ThrottleCounters;
  database: Pick<Database, 'sealer'>;
  knownBrowsers: KnownBrowsers;
  configuration: { throttling: { login: LoginLimits } };
  events: Events;
  log: Log;
}): PasswordSignIn {
  const { accounts, events, log, knownBrowsers } = options;
  const wrongPasswords: ((login: string, address: string) => void)[] = [];
  const throttle = new LoginThrottle({
    counters: options.counters,
    database: options.database,
    configuration: options.configuration.throttling.login,
  });

  async function admit({ login, address, browser }: PasswordProof): Promise<Admittance> {
    const known = await knownBrowsers.find(login, browser);
    if (known !== undefined) {
      const admission = await throttle.admitKnown(known, login, address);
      if (admission !== undefined) return { outcome: 'admitted', admission };
      await knownBrowsers.forgetOne(known);
    }
    return throttle.admit(login, address);
  }

  async function judge({ login, password, address }: PasswordProof): Promise<SignInOutcome> {
    const verification = isTooLong(password)
      ? ({ outcome: 'refused', reason: 'wrong_password' } as const)
      : await accounts.verifyPassword(login, password);
    switch (verification.outcome) {
      case 'verified':
        return { outcome: 'authenticated', account: verification.account, methods: ['pwd'] };
      case 'refused':
        events.emit('login.failed', { reason: verification.reason, address });
        if (verification.reason === 'wrong_password') {
          for (const listener of wrongPasswords) listener(login, address);
        }
        log.info({ reason: verification.reason, address, login: throttle.nameForLog(login) }, 'login failed');
        return verification.reason === 'password_expired'
          ? { outcome: 'refused', expired: true }
          : { outcome: 'refused' };
      case 'unavailable':
        events.emit('login.failed', { reason: 'unavailable', address });
        log.warn(
          { address, err: verification.cause },
          'login not judged: the user base is unavailable or too busy',
        );
        return { outcome: 'unavailable' };
    }
  }

  return {
    onWrongPassword: (listener) => wrongPasswords.push(listener),
    attempt: (proof) =>
      countedAttempt<SignInOutcome>(
        { events, log },
        {
          address: proof.address,
          admit: () => admit(proof),
          judge: () => judge(proof),
          nameForLog: () => throttle.nameForLog(proof.login),
        },
      ),
  };
}
