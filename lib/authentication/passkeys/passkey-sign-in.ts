import { timingSafeEqual } from 'node:crypto';
import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialRequestOptionsJSON,
} from '@simplewebauthn/server';
import type { Configuration } from '../../../config/configuration.ts';
import { type Account, type AccountAdapter, AccountsUnavailable } from '../../accounts/account-adapter.ts';
import type { Database } from '../../database/database.ts';
import type { Events } from '../../observability/events.ts';
import type { Log } from '../../observability/log.ts';
import { countedAttempt } from '../counted-attempt.ts';
import { LoginThrottle } from '../throttling/login-throttle.ts';
import type { ThrottleCounters } from '../throttling/throttle-counters.ts';
import { CHALLENGE_SECONDS, type LivingChallenge, PasskeyChallenges } from './passkey-challenges.ts';
import { readCredential, relyingParty } from './passkey-party.ts';
import { Passkeys, passkeyMethods } from './passkeys.ts';

export type PasskeyRefusal = 'expired' | 'unknown' | 'unverified' | 'copied' | 'refused';

/** `suspected`: whose passkey there may be a copy of, which they must hear of whether they were let in or not. */
export type PasskeySignInOutcome =
  /** `methods` are `amr` values (RFC 8176): see passkeyMethods. */
  | { outcome: 'authenticated'; account: Account; methods: string[]; suspected?: Account | undefined }
  | {
      outcome: 'refused';
      /**
       * `expired`: the challenge is not of this interaction, too old, or was answered; `unknown`: there is no such passkey (any more); `unverified`: the authenticator
       * did not check who it is; `copied`: there may be a copy of it; `refused`: anything else.
       */
      reason: PasskeyRefusal;
      /** The passkey that is unknown, for the authenticator, which may forget it. */
      id?: string;
      suspected?: Account | undefined;
    }
  /** `retryAfter` in whole seconds. */
  | { outcome: 'throttled'; retryAfter: number }
  | { outcome: 'unavailable' };

/** What one answer is judged by. */
export interface PasskeyAttempt {
  /** The interaction's uid: a challenge of another one is nothing here. */
  uid: string;
  /** What the browser sent, as JSON. */
  credential: string;
  /** The person's own, as the socket or a trusted proxy tells it. */
  address: string;
}

/** Sign-in by passkey, alone or after another proof (WebAuthn Level 3 §7.2). */
export interface PasskeySignIn {
  /** What the browser is to ask for: any passkey of this server. It says nothing about any person. */
  options(uid: string): PublicKeyCredentialRequestOptionsJSON;
  /** The same when the person is known, by another proof; undefined when they have no passkey. */
  optionsFor(uid: string, sub: string): Promise<PublicKeyCredentialRequestOptionsJSON | undefined>;
  /** Judges an answer as the only proof: the authenticator must have checked who it is. */
  attempt(attempt: PasskeyAttempt): Promise<PasskeySignInOutcome>;
  /** Judges an answer as a further proof of this person. */
  confirm(sub: string, attempt: PasskeyAttempt): Promise<PasskeySignInOutcome>;
}

