import type { Account } from './account.ts';

/** Which claims each standard scope releases (OpenID Connect Core §5.4). */
export const CLAIMS_BY_SCOPE: Readonly<Record<string, ReadonlyArray<string>>> = {
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
};

const STANDARD_CLAIMS = new Set(Object.values(CLAIMS_BY_SCOPE).flat());

/**
 * The claims of `account` that `scopes` release, `sub` always included. A custom claim is released by the scope
 * of its own name (scope `groups`, claim `groups`) and by nothing else.
 */
export function claimsByScope(account: Account, scopes: ReadonlySet<string>): Record<string, unknown> {
  const released: Record<string, unknown> = { sub: account.sub };
  for (const scope of scopes) {
    const names = Object.hasOwn(CLAIMS_BY_SCOPE, scope) ? CLAIMS_BY_SCOPE[scope] : undefined;
    const own = STANDARD_CLAIMS.has(scope) ? [] : [scope];
    for (const name of names ?? own) {
      if (Object.hasOwn(account.claims, name)) released[name] = account.claims[name];
    }
  }
  return released;
}
