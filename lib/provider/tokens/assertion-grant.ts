import {
  errors,
  type Provider,
  type ResourceServerInstance,
  type TokenEndpointGrantContext,
} from 'oidc-provider';
import { findAccount, resolveRequestedResources } from 'oidc-provider/lib/helpers/grants.js';
import { readAssertionIssuers } from '../../../config/assertion-issuers.ts';
import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import { JWT_BEARER_GRANT } from '../../clients/metadata/assertion-grant-metadata.ts';
import { wordsOf } from '../../clients/scope.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import { mayHaveBeenUsed } from '../client-authentication/client-assertions.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { answerWithAccessToken, presentedKeys } from './issued-access-token.ts';
import { type TrustedAssertion, trustedAssertions } from './trusted-assertions.ts';

/** What a grant is decided with. */
export interface AssertionRooms {
  configuration: Configuration;
  accounts: AccountAdapter;
  safeFetch: SafeFetch;
  /** Unix time, ms: which assertions were used before is not known. */
  rememberedSince: number;
}

/** The `sub` here of whom the assertion is about. */
async function subjectOf(accounts: AccountAdapter, { issuer, claims }: TrustedAssertion): Promise<string> {
  const { claim, is } = issuer.subject;
  const named = claims[claim];
  // An address that anybody could have claimed names nobody.
  const { email_verified: verified } = claims;
  // There are issuers that write it as text.
  const proven = claim !== 'email' || verified === undefined || verified === true || verified === 'true';
  const account =
    typeof named !== 'string' || named === '' || !proven
      ? undefined
      : await whileAvailable(() => (is === 'sub' ? accounts.findBySub(named) : accounts.findByLogin(named)));
  if (account === undefined || account.disabled) {
    throw new errors.InvalidGrant(`nobody here is the subject of the assertion (${claim})`);
  }
  return account.sub;
}

/** The one API that the token is for: the request's, within what the assertion and its issuer allow. */
async function targetOf(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  { issuer, claims }: TrustedAssertion,
): Promise<ResourceServerInstance> {
  const asserted = [claims.resource].flat().filter((name) => name !== undefined);
  const wanted = [ctx.oidc.params.resource].flat().filter((name) => name !== undefined);
  const [target, ...others] = wanted.length > 0 ? wanted : asserted;
  if (typeof target !== 'string' || others.length > 0) {
    throw new errors.InvalidTarget('one resource must be named');
  }
  if (!issuer.audiences.includes(target) || (asserted.length > 0 && !asserted.includes(target))) {
    throw new errors.InvalidTarget('the assertion is not for that resource');
  }
  ctx.oidc.params.resource = target;
  const [resourceServer] = await resolveRequestedResources(provider, ctx);
  if (resourceServer === undefined) throw new errors.InvalidTarget('one resource must be named');
  return resourceServer;
}

/**
 * What the token allows: what API and client have, the issuer may give, and the assertion gives where it says so. What takes two factors,
 * of which nothing is known here, an issuer gives only where the operator names it.
 */
function scopesOf(
  requested: string[],
  { issuer, claims }: TrustedAssertion,
  { ofApi, ofTwoFactors }: { ofApi: ReadonlySet<string>; ofTwoFactors: readonly string[] },
): string[] {
  const asserted = claims.scope === undefined ? undefined : wordsOf(claims.scope);
  const mayGive = (scope: string): boolean => issuer.scopes?.includes(scope) ?? !ofTwoFactors.includes(scope);
  const allowed = [...ofApi].filter((scope) => mayGive(scope) && asserted?.includes(scope) !== false);
  const excess = requested.filter((scope) => !allowed.includes(scope));
  if (excess.length > 0) throw new errors.InvalidScope('requested scope is not allowed', excess.join(' '));
  return requested.length > 0 ? allowed.filter((scope) => requested.includes(scope)) : allowed;
}