/** Sign-in by passkey; undefined where there are none. Emits login.failed, login.throttled and passkey.copy_suspected. */
export function createPasskeySignIn(options: {
  configuration: Pick<Configuration, 'issuer' | 'branding' | 'passkeys'> & {
    throttling: Pick<Configuration['throttling'], 'login'>;
  };
  accounts: AccountAdapter;
  counters: ThrottleCounters;
  database: Database;
  events: Events;
  log: Log;
}): PasskeySignIn | undefined {
  const { configuration, accounts, database, events, log } = options;
  const party = relyingParty(configuration);
  if (party === undefined) {
    if (configuration.passkeys.enabled) {
      log.info('no sign-in by passkey: the issuer’s host is an address, and browsers want a name');
    }
    return undefined;
  }
  const { id: rpId, origin } = party;
  const passkeys = new Passkeys(database);
  const challenges = new PasskeyChallenges(database);
  const throttle = new LoginThrottle({
    counters: options.counters,
    database,
    configuration: configuration.throttling.login,
  });

  const purposeOf = (uid: string, sub?: string): string[] =>
    sub === undefined ? ['sign-in', uid] : ['confirm', uid, sub];

  const requestOf = (
    challenge: string,
    userVerification: 'required' | 'preferred',
  ): PublicKeyCredentialRequestOptionsJSON => ({
    challenge,
    rpId,
    timeout: CHALLENGE_SECONDS * 1000,
    userVerification,
  });

  function refuse(
    reason: PasskeyRefusal,
    { address }: PasskeyAttempt,
    detail: string,
    id?: string,
  ): PasskeySignInOutcome & { outcome: 'refused' } {
    events.emit('login.failed', { reason: `passkey_${detail}`, address });
    log.info({ reason: `passkey_${detail}`, address }, 'login failed');
    return { outcome: 'refused', reason, ...(id === undefined ? {} : { id }) };
  }

  async function judge(attempt: PasskeyAttempt, expected: string | undefined): Promise<PasskeySignInOutcome> {
    const given = readCredential<AuthenticationResponseJSON>(attempt.credential);
    if (given === undefined) return refuse('refused', attempt, 'malformed');
    const passkey = await passkeys.find(given.id);
    if (passkey === undefined) return refuse('unknown', attempt, 'unknown', given.id);
    if (expected !== undefined && passkey.sub !== expected) return refuse('refused', attempt, 'other_person');
    // A passkey that names nobody says who it is of by its handle; one that was asked for need not.
    const { userHandle } = given.response;
    if (userHandle === undefined ? expected === undefined : !isSame(userHandle, passkey.userHandle)) {
      return refuse('refused', attempt, 'other_handle');
    }
    let challenge: LivingChallenge | undefined;
    const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
    const verified = await verifyAuthenticationResponse({
      response: given,
      expectedChallenge: (text) => {
        challenge = challenges.read(text, ...purposeOf(attempt.uid, expected));
        return challenge !== undefined;
      },
      expectedOrigin: origin,
      expectedRPID: rpId,
      // The counter is compared where it is stored, in the transaction that moves it on.
      credential: { id: passkey.id, publicKey: passkey.publicKey, counter: 0 },
      requireUserVerification: false,
    }).catch((err: unknown) => {
      // The library refuses by throwing, whatever was wrong with the answer.
      log.debug({ err }, 'passkey not verified');
      return undefined;
    });
    if (challenge === undefined) return refuse('expired', attempt, 'challenge');
    if (verified?.verified !== true) return refuse('refused', attempt, 'invalid');
    const { userVerified, newCounter, credentialBackedUp } = verified.authenticationInfo;
    if (!userVerified && expected === undefined) return refuse('unverified', attempt, 'unverified');
    const account = await accounts.findBySub(passkey.sub);
    if (account === undefined || account.disabled) return refuse('refused', attempt, 'disabled');
    const use = await passkeys.use(passkey.id, newCounter, credentialBackedUp, challenge);
    if (use.outcome === 'refused') {
      return use.reason === 'removed'
        ? refuse('unknown', attempt, 'unknown', passkey.id)
        : refuse('expired', attempt, 'challenge');
    }
    if (use.outcome === 'copy_suspected') {
      events.emit('passkey.copy_suspected', { accountId: passkey.sub, passkey: passkey.name });
      log.warn({ kind: passkey.aaguid }, 'the counter of a passkey did not grow: there may be a copy');
      if (configuration.passkeys.suspectedCopies === 'refuse') {
        return { ...refuse('copied', attempt, 'copy_suspected'), suspected: account };
      }
    }
    const methods = passkeyMethods(passkey, userVerified);
    return {
      outcome: 'authenticated',
      account,
      methods,
      ...(use.outcome === 'copy_suspected' ? { suspected: account } : {}),
    };
  }

  /** By the address, and by the passkey at that address: see LoginThrottle. */
  const counted = (attempt: PasskeyAttempt, expected?: string): Promise<PasskeySignInOutcome> =>
    countedAttempt<PasskeySignInOutcome>(
      { events, log },
      {
        address: attempt.address,
        admit: () => {
          const id = readCredential(attempt.credential)?.id ?? '';
          // No login begins like that.
          return throttle.admit(`\0passkey:${expected ?? id}`, attempt.address);
        },
        judge: () =>
          judge(attempt, expected).catch((err: unknown) => {
            if (!(err instanceof AccountsUnavailable)) throw err;
            log.warn({ address: attempt.address, err }, 'login not judged: the user base is unavailable');
            return { outcome: 'unavailable' };
          }),
      },
    );

  return {
    options: (uid) => requestOf(challenges.issue(...purposeOf(uid)), 'required'),

    async optionsFor(uid, sub) {
      const present = await passkeys.listOf(sub);
      if (present.length === 0) return undefined;
      return {
        ...requestOf(challenges.issue(...purposeOf(uid, sub)), 'preferred'),
        allowCredentials: present.map(({ id, transports }) => ({
          id,
          type: 'public-key',
          transports: [...transports] as never[],
        })),
      };
    },

    attempt: (attempt) => counted(attempt),
    confirm: (sub, attempt) => counted(attempt, sub),
  };
}

function isSame(given: unknown, expected: string): boolean {
  const one = Buffer.from(String(given));
  const other = Buffer.from(expected);
  return one.length === other.length && timingSafeEqual(one, other);
}
