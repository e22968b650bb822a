import type { Database, DirectoryTransaction as Transaction } from '../../database/database.ts';
import { isStorable, type PreparedQuery } from '../../database/prepared-query.ts';
import type { PasskeysTable } from '../../database/tables/passkeys.ts';
import type { LivingChallenge } from './passkey-challenges.ts';

/** How many passkeys one person may have. */
const MOST = 25;
/** How long a name may be, in characters. */
const NAME_LENGTH = 60;

/** A person's passkey, as it is known here. */
export interface Passkey {
  /** The credential's id, base64url. */
  readonly id: string;
  readonly sub: string;
  /** What the authenticator knows the person by (base64url): see passkey-registration.ts. */
  readonly userHandle: string;
  /** A COSE key. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
  /** The signature counter; 0 where the authenticator has none. */
  readonly counter: number;
  readonly transports: readonly string[];
  /** Model of the authenticator. */
  readonly aaguid: string;
  /** Whether the authenticator may keep it on several devices, and whether it does. */
  readonly backupEligible: boolean;
  readonly backedUp: boolean;
  /** Whether its maker vouched for the authenticator, under roots that the operator chose. */
  readonly attested: boolean;
  readonly name: string;
  /** Unix time, ms. */
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  /** When its counter last did not grow, as if there were a copy. */
  readonly copySuspectedAt: number | undefined;
}

/** What is known of a passkey when it is made. */
export type NewPasskey = Omit<Passkey, 'createdAt' | 'lastUsedAt' | 'copySuspectedAt'>;

export type PasskeyAddition =
  | { outcome: 'added' }
  /** `known`: the credential is somebody's already; `too_many`: the person has as many as one may have. */
  | { outcome: 'refused'; reason: 'challenge_used' | 'known' | 'too_many' };

export type PasskeyUse =
  | { outcome: 'used' | 'copy_suspected' }
  /** `removed`: it has been, since it was looked up. */
  | { outcome: 'refused'; reason: 'challenge_used' | 'removed' };

export interface PasskeyRemoval {
  outcome: 'removed' | 'not_found' | 'last';
}

/**
 * The passkeys of all people, wherever the people themselves are kept. A challenge is spent, and a counter moved on, in the
 * transaction of what they allow.
 */
export class Passkeys {
  readonly #database: Database;
  readonly #ofPerson: PreparedQuery<{ sub: string }, PasskeysTable>;

