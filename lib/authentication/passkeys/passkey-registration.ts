import { createHmac } from 'node:crypto';
import type {
  PublicKeyCredentialCreationOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { Configuration } from '../../../config/configuration.ts';
import type { Account } from '../../accounts/account-adapter.ts';
import type { Database } from '../../database/database.ts';
import { lastingSecret } from '../../database/lasting-secret.ts';
import type { Log } from '../../observability/log.ts';
import { attestationPolicy } from './passkey-attestation.ts';
import { CHALLENGE_SECONDS, type LivingChallenge, PasskeyChallenges } from './passkey-challenges.ts';
import { modelName } from './passkey-models.ts';
import { type RelyingParty, readCredential, relyingParty } from './passkey-party.ts';
import { type Passkey, Passkeys, passkeyName } from './passkeys.ts';

/** EdDSA, ES256 and RS256 (RFC 9053), in the order that WebAuthn Level 3 §5.4 recommends. */
const ALGORITHMS = [-8, -7, -257];

/**
 * `expired`: the challenge is not of this session, too old, or was answered; `known`, `too_many`: see Passkeys; `unverified`: the authenticator
 * did not check who it is; `not_allowed`: the operator wants other authenticators.
 */
export type PasskeyRegistrationRefusal =
  | 'expired'
  | 'known'
  | 'too_many'
  | 'unverified'
  | 'not_allowed'
  | 'invalid';

export type PasskeyRegistrationOutcome =
  /** Nothing is proved by that: what vouches for an authenticator is signed by it at best, and by the passkey itself never. */
  { outcome: 'registered'; name: string } | { outcome: 'refused'; reason: PasskeyRegistrationRefusal };

/** Who adds a passkey, and in which session: the challenge is nothing to another. */
export interface PasskeyHolder {
  account: Account;
  sessionUid: string;
}

/** What authenticators may be told of a person, by the names of WebAuthn Level 3 §5.1.10: they then offer nothing that is none here. */
export interface PasskeySignals {
  signalAllAcceptedCredentials: { rpId: string; userId: string; allAcceptedCredentialIds: string[] };
  signalCurrentUserDetails: { rpId: string; userId: string; name: string; displayName: string };
}

/** How a person who is signed in makes a passkey (WebAuthn Level 3 §7.1), and what else they do with theirs. */
export interface PasskeyRegistration {
  readonly passkeys: Passkeys;
  /** For the browser of that person alone. */
  signals(account: Account): Promise<PasskeySignals>;
  /** What the browser is to make it with. */
  options(holder: PasskeyHolder): Promise<PublicKeyCredentialCreationOptionsJSON>;
  /** Judges the browser's answer and keeps the passkey. Without a name it is called by its model, if that is known. */
  register(
    holder: PasskeyHolder,
    answer: { credential: string; name: string },
  ): Promise<PasskeyRegistrationOutcome>;
}

/**
 * Registration of passkeys; undefined where there are none. A passkey is discoverable and its authenticator checks who it is, so that each can be the only
 * proof. People are known to authenticators by a handle that tells nothing of them: a MAC of the subject identifier under a key of this installation, or what their
 * passkeys have already, where those came from another installation.
 */
export function createPasskeyRegistration(options: {
  configuration: Pick<Configuration, 'issuer' | 'branding' | 'passkeys'>;
  database: Database;
  log: Log;
}): PasskeyRegistration | undefined {
  const { configuration, database, log } = options;
  const party = relyingParty(configuration);
  if (party === undefined) return undefined;
  const { id: rpId, origin } = party satisfies RelyingParty;
  const passkeys = new Passkeys(database);
  const challenges = new PasskeyChallenges(database);
  const policy = attestationPolicy(configuration.passkeys);

  async function handleFor(sub: string, present: Passkey[]): Promise<string> {
    const [first] = present;
    if (first !== undefined) return first.userHandle;
    const key = await lastingSecret(database, 'passkey-user-handles');
    return createHmac('sha256', key).update(sub).digest('base64url');
  }

  const purposeOf = ({ account, sessionUid }: PasskeyHolder, handle: string): string[] => [
    'register',
    sessionUid,
    account.sub,
    handle,
  ];

  return {
    passkeys,

    async signals(account) {
      const present = await passkeys.listOf(account.sub);
      const about = { rpId, userId: await handleFor(account.sub, present) };
      return {
        signalAllAcceptedCredentials: { ...about, allAcceptedCredentialIds: present.map(({ id }) => id) },
        signalCurrentUserDetails: { ...about, ...namesOf(account) },
      };
    },

    async options(holder) {
      const { account } = holder;
      const present = await passkeys.listOf(account.sub);
      const handle = await handleFor(account.sub, present);
      return {
        rp: { id: rpId, name: party.name },
        user: { id: handle, ...namesOf(account) },
        challenge: challenges.issue(...purposeOf(holder, handle)),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ alg, type: 'public-key' })),
        timeout: CHALLENGE_SECONDS * 1000,
        excludeCredentials: present.map(({ id, transports }) => ({
          id,
          type: 'public-key',
          transports: [...transports] as never[],
        })),
        authenticatorSelection: {
          residentKey: 'required',
          requireResidentKey: true,
          userVerification: 'required',
        },
        attestation: policy.conveyance,
      };
    },

    async register(holder, answer) {
      const given = readCredential<RegistrationResponseJSON>(answer.credential);
      if (given === undefined) return { outcome: 'refused', reason: 'invalid' };
      const { sub } = holder.account;
      const handle = await handleFor(sub, await passkeys.listOf(sub));
      let challenge: LivingChallenge | undefined;
      const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
      const verified = await policy
        .prepare(given)
        .then((response) =>
          verifyRegistrationResponse({
            response,
            expectedChallenge: (text) => {
              challenge = challenges.read(text, ...purposeOf(holder, handle));
              return challenge !== undefined;
            },
            expectedOrigin: origin,
            expectedRPID: rpId,
            // Asked below, for a reason of its own.
            requireUserVerification: false,
            supportedAlgorithmIDs: ALGORITHMS,
          }),
        )
        // The library refuses by throwing, whatever was wrong with the answer.
        .catch((err: unknown) => {
          log.info({ err }, 'passkey not registered');
          return undefined;
        });
      if (challenge === undefined) return { outcome: 'refused', reason: 'expired' };
      if (verified?.verified !== true) return { outcome: 'refused', reason: 'invalid' };
      const {
        credential,
        aaguid,
        userVerified,
        credentialDeviceType,
        credentialBackedUp,
        attestationObject,
      } = verified.registrationInfo;
      if (!userVerified) return { outcome: 'refused', reason: 'unverified' };
      if (!(await policy.accepts({ aaguid, attestationObject }))) {
        log.info({ kind: aaguid }, 'passkey not registered: authenticators of this kind are not allowed');
        return { outcome: 'refused', reason: 'not_allowed' };
      }
      const attested = policy.conveyance === 'direct';
      const backupEligible = credentialDeviceType === 'multiDevice';
      const name = passkeyName(answer.name) || (modelName(aaguid) ?? '');
      const addition = await passkeys.add(
        {
          id: credential.id,
          sub,
          userHandle: handle,
          publicKey: credential.publicKey,
          counter: credential.counter,
          transports: transportsOf(credential.transports),
          aaguid,
          backupEligible,
          backedUp: credentialBackedUp,
          attested,
          name,
        },
        challenge,
      );
      if (addition.outcome === 'added') {
        return { outcome: 'registered', name };
      }
      const { reason } = addition;
      return { outcome: 'refused', reason: reason === 'challenge_used' ? 'expired' : reason };
    },
  };
}

/** What the person's own devices call them. */
function namesOf({ login, claims }: Account): { name: string; displayName: string } {
  const { name } = claims;
  return { name: login, displayName: typeof name === 'string' && name !== '' ? name : login };
}

/** Hints that the browser passes on: a few short words. */
function transportsOf(given: unknown): string[] {
  if (!Array.isArray(given)) return [];
  return given.filter((each) => typeof each === 'string' && /^[a-z-]{1,32}$/.test(each)).slice(0, 8);
}
