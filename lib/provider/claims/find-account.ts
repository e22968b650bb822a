import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import { CLAIMS_BY_SCOPE } from '../../accounts/claims-by-scope.ts';
import { whileAvailable } from '../engine/engine-storage.ts';

/**
 * The engine's view of a person. Somebody disabled or deleted does not exist for it: sign-in, refresh, userinfo and
 * silent authorization all refuse by their own rules.
 */
export function findAccount(accounts: AccountAdapter): NonNullable<EngineConfiguration['findAccount']> {
  return (_ctx, sub) =>
    whileAvailable(async () => {
      const account = await accounts.findBySub(sub);
      if (account === undefined || account.disabled) return undefined;
      return {
        accountId: account.sub,
        // The engine shows no more of them than the scopes and the request ask for together.
        claims: async (_use: string, scope: string, requested: object) => ({
          ...(await accounts.claimsFor(account, new Set([...scope.split(' '), ...scopesOf(requested)]))),
          sub: account.sub,
        }),
      };
    });
}

/** The scopes that release the claims which were asked for by name (OpenID Connect Core §5.5). */
function scopesOf(requested: object): string[] {
  const names = Object.keys(requested);
  return Object.entries(CLAIMS_BY_SCOPE)
    .filter(([, claims]) => claims.some((claim) => names.includes(claim)))
    .map(([scope]) => scope);
}
