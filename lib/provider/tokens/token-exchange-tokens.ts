import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { wordsOf } from '../../clients/scope.ts';
import { type EngineToken, grantInRequest, prototypesOf } from '../engine/engine-context.ts';
import type { JwtAccessTokenReader } from './jwt-access-tokens.ts';
import type { ActorClaim, SubjectOfPolicy } from './token-exchange-policy.ts';

/** RFC 8693 §3: what may be presented, and what is issued. */
export const ACCESS_TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:access_token';
export const JWT_TYPE = 'urn:ietf:params:oauth:token-type:jwt';

/** An access token of this provider that counts, whatever its form. */
export interface PresentedToken extends SubjectOfPolicy {
  /** The person; undefined for an application's own token. */
  accountId: string | undefined;
  /** The grant that it ends with, where that is known. */
  grantId: string | undefined;
  /** Unix time, s. */
  expiresAt: number;
  /** Whether it is worth nothing without the proof of a key (RFC 9449, RFC 8705). */
  bound: boolean;
}

function presented(
  token: Pick<EngineToken, 'clientId' | 'accountId' | 'aud' | 'scope' | 'exp' | 'extra'>,
  more: { grantId: string | undefined; bound: boolean },
): PresentedToken {
  const { act, may_act: mayAct } = (token.extra ?? {}) as {
    act?: ActorClaim;
    may_act?: SubjectOfPolicy['mayAct'];
  };
  return {
    clientId: token.clientId,
    accountId: token.accountId,
    audience: token.aud,
    scopes: new Set(wordsOf(token.scope)),
    act,
    mayAct,
    expiresAt: token.exp,
    ...more,
  };
}

/**
 * Reads the access token in a parameter. What is no access token of this provider, or does not count any more, is
 * `invalid_request`, as RFC 8693 §2.2.2 has it.
 */
export async function readPresentedToken(
  ctx: KoaContextWithOIDC,
  options: { token: string; type: string; name: string; readJwt: JwtAccessTokenReader },
): Promise<PresentedToken> {
  const { token, type, name, readJwt } = options;
  if (type !== ACCESS_TOKEN_TYPE && type !== JWT_TYPE) {
    throw new errors.InvalidRequest(`${name}_type must be ${ACCESS_TOKEN_TYPE} or ${JWT_TYPE}`);
  }
  const found = token.includes('.')
    ? await readJwtToken(token, readJwt)
    : await readOpaqueToken(ctx, token, type);
  if (found === undefined) throw new errors.InvalidRequest(`${name} is not a valid access token`);
  return found;
}

async function readJwtToken(token: string, read: JwtAccessTokenReader): Promise<PresentedToken | undefined> {
  const jwt = await read(token);
  if (jwt === undefined) return undefined;
  const { claims, accountId, grantId } = jwt;
  const { client_id: clientId, aud, exp = 0, cnf, scope } = claims as typeof claims & { scope?: string };
  return presented(
    {
      clientId,
      exp,
      extra: claims,
      ...(accountId === undefined ? {} : { accountId }),
      ...(typeof aud === 'string' ? { aud } : {}),
      ...(scope === undefined ? {} : { scope }),
    },
    { grantId, bound: cnf !== undefined },
  );
}

async function readOpaqueToken(
  ctx: KoaContextWithOIDC,
  value: string,
  type: string,
): Promise<PresentedToken | undefined> {
  if (type === JWT_TYPE) return undefined;
  const { AccessToken, ClientCredentials } = prototypesOf(ctx.oidc.provider);
  const token = (await AccessToken.find(value)) ?? (await ClientCredentials.find(value));
  if (token === undefined) return undefined;
  const grantId = token.grantId ?? token.subjectGrantId;
  // Only an application's own token, and one made from a JWT of which no grant is known, has none to end with.
  if (grantId !== undefined && (await grantInRequest(ctx, grantId))?.accountId !== token.accountId)
    return undefined;
  const bound = token.jkt !== undefined || token['x5t#S256'] !== undefined;
  return presented(token, { grantId, bound });
}
