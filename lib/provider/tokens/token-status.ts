import type Provider from 'oidc-provider';
import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { Grants } from '../../grants/grants.ts';
import type { TokenStatusPlace } from '../../grants/token-statuses.ts';
import {
  type EngineGrant,
  grantInRequest,
  type IssuedToken,
  prototypesOf,
} from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { STATUS_LIST_PATH } from './status-list-endpoint.ts';
import { StatusListNames, StatusPlaces } from './status-lists.ts';

/** The model, in lib/grants, of what is remembered of the JWT access tokens of one grant and client. */
const MODEL = 'TokenStatus';

/** What is remembered of them. It ends with the tokens of its grant. */
export interface StatusRecord {
  grantId: string;
  accountId: string;
  clientId: string;
  /** Whether they were made from another client's token (RFC 8693): then they are not all that there is under the grant. */
  exchanged: boolean;
  place: TokenStatusPlace;
}

/** A place in a grant's payload. */
interface GrantedPlace extends TokenStatusPlace {
  clientId: string;
  record: string;
}

type JwtCustomizer = NonNullable<
  NonNullable<NonNullable<EngineConfiguration['formats']>['customizers']>['jwt']
>;

/** The statuses of JWT access tokens, as the engine needs them. */
export interface TokenStatusDesk {
  readonly names: StatusListNames;
  /** Puts the `status` claim into a token that is being issued. */
  readonly stamp: JwtCustomizer;
  /** The place that a token's claims name; undefined for none of ours. */
  placeIn(claims: Readonly<Record<string, unknown>>): TokenStatusPlace | undefined;
  /** What is remembered of a person's token, by its `jti`: nothing when it ended, `never` when nothing ever was. */
  find(jti: string): Promise<StatusRecord | 'never' | undefined>;
  isRevoked(place: TokenStatusPlace): Promise<boolean>;
  /** Publishes a token as revoked, with those that share its place. Returns when every process answers so. */
  revoke(jti: string, place: TokenStatusPlace): Promise<void>;
}

/**
 * All JWT access tokens that a client has under a grant share one place for an hour, as they share their end: revoking one
 * ends the grant's tokens (RFC 7009 §2.1), and later ones get another. The grant's payload names its places, so that
 * whoever ends it can publish them; a record that ends with the grant says for a token whose it is. Both are written when
 * a place is taken, in the unit of work of the request, and not for each token. An application's own tokens have a
 * place each, and nothing is written for them.
 */
export function createTokenStatusDesk(options: {
  issuer: string;
  secrets: Buffer[];
  grants: Grants;
}): TokenStatusDesk {
  const { issuer, grants } = options;
  const names = new StatusListNames(options.secrets);
  const places = new StatusPlaces(names);
  const records = grants.storageFor(MODEL);
  const uriPrefix = `${issuer}${STATUS_LIST_PATH}`;

  async function find(record: string): Promise<StatusRecord | undefined> {
    return (await whileAvailable(() => records.find(record))) as StatusRecord | undefined;
  }

  /** The place of this client's tokens under the grant, and its record. */
  async function placeUnder(
    grant: EngineGrant,
    token: IssuedToken,
    algorithm: string,
  ): Promise<GrantedPlace> {
    const now = Math.floor(Date.now() / 1000);
    const granted = ((grant.tokenStatuses ?? []) as GrantedPlace[]).filter(
      ({ expiresAt }) => expiresAt > now,
    );
    for (const known of granted) {
      const fits = known.clientId === token.clientId && known.list.startsWith(`${algorithm}/`);
      // Its record ends when the grant's tokens do: then later tokens need another place.
      if (fits && names.isInUse(known.list) && (await find(known.record)) !== undefined) return known;
    }
    const place = places.take(algorithm);
    const record = grants.generateId(grant.jti);
    const taken = { ...place, clientId: token.clientId, record };
    const remembered: StatusRecord = {
      grantId: grant.jti,
      accountId: String(token.accountId),
      clientId: token.clientId,
      exchanged: grant.clientId !== token.clientId,
      place,
    };
    await whileAvailable(() => records.upsert(record, { ...remembered }, place.expiresAt - now));
    grant.tokenStatuses = [...granted, taken];
    await grant.save();
    return taken;
  }

  return {
    names,
    async find(jti) {
      const [record = '', rest] = jti.split('.');
      return rest === undefined ? 'never' : find(record);
    },
    isRevoked: (place) => whileAvailable(() => grants.tokenStatuses.isRevoked(place)),

    async stamp(ctx, issued, { payload }) {
      const token = issued as unknown as IssuedToken;
      const algorithm = token.resourceServer?.jwt?.sign?.alg;
      if (payload === undefined || algorithm === undefined) return;
      const claims = payload as Record<string, unknown>;
      const grant = await grantInRequest(ctx, token.grantId ?? token.subjectGrantId);
      if (grant === undefined) {
        const { index, list } = places.take(algorithm);
        claims.status = { status_list: { idx: index, uri: `${uriPrefix}${list}` } };
        return;
      }
      const { index, list, record } = await placeUnder(grant, token, algorithm);
      claims.status = { status_list: { idx: index, uri: `${uriPrefix}${list}` } };
      claims.jti = `${record}.${String(claims.jti)}`;
    },

    placeIn(claims) {
      const { status_list: list } = (claims.status ?? {}) as {
        status_list?: { idx?: unknown; uri?: unknown };
      };
      if (typeof list?.uri !== 'string' || !list.uri.startsWith(uriPrefix)) return undefined;
      const name = list.uri.slice(uriPrefix.length);
      const read = names.read(name);
      return read === undefined
        ? undefined
        : { list: name, index: Number(list.idx), expiresAt: read.expiresAt };
    },

    async revoke(jti, place) {
      await whileAvailable(() => grants.tokenStatuses.revoke([place]));
      const [record = '', rest] = jti.split('.');
      if (rest !== undefined) await whileAvailable(() => records.destroy(record));
    },
  };
}

/** Has grants keep the places of their tokens. To be called before the engine reads its first grant. */
export function keepStatusesInGrants(provider: Provider): void {
  const { Grant } = prototypesOf(provider);
  const members = [...Grant.IN_PAYLOAD, 'tokenStatuses'];
  Object.defineProperty(Grant, 'IN_PAYLOAD', { get: () => members, configurable: true });
}
