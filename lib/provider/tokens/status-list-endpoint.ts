import type Koa from 'koa';
import type { Grants } from '../../grants/grants.ts';
import { emptyStatusList } from '../../grants/token-statuses.ts';
import type { SigningKey } from '../../keys/signing-keys.ts';
import { signedToken } from './signed-token.ts';
import type { StatusListNames } from './status-lists.ts';

/** What the addresses of status lists begin with. */
export const STATUS_LIST_PATH = '/token-status-lists/';
const STATUS_LIST_TYPE = 'application/statuslist+jwt';

/** For how long (s) one signature is answered, while nothing changes: a list is fetched by every API at once. */
const SIGNATURE_SECONDS = 1;
const MOST_SIGNED = 200;

/**
 * Answers status lists as signed tokens (Token Status List draft §8.1). Each is read from the store for each request, so
 * that what any process revoked is in the next answer; `ttl` (s) is how long whoever fetched it may go by it, counted from
 * its signature. Throws StorageUnavailable and ExternalSignerUnavailable.
 */
export function statusListEndpoint(options: {
  issuer: string;
  ttl: number;
  names: StatusListNames;
  grants: Pick<Grants, 'tokenStatuses'>;
  keys: ReadonlyArray<SigningKey>;
}): Koa.Middleware {
  const { issuer, ttl, names, grants, keys } = options;
  const signed = new Map<string, { lst: string; token: string; at: number }>();
  const active = keys.filter(({ state }) => state === 'active');
  let empty: Promise<string> | undefined;

  async function tokenOf(name: string, algorithm: string, lst: string): Promise<string | undefined> {
    const now = Date.now() / 1000;
    const known = signed.get(name);
    if (known !== undefined && known.lst === lst && Math.abs(now - known.at) < SIGNATURE_SECONDS)
      return known.token;
    // Of an algorithm that is not configured any more, another key says the same.
    const key = active.find((candidate) => candidate.algorithm === algorithm) ?? active[0];
    if (key === undefined) return undefined;
    const iat = Math.floor(now);
    const token = await signedToken(key, 'statuslist+jwt', {
      iss: issuer,
      sub: `${issuer}${STATUS_LIST_PATH}${name}`,
      iat,
      exp: iat + 2 * ttl,
      ttl,
      status_list: { bits: 1, lst },
    });
    if (signed.size >= MOST_SIGNED) signed.clear();
    signed.set(name, { lst, token, at: now });
    return token;
  }

  return async (ctx, next) => {
    if (!ctx.path.startsWith(STATUS_LIST_PATH) || (ctx.method !== 'GET' && ctx.method !== 'HEAD'))
      return next();
    const name = ctx.path.slice(STATUS_LIST_PATH.length);
    const list = names.read(name);
    if (list === undefined) return next();
    empty ??= emptyStatusList();
    const token = await tokenOf(
      name,
      list.algorithm,
      (await grants.tokenStatuses.read(name)) ?? (await empty),
    );
    if (token === undefined) return next();
    ctx.set('Access-Control-Allow-Origin', '*');
    ctx.set('Cache-Control', `public, max-age=${ttl}`);
    ctx.type = STATUS_LIST_TYPE;
    ctx.body = token;
  };
}
