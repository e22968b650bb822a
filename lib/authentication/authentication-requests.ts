import { randomBytes } from 'node:crypto';
import type { Database } from '../database/database.ts';

/** More than one person can answer in the life of a request; what comes beyond it bothers them. */
const LARGEST_PENDING = 20;
/** So many of all applications together that nobody vouches for: they must not crowd out the others. */
const LARGEST_PENDING_UNVERIFIED = 5;
/** So long (ms) a request counts at least, however soon it is over: each makes a mail, and perhaps a device ring. */
const SHORTEST_COUNT_MILLISECONDS = 300_000;

/** What an application said when it asked. */
export interface AuthenticationRequestDetails {
  /** `auth_req_id` */
  requestId: string;
  clientId: string;
  bindingMessage: string | undefined;
  /** Whether nobody vouches for the application. */
  unverified: boolean;
}

/** A request that may be waiting for a person; whether it still does the protocol engine knows. */
export interface AuthenticationRequestRecord extends AuthenticationRequestDetails {
  id: string;
  /** Unix time, ms. */
  createdAt: number;
  expiresAt: number;
}

/**
 * Which sign-ins wait for which person (OpenID Connect CIBA Core §8). The engine finds its requests by `auth_req_id` alone, which is
 * the application's secret; here they are found by the person.
 */
export class AuthenticationRequests {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** Keeps a request for `seconds`. `too_many`: the person was asked more often than they could answer, and it is not kept. */
  async add(
    sub: string,
    details: AuthenticationRequestDetails,
    seconds: number,
  ): Promise<{ outcome: 'kept'; id: string } | { outcome: 'too_many' }> {
    const id = randomBytes(16).toString('base64url');
    const sealed = this.#database.sealer.seal(JSON.stringify(details), contextOf(id));
    return this.#database.transaction(async (transaction, now) => {
      await transaction
        .deleteFrom('authentication_requests')
        .where('expires_at', '<=', now)
        .where('created_at', '<=', now - SHORTEST_COUNT_MILLISECONDS)
        .execute();
      const rows = await transaction
        .selectFrom('authentication_requests')
        .select(['id', 'details'])
        .where('sub', '=', sub)
        .execute();
      const alike = rows.filter((row) => this.#detailsOf(row).unverified === details.unverified);
      const largest = details.unverified ? LARGEST_PENDING_UNVERIFIED : LARGEST_PENDING;
      if (alike.length >= largest) return { outcome: 'too_many' };
      const times = { created_at: now, expires_at: now + seconds * 1000 };
      await transaction
        .insertInto('authentication_requests')
        .values({ id, sub, details: sealed, ...times })
        .execute();
      return { outcome: 'kept', id };
    });
  }

  /** A person's requests, the latest first. */
  async list(sub: string): Promise<AuthenticationRequestRecord[]> {
    const rows = await this.#database.query
      .selectFrom('authentication_requests')
      .selectAll()
      .where('sub', '=', sub)
      .where('expires_at', '>', this.#database.now())
      .orderBy('created_at', 'desc')
      .execute();
    return rows.map((row) => ({
      ...this.#detailsOf(row),
      id: row.id,
      createdAt: row.created_at,
      expiresAt: row.expires_at,
    }));
  }

  #detailsOf({ id, details }: { id: string; details: Uint8Array }): AuthenticationRequestDetails {
    const known = JSON.parse(this.#database.sealer.open(details, contextOf(id)).toString());
    // One that was kept before the difference was made is of those that everybody was.
    return { unverified: false, ...known };
  }
}

function contextOf(id: string): string {
  return `authentication-request:${id}`;
}
