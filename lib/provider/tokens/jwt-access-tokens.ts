import { randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose';
import type Provider from 'oidc-provider';
import type { Clients } from '../../clients/clients.ts';
import type { SigningKey } from '../../keys/signing-keys.ts';
import { type EngineToken, prototypesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import type { TokenStatusDesk } from './token-status.ts';

/**
 * In front of a JWT whose verdict is ours: with it the engine sees no JWT, and looks the token up as any other. Random, so
 * that nobody else puts it there.
 */
const MARK = `${randomUUID()} `;

const PARAMETERS = Symbol('the parameters of a request');

interface ContextWithParameters {
  route: string;
  [PARAMETERS]?: { token?: unknown } | undefined;
}

/** Claims that the engine's token has places for. */
const KNOWN_CLAIMS = new Set([
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'client_id', 'scope', 'cnf'],
  ...['authorization_details', 'status'],
]);

/** A JWT access token of this provider, and whose it is. */
export interface JwtAccessToken {
  claims: JWTPayload & { client_id: string };
  /** The person; undefined for an application's own token. */
  accountId: string | undefined;
  /** The grant that it was issued under, where that is known. */
  grantId: string | undefined;
  /** Whether it was made from another client's token. */
  exchanged: boolean;
}

/** Finds out whether a JWT is an access token of this provider that still counts. */
export type JwtAccessTokenReader = (token: string) => Promise<JwtAccessToken | undefined>;

/**
 * Reads JWT access tokens by the keys of one engine instance (RFC 9068 §4). With a desk for their statuses those that were
 * revoked, or whose grant ended, are none; without one a token is judged as any API judges it, by its signature and times.
 */
export function jwtAccessTokenReader(options: {
  issuer: string;
  keys: ReadonlyArray<SigningKey>;
  clients: Pick<Clients, 'find'>;
  statuses: TokenStatusDesk | undefined;
}): JwtAccessTokenReader {
  const { issuer, keys, clients, statuses } = options;

  async function verified(token: string): Promise<JwtAccessToken['claims'] | undefined> {
    try {
      const { kid, alg } = decodeProtectedHeader(token);
      const key = keys.find((candidate) => candidate.kid === kid && candidate.algorithm === alg);
      if (key === undefined) return undefined;
      const { payload } = await jwtVerify(token, key.publicKey, {
        issuer,
        typ: 'at+jwt',
        algorithms: [key.algorithm],
        requiredClaims: ['sub', 'aud', 'exp', 'iat', 'jti', 'client_id'],
      });
      return payload as JwtAccessToken['claims'];
    } catch {
      // Whatever is wrong with it: it is no token of ours that counts (RFC 7662 §2.2).
      return undefined;
    }
  }

  return async (token) => {
    const claims = await verified(token);
    if (claims === undefined) return undefined;
    const place = statuses?.placeIn(claims);
    if (place !== undefined && (await statuses?.isRevoked(place))) return undefined;
    const ofClient = claims.sub === claims.client_id;
    if (ofClient) return { claims, accountId: undefined, grantId: undefined, exchanged: false };
    const record = place === undefined ? 'never' : await statuses?.find(String(claims.jti));
    if (record !== 'never') {
      if (record === undefined || record.clientId !== claims.client_id) return undefined;
      const { accountId, grantId, exchanged } = record;
      return { claims, accountId, grantId, exchanged };
    }
    const client = await whileAvailable(() => clients.find(claims.client_id));
    // A pairwise subject does not tell whose it is: what cannot be looked after is not vouched for.
    if (client === undefined || client.metadata.subject_type === 'pairwise') return undefined;
    return { claims, accountId: String(claims.sub), grantId: undefined, exchanged: false };
  };
}

/** The claims that something which looks like an access token says it has; nothing of it is verified. */
function claimedIn(token: string): JWTPayload | undefined {
  // Most tokens asked about are opaque, and an error costs more than all the rest of looking at one.
  if (!token.includes('.')) return undefined;
  try {
    return decodeProtectedHeader(token).typ === 'at+jwt' ? decodeJwt(token) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Has the engine's introspection and revocation endpoints answer for JWT access tokens (RFC 7662, RFC 7009): client
 * authentication, policies and the forms of the answer stay the engine's. Only a token whose revocation reaches those who
 * check it, by its status, is revoked; for any other the engine goes on to answer `unsupported_token_type`, which is true.
 */
export function answerForJwtAccessTokens(
  provider: Provider,
  read: JwtAccessTokenReader,
  statuses: TokenStatusDesk | undefined,
): void {
  const { OIDCContext, AccessToken, ClientCredentials } = prototypesOf(provider);

  Object.defineProperty(OIDCContext.prototype, 'params', {
    get(this: ContextWithParameters) {
      return this[PARAMETERS];
    },
    set(this: ContextWithParameters, parameters: { token?: unknown } | undefined) {
      this[PARAMETERS] = parameters;
      const { route } = this;
      if (route !== 'introspection' && route !== 'revocation') return;
      if (typeof parameters?.token !== 'string') return;
      const claims = claimedIn(parameters.token);
      if (claims === undefined) return;
      const answered = route === 'introspection' || statuses?.placeIn(claims) !== undefined;
      if (answered) parameters.token = `${MARK}${parameters.token}`;
    },
  });

  for (const [Model, ofClient] of [
    [AccessToken, false],
    [ClientCredentials, true],
  ] as const) {
    const find = Model.find.bind(Model);
    Model.find = async (value, options) => {
      if (typeof value !== 'string' || !value.startsWith(MARK)) return find(value, options);
      const jwt = await read(value.slice(MARK.length));
      if (jwt === undefined || (jwt.accountId === undefined) !== ofClient) return undefined;
      return engineToken(new Model(membersOf(jwt)), jwt, statuses);
    };
  }
}

/** A JWT as the engine would have stored it. */
function membersOf({ claims, accountId, grantId, exchanged }: JwtAccessToken): Record<string, unknown> {
  const { cnf, authorization_details: rar } = claims as {
    cnf?: Record<string, string>;
    authorization_details?: unknown;
  };
  const members = {
    jti: claims.jti,
    clientId: claims.client_id,
    accountId,
    // The grant is the one of the client whose token was exchanged.
    grantId: exchanged ? undefined : grantId,
    aud: claims.aud,
    scope: claims.scope,
    exp: claims.exp,
    iat: claims.iat,
    jkt: cnf?.jkt,
    'x5t#S256': cnf?.['x5t#S256'],
    rar,
    extra: Object.fromEntries(Object.entries(claims).filter(([name]) => !KNOWN_CLAIMS.has(name))),
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function engineToken(
  token: EngineToken,
  { claims }: JwtAccessToken,
  statuses: TokenStatusDesk | undefined,
): EngineToken {
  const place = statuses?.placeIn(claims);
  if (place !== undefined && statuses !== undefined) {
    token.destroy = () => statuses.revoke(String(claims.jti), place);
  }
  return token;
}
