import type { Account } from './account.ts';

/** Which claims each scope releases: the standard ones (OpenID Connect Core §5.4), and `groups` as other providers have it. */
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
  groups: ['groups'],
};

/**
 * The claims of `account` that `scopes` release, `sub` always included. Claims of an operator's own are released by none: they are for
 * policies here.
 */
export function claimsByScope(account: Account, scopes: ReadonlySet<string>): Record<string, unknown> {
  const released: Record<string, unknown> = { sub: account.sub };
  for (const scope of scopes) {
    const names = Object.hasOwn(CLAIMS_BY_SCOPE, scope) ? CLAIMS_BY_SCOPE[scope] : undefined;
    for (const name of names ?? []) {
      if (Object.hasOwn(account.claims, name)) released[name] = account.claims[name];
    }
  }
  return released;
}