  constructor(database: Database) {
    this.#database = database;
    this.#ofPerson = database.prepare((query, { sub }) =>
      query
        .selectFrom('passkeys')
        .selectAll()
        .where('sub', '=', sub)
        .orderBy('created_at')
        .orderBy('credential_id'),
    );
  }

  async find(id: string): Promise<Passkey | undefined> {
    const row = await this.#database.query
      .selectFrom('passkeys')
      .selectAll()
      .where('credential_id', '=', id)
      .executeTakeFirst();
    return row === undefined ? undefined : passkeyOf(row);
  }

  /** A person's passkeys, oldest first. */
  async listOf(sub: string): Promise<Passkey[]> {
    return (await this.#ofPerson({ sub })).map(passkeyOf);
  }

  /** Adds a passkey for the answered challenge. */
  add(passkey: NewPasskey, challenge: LivingChallenge): Promise<PasskeyAddition> {
    return this.#database.transaction(async (transaction, now): Promise<PasskeyAddition> => {
      if (!(await challenge.spend(transaction, now))) return { outcome: 'refused', reason: 'challenge_used' };
      const { count } = await transaction
        .selectFrom('passkeys')
        .select((expression) => expression.fn.countAll().as('count'))
        .where('sub', '=', passkey.sub)
        .executeTakeFirstOrThrow();
      if (Number(count) >= MOST) return { outcome: 'refused', reason: 'too_many' };
      const added = await transaction
        .insertInto('passkeys')
        .values({
          credential_id: passkey.id,
          sub: passkey.sub,
          user_handle: passkey.userHandle,
          public_key: passkey.publicKey,
          counter: passkey.counter,
          transports: JSON.stringify(passkey.transports),
          aaguid: passkey.aaguid,
          backup_eligible: Number(passkey.backupEligible),
          backed_up: Number(passkey.backedUp),
          attested: Number(passkey.attested),
          name: passkeyName(passkey.name),
          created_at: now,
          last_used_at: null,
          copy_suspected_at: null,
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('credential_id')
        .executeTakeFirst();
      if (added === undefined) return { outcome: 'refused', reason: 'known' };
      await forgetBrowsers(transaction, passkey.sub);
      return { outcome: 'added' };
    });
  }

  /**
   * A passkey answered the challenge with this counter (WebAuthn Level 3 §6.1.1, §7.2 step 22). `copy_suspected`: the counter did not grow,
   * which is noted; the higher one stays.
   */
  use(id: string, counter: number, backedUp: boolean, challenge: LivingChallenge): Promise<PasskeyUse> {
    return this.#database.transaction(async (transaction, now): Promise<PasskeyUse> => {
      if (!(await challenge.spend(transaction, now))) return { outcome: 'refused', reason: 'challenge_used' };
      const row = await transaction
        .selectFrom('passkeys')
        .select('counter')
        .where('credential_id', '=', id)
        .executeTakeFirst();
      if (row === undefined) return { outcome: 'refused', reason: 'removed' };
      const known = Number(row.counter);
      const suspected = (known > 0 || counter > 0) && counter <= known;
      await transaction
        .updateTable('passkeys')
        .set(
          suspected
            ? { copy_suspected_at: now }
            : { counter, backed_up: Number(backedUp), last_used_at: now },
        )
        .where('credential_id', '=', id)
        .execute();
      return { outcome: suspected ? 'copy_suspected' : 'used' };
    });
  }

  /** Whether the person has such a passkey. An empty name changes nothing. */
  async rename(sub: string, id: string, name: string): Promise<boolean> {
    if (!isStorable(id)) return false;
    return this.#database.transaction(async (transaction) => {
      const row = await transaction
        .selectFrom('passkeys')
        .select('name')
        .where('credential_id', '=', id)
        .where('sub', '=', sub)
        .executeTakeFirst();
      if (row === undefined) return false;
      await transaction
        .updateTable('passkeys')
        .set({ name: passkeyName(name) || row.name })
        .where('credential_id', '=', id)
        .execute();
      return true;
    });
  }

  /**
   * Takes a passkey away. `last`: it stays, being the only way in of somebody who `keepsLast` and has no password. With the last second
   * step the recovery codes go that were to stand in for it.
   */
  remove(sub: string, id: string, { keepsLast }: { keepsLast: boolean }): Promise<PasskeyRemoval> {
    return this.#database.transaction(async (transaction): Promise<PasskeyRemoval> => {
      const theirs = await transaction
        .selectFrom('passkeys')
        .select('credential_id')
        .where('sub', '=', sub)
        .execute();
      if (!theirs.some((row) => row.credential_id === id)) return { outcome: 'not_found' };
      const isLast = theirs.length === 1;
      if (isLast && keepsLast) {
        const password = await transaction
          .selectFrom('passwords')
          .select('sub')
          .where('sub', '=', sub)
          .executeTakeFirst();
        if (password === undefined) return { outcome: 'last' };
      }
      await transaction.deleteFrom('passkeys').where('credential_id', '=', id).execute();
      await forgetBrowsers(transaction, sub);
      const app = await transaction
        .selectFrom('totp_secrets')
        .select('sub')
        .where('sub', '=', sub)
        .executeTakeFirst();
      if (isLast && app === undefined) {
        await transaction.deleteFrom('recovery_codes').where('sub', '=', sub).execute();
      }
      return { outcome: 'removed' };
    });
  }
}

/** Whoever changes how they sign in is remembered nowhere: see remembered-devices.ts. */
async function forgetBrowsers(transaction: Transaction, sub: string): Promise<void> {
  await transaction.deleteFrom('remembered_devices').where('sub', '=', sub).execute();
}

/**
 * What a passkey proves (RFC 8176). `hwk` only where a maker that the operator trusts vouches for the hardware; `swk` where the key may be on several devices; `pop`
 * where neither is known. `user`: somebody was there; `mfa`: the authenticator checked who, so that it counts as two factors.
 */
export function passkeyMethods(
  passkey: Pick<Passkey, 'attested' | 'backupEligible'>,
  userVerified: boolean,
): string[] {
  const key = passkey.backupEligible ? 'swk' : passkey.attested ? 'hwk' : 'pop';
  return [key, 'user', ...(userVerified ? ['mfa'] : [])];
}

/** A name as it is kept: one line, no control characters, not too long. */
export function passkeyName(given: string): string {
  const line = given.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return [...line].slice(0, NAME_LENGTH).join('').trim();
}

function passkeyOf(row: PasskeysTable): Passkey {
  return {
    id: row.credential_id,
    sub: row.sub,
    userHandle: row.user_handle,
    publicKey: Uint8Array.from(row.public_key),
    counter: Number(row.counter),
    transports: JSON.parse(row.transports) as string[],
    aaguid: row.aaguid,
    backupEligible: row.backup_eligible !== 0,
    backedUp: row.backed_up !== 0,
    attested: row.attested !== 0,
    name: row.name,
    createdAt: Number(row.created_at),
    lastUsedAt: row.last_used_at === null ? undefined : Number(row.last_used_at),
    copySuspectedAt: row.copy_suspected_at === null ? undefined : Number(row.copy_suspected_at),
  };
}
