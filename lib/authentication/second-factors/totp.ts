import { randomBytes } from 'node:crypto';
import type { TOTP } from 'otpauth';
import type { Database, DirectoryTransaction } from '../../database/database.ts';
import type { PreparedQuery } from '../../database/prepared-query.ts';

/** What RFC 6238 §4 and §5.1 leave open, as every authenticator app has it. */
const PERIOD_SECONDS = 30;
const DIGITS = 6;
/** RFC 4226 §4 R6 recommends 160 bits. */
const SECRET_BYTES = 20;
/** Steps before and after the present one whose code is accepted as well (RFC 6238 §5.2). */
const WINDOW = 1;
/** How long a secret that is shown can be confirmed, in ms. */
const ENROLMENT_MILLISECONDS = 3_600_000;
const TIME_BYTES = 6;

/** What a secret is sealed for: it opens in its own person's row alone. */
export function sealingContext(sub: string): string {
  return `totp:${sub}`;
}

const enrolmentContext = (sub: string): string => `totp-enrolment:${sub}`;

/** A secret that is shown to its person and not kept yet. */
export interface TotpEnrolment {
  /** For an authenticator app, as text in base32 and as the URI that a QR code carries. */
  secret: string;
  uri: string;
  /** The secret sealed for this person and this hour: what the page's form brings back. */
  sealed: string;
}

/** Whose codes an app shows, in the app's list. */
export interface TotpLabel {
  issuer: string;
  login: string;
}

async function generatorOf(secret: Uint8Array, label?: TotpLabel): Promise<TOTP> {
  // Few requests need it: imported when the first does.
  const { Secret, TOTP } = await import('otpauth');
  return new TOTP({
    secret: new Secret({ buffer: Uint8Array.from(secret).buffer }),
    algorithm: 'SHA1',
    digits: DIGITS,
    period: PERIOD_SECONDS,
    ...(label === undefined ? {} : { issuer: label.issuer, label: label.login }),
  });
}

/** The time step that a code belongs to, if it is one of those that are accepted now (ms). */
function stepOf(totp: TOTP, code: string, now: number): number | undefined {
  const token = code.replaceAll(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return undefined;
  const delta = totp.validate({ token, timestamp: now, window: WINDOW });
  return delta === null ? undefined : Math.floor(now / 1000 / PERIOD_SECONDS) + delta;
}

/**
 * Codes of authenticator apps (RFC 6238). A code is accepted once: the step of the last one is moved on by compare-and-set,
 * so that of any number of attempts with it, in any number of processes, one succeeds (§5.2).
 */
export class Totp {
  readonly #database: Database;
  readonly #ofPerson: PreparedQuery<{ sub: string }, { sub: string }>;

  constructor(database: Database) {
    this.#database = database;
    this.#ofPerson = database.prepare((query, given) =>
      query.selectFrom('totp_secrets').select('sub').where('sub', '=', given.sub),
    );
  }

  /** A new secret for this person, of which nothing is kept yet. */
  async begin(sub: string, label: TotpLabel): Promise<TotpEnrolment> {
    const secret = randomBytes(SECRET_BYTES);
    const head = Buffer.alloc(TIME_BYTES);
    head.writeUIntBE(this.#database.now(), 0, TIME_BYTES);
    const sealed = this.#database.sealer.seal(Buffer.concat([head, secret]), enrolmentContext(sub));
    return shown(await generatorOf(secret, label), sealed.toString('base64url'));
  }

  /** The secret that a form has brought back, to show it again; undefined when it is not this person's, or too old. */
  async again(sub: string, sealed: string, label: TotpLabel): Promise<TotpEnrolment | undefined> {
    const secret = this.#opened(sub, sealed);
    return secret === undefined ? undefined : shown(await generatorOf(secret, label), sealed);
  }

  /**
   * Keeps a secret once its app has shown that it has it; `inTransaction` is kept with it. `refused`: the code is wrong;
   * `expired`: there is nothing to confirm; `present`: the person has an app, which nobody replaces unasked.
   */
  async confirm(
    sub: string,
    given: { sealed: string; code: string },
    inTransaction: (transaction: DirectoryTransaction, now: number) => Promise<void>,
  ): Promise<{ outcome: 'confirmed' | 'refused' | 'expired' | 'present' }> {
    const secret = this.#opened(sub, given.sealed);
    if (secret === undefined) return { outcome: 'expired' };
    const step = stepOf(await generatorOf(secret), given.code, this.#database.now());
    if (step === undefined) return { outcome: 'refused' };
    const sealed = this.#database.sealer.seal(secret, sealingContext(sub));
    return this.#database.transaction(async (transaction, now) => {
      const added = await transaction
        .insertInto('totp_secrets')
        .values({ sub, sealed, last_step: step, created_at: now })
        .onConflict((conflict) => conflict.doNothing())
        .returning('sub')
        .executeTakeFirst();
      if (added === undefined) return { outcome: 'present' } as const;
      await inTransaction(transaction, now);
      return { outcome: 'confirmed' } as const;
    });
  }

  /** Whether the person has set an app up. */
  async has(sub: string): Promise<boolean> {
    return (await this.#ofPerson({ sub })).length > 0;
  }

  /** Whether the code is the person's, now, and for the first time. Throws SealError when the secret cannot be read. */
  async use(sub: string, code: string): Promise<boolean> {
    const row = await this.#database.query
      .selectFrom('totp_secrets')
      .select('sealed')
      .where('sub', '=', sub)
      .executeTakeFirst();
    if (row === undefined) return false;
    const secret = this.#database.sealer.open(row.sealed, sealingContext(sub));
    const step = stepOf(await generatorOf(secret), code, this.#database.now());
    if (step === undefined) return false;
    return this.#database.transaction(async (transaction) => {
      const moved = await transaction
        .updateTable('totp_secrets')
        .set({ last_step: step, sealed: this.#upToDate(sub, row.sealed, secret) })
        .where('sub', '=', sub)
        .where('sealed', '=', row.sealed)
        .where('last_step', '<', step)
        .returning('sub')
        .executeTakeFirst();
      return moved !== undefined;
    });
  }

  /** Sealed with the newest key. */
  #upToDate(sub: string, sealed: Uint8Array, secret: Uint8Array): Uint8Array {
    const { sealer } = this.#database;
    return sealer.isCurrent(sealed) ? sealed : sealer.seal(secret, sealingContext(sub));
  }

  #opened(sub: string, sealed: string): Buffer | undefined {
    try {
      const { sealer } = this.#database;
      const bytes = sealer.open(Buffer.from(sealed, 'base64url'), enrolmentContext(sub));
      const madeAt = bytes.readUIntBE(0, TIME_BYTES);
      return madeAt + ENROLMENT_MILLISECONDS > this.#database.now() ? bytes.subarray(TIME_BYTES) : undefined;
    } catch {
      // Whatever a form brings that does not open is nothing of ours.
      return undefined;
    }
  }
}

function shown(totp: TOTP, sealed: string): TotpEnrolment {
  return { secret: totp.secret.base32, uri: totp.toString(), sealed };
}
