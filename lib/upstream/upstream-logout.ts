import { hash } from 'node:crypto';
import { errors, type JWTVerifyGetKey, jwtVerify } from 'jose';
import type { UpstreamProviderSettings } from '../../config/upstream-settings.ts';
import { answerOnce } from '../authentication/answer-once.ts';
import type { Database } from '../database/database.ts';
import type { Grants } from '../grants/grants.ts';
import { keySetOf, keysAreUnreachable } from '../outbound/key-set.ts';
import type { UpstreamClient } from './upstream-client.ts';
import type { UpstreamIdentities } from './upstream-identities.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const LONGEST_TOKEN = 16_384;
/** How old (s) a logout token may be, and what clocks may be apart: it is sent when it is made. */
const MAXIMUM_AGE = 600;
const CLOCK_TOLERANCE = 30;
/** Longest text of a claim that is looked at. */
const LONGEST_NAME = 255;

/** What came of a logout token. `accountIds`: whose sessions have ended. */
export type LogoutOutcome =
  | { outcome: 'ended'; accountIds: string[] }
  | { outcome: 'refused'; cause: unknown }
  /** The provider's keys cannot be had: it may send the token again. */
  | { outcome: 'unavailable'; cause: unknown };

interface LogoutToken {
  issuer: string;
  subject: string | undefined;
  sid: string | undefined;
  /** What it is told apart by, and until when that counts (Unix time, ms). */
  digest: string;
  expiresAt: number;
}

const named = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= LONGEST_NAME ? value : undefined;

/** Logout at one other provider, as it tells of it from server to server (OpenID Connect Back-Channel Logout §2.6). */
export class UpstreamLogout {
  readonly #rooms: ConstructorParameters<typeof UpstreamLogout>[0];
  #keys: JWTVerifyGetKey | undefined;
  #keysAt = '';

  constructor(rooms: {
    settings: UpstreamProviderSettings;
    client: UpstreamClient;
    identities: UpstreamIdentities;
    database: Database;
    grants: Grants;
  }) {
    this.#rooms = rooms;
  }

  /**
   * Ends the sessions that came from the session, or the person, that the token names. It counts once; should this end in
   * between, it may be sent again.
   */
  async receive(token: string): Promise<LogoutOutcome> {
    let verified: LogoutToken;
    try {
      verified = await this.#verify(token);
    } catch (cause) {
      return { outcome: keysAreUnreachable(cause) ? 'unavailable' : 'refused', cause };
    }
    const { database } = this.#rooms;
    const { digest, expiresAt } = verified;
    const known = await database.query
      .selectFrom('answered_challenges')
      .select('digest')
      .where('digest', '=', digest)
      .executeTakeFirst();
    const used = { outcome: 'refused', cause: new Error('the logout token was used before') } as const;
    if (known !== undefined) return used;
    const accountIds = await this.#end(verified);
    const isFirst = await database.transaction((transaction, now) =>
      answerOnce(transaction, now, { digest, expires_at: expiresAt }),
    );
    return isFirst ? { outcome: 'ended', accountIds } : used;
  }

  async #verify(token: string): Promise<LogoutToken> {
    if (token.length > LONGEST_TOKEN) throw new errors.JWTInvalid('too long');
    const { settings, client } = this.#rooms;
    const metadata = (await client.configuration()).serverMetadata();
    const { payload } = await jwtVerify(token, this.#keySet(metadata.jwks_uri), {
      issuer: settings.issuer,
      audience: settings.client_id,
      algorithms: (metadata.id_token_signing_alg_values_supported ?? ['RS256']).filter(
        (algorithm) => algorithm !== 'none' && !algorithm.startsWith('HS'),
      ),
      requiredClaims: ['iat', 'exp', 'jti', 'events'],
      maxTokenAge: MAXIMUM_AGE,
      clockTolerance: CLOCK_TOLERANCE,
    });
    const { events, nonce, jti, exp = 0 } = payload;
    const event = (events as Record<string, unknown> | null)?.[EVENT];
    if (typeof event !== 'object' || event === null) throw new errors.JWTInvalid('no logout event');
    // An ID token is none (§2.4).
    if (nonce !== undefined) throw new errors.JWTInvalid('a logout token with a nonce');
    const [subject, sid, id] = [named(payload.sub), named(payload.sid), named(jti)];
    if (id === undefined || (subject === undefined && sid === undefined)) {
      throw new errors.JWTInvalid('neither a subject nor a session');
    }
    const digest = hash('sha256', JSON.stringify(['logout', settings.issuer, id]), 'base64url');
    const expiresAt = (exp + CLOCK_TOLERANCE) * 1000;
    return { issuer: settings.issuer, subject, sid, digest, expiresAt };
  }

  #keySet(address: string | undefined): JWTVerifyGetKey {
    if (address === undefined) throw new Error('the provider has no keys');
    if (this.#keys === undefined || this.#keysAt !== address) {
      this.#keysAt = address;
      this.#keys = keySetOf({ jwks_uri: address }, this.#rooms.client.fetch);
    }
    return this.#keys;
  }

  async #end({ issuer, subject, sid }: LogoutToken): Promise<string[]> {
    const { identities, grants } = this.#rooms;
    const owner = subject === undefined ? undefined : await identities.find({ issuer, subject });
    // Whoever has disconnected the identity meanwhile may still be in a session that came from it.
    const accountId =
      owner?.sub ?? (sid === undefined ? undefined : await identities.personOfSession({ issuer, sid }));
    if (accountId === undefined) return [];
    const sessions = await grants.listSessions({ accountId });
    const theirs = sessions.filter(
      ({ upstream }) =>
        upstream?.issuer === issuer &&
        (subject === undefined || upstream.subject === subject) &&
        (sid === undefined || upstream.sid === sid),
    );
    for (const { uid } of theirs) {
      // Kept before the token is noted as used.
      await grants.inUnitOfWork(async () => {
        await grants.endSession(uid);
        await grants.commit('everything');
      });
    }
    return theirs.length === 0 ? [] : [accountId];
  }
}