/** Notes that the assertion was used. To be the last check: a request that is refused leaves it as it was. */
async function useOnce(
  provider: Provider,
  { claims }: TrustedAssertion,
  rememberedSince: number,
): Promise<void> {
  if (mayHaveBeenUsed(rememberedSince, claims)) {
    throw new errors.InvalidGrant('the assertion may have been used before a restore');
  }
  // Not to be mistaken for a client assertion of the same name and number.
  const issuer = `${JWT_BEARER_GRANT} ${claims.iss}`;
  const unique = await provider.ReplayDetection.unique(issuer, claims.jti, claims.exp + 15);
  if (!unique) throw new errors.InvalidGrant('the assertion was used before');
}

async function grantByAssertion(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  rooms: AssertionRooms & { check: ReturnType<typeof trustedAssertions> },
): Promise<void> {
  const { client, params } = ctx.oidc;
  const { assertion, scope: requested } = params as Record<string, unknown>;
  if (typeof assertion !== 'string')
    throw new errors.InvalidRequest("missing required parameter(s) 'assertion'");
  const keys = await presentedKeys(provider, ctx);

  const trusted = await rooms.check(assertion, client.clientId);
  const account = await findAccount(provider, ctx, await subjectOf(rooms.accounts, trusted));
  if (account === undefined) throw new errors.InvalidGrant('nobody here is the subject of the assertion');
  ctx.oidc.entity('Account', account);
  const resourceServer = await targetOf(provider, ctx, trusted);
  const { accessToken } = rooms.configuration.lifetimes;
  const bounds = { ofApi: resourceServer.scopes, ofTwoFactors: rooms.configuration.secondFactor.scopes };
  const scope = scopesOf(wordsOf(requested), trusted, bounds).join(' ') || undefined;
  // RFC 7800 §3: who presents it must have the key; a certificate is not asked for in this way.
  const { cnf } = trusted.claims as { cnf?: { jkt?: unknown } };
  if (cnf !== undefined && (keys.proof === undefined || cnf?.jkt !== keys.proof.thumbprint)) {
    throw new errors.InvalidGrant('the assertion is bound to a key of which there is no proof (cnf)');
  }
  const remaining = Math.floor(trusted.claims.exp - Date.now() / 1000);
  if (remaining < 1) throw new errors.InvalidGrant('the assertion has expired');

  await answerWithAccessToken(provider, ctx, {
    grantType: JWT_BEARER_GRANT,
    accountId: account.accountId,
    resourceServer,
    scope,
    lifetime: { usual: accessToken, remaining },
    keys,
    beforeSave: () => useOnce(provider, trusted, rooms.rememberedSince),
  });
}

/**
 * Adds the JWT bearer grant to an engine (RFC 7523 §2.1; identity assertion authorization grants): a client gets a token for one
 * API and one person from an assertion of an issuer that the operator trusts for both. It lives no longer than the assertion,
 * allows no more, and no refresh token comes with it. Does nothing where no issuer is trusted.
 */
export function addAssertionGrant(provider: Provider, rooms: AssertionRooms): void {
  const file = rooms.configuration.features.assertionIssuersFile;
  if (file === undefined) return;
  const issuers = readAssertionIssuers(file);
  if (typeof issuers === 'string') throw new Error(`features.assertion_issuers_file: ${issuers}`);
  const { safeFetch } = rooms;
  const check = trustedAssertions({ issuers, audience: provider.issuer, safeFetch });
  provider.registerGrantType(
    JWT_BEARER_GRANT,
    (ctx) => grantByAssertion(provider, ctx, { ...rooms, check }),
    ['assertion', 'scope', 'resource'],
    ['resource'],
  );
}

/** What the provider says of itself where identity assertion authorization grants may be redeemed (§7 of the draft). */
export function assertionGrantDiscovery({
  assertionIssuersFile,
}: Configuration['features']): Record<string, unknown> {
  return assertionIssuersFile === undefined
    ? {}
    : { authorization_grant_profiles_supported: ['urn:ietf:params:oauth:grant-profile:id-jag'] };
}
