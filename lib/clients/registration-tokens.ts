import { randomBytes } from 'node:crypto';
import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { RegistrationTokensTable } from '../database/tables/clients.ts';
import { digestSecret, randomSecret } from './client-secret.ts';

const ID_BYTES = 9;

/** A token that lets somebody register an application, as the operator sees it: without what it is. */
export interface RegistrationToken {
  id: string;
  label: string | undefined;
  uses: number;
  /** Undefined: no limit. */
  maximumUses: number | undefined;
  /** Unix time, ms. */
  createdAt: number;
  expiresAt: number;
}

function read(row: RegistrationTokensTable): RegistrationToken {
  return {
    id: row.id,
    label: row.label ?? undefined,
    uses: row.uses,
    maximumUses: row.maximum_uses ?? undefined,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at),
  };
}

/** Initial access tokens (RFC 7591 §1.2): made and revoked by the operator, kept as digests, used so often and no longer. */
export class RegistrationTokens {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** `seconds`: how long it can be used. The token is in the answer this once. */
  create(options: {
    label?: string | undefined;
    maximumUses?: number | undefined;
    seconds: number;
  }): Promise<{ token: string; record: RegistrationToken }> {
    const token = randomSecret();
    return this.#database.transaction(async (transaction, now) => {
      await transaction.deleteFrom('registration_tokens').where('expires_at', '<=', now).execute();
      const row: RegistrationTokensTable = {
        id: randomBytes(ID_BYTES).toString('hex'),
        digest: digestSecret(token),
        label: options.label ?? null,
        uses: 0,
        maximum_uses: options.maximumUses ?? null,
        created_at: now,
        expires_at: now + options.seconds * 1000,
      };
      await transaction.insertInto('registration_tokens').values(row).execute();
      return { token, record: read(row) };
    });
  }

  /** Those that can still be used, oldest first. */
  async list(): Promise<RegistrationToken[]> {
    const rows = await this.#database.query
      .selectFrom('registration_tokens')
      .selectAll()
      .where('expires_at', '>', this.#database.now())
      .orderBy('created_at')
      .orderBy('id')
      .execute();
    return rows.map(read);
  }

  async revoke(id: string): Promise<{ outcome: 'revoked' } | { outcome: 'not_found' }> {
    const { numDeletedRows } = await this.#database.query
      .deleteFrom('registration_tokens')
      .where('id', '=', id)
      .executeTakeFirst();
    return { outcome: numDeletedRows === 0n ? 'not_found' : 'revoked' };
  }

  /** Whether it could be used now; what decides is `use`. */
  async isUsable(token: string): Promise<boolean> {
    const row = await this.#database.query
      .selectFrom('registration_tokens')
      .selectAll()
      .where('digest', '=', digestSecret(token))
      .executeTakeFirst();
    if (row === undefined || Number(row.expires_at) <= this.#database.now()) return false;
    return row.maximum_uses === null || row.uses < row.maximum_uses;
  }

  /** Counts a use, in the transaction of what it is used for. False when there is none left. */
  async use(transaction: Kysely<DatabaseSchema>, token: string, now: number): Promise<boolean> {
    const { numUpdatedRows } = await transaction
      .updateTable('registration_tokens')
      .set((expression) => ({ uses: expression('uses', '+', 1) }))
      .where('digest', '=', digestSecret(token))
      .where('expires_at', '>', now)
      .where((either) =>
        either.or([either('maximum_uses', 'is', null), either('uses', '<', either.ref('maximum_uses'))]),
      )
      .executeTakeFirst();
    return numUpdatedRows > 0n;
  }
}
