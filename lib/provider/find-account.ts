import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import { whileAvailable } from './engine-storage.ts';

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
        claims: async (_use: string, scope: string) => ({
          ...(await accounts.claimsFor(account, new Set(scope.split(' ')))),
          sub: account.sub,
        }),
      };
    });
}
