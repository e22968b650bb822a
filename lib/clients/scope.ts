/** Scopes with a meaning of their own (OpenID Connect Core §5.4 and §11, and `groups`); no API may take their names. */
export const OPENID_SCOPES: ReadonlySet<string> = new Set([
  'openid',
  'offline_access',
  'profile',
  'email',
  'address',
  'phone',
  'groups',
]);

/** Longest scope token that is stored. */
const LONGEST_SCOPE_TOKEN = 128;

/** Whether `token` is a scope-token (RFC 6749 §3.3: visible ASCII but `"` and `\`) of at most 128 characters. */
export function isScopeToken(token: string): boolean {
  return token.length <= LONGEST_SCOPE_TOKEN && /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(token);
}

/** The words of a space-delimited parameter or claim, such as `scope` (RFC 6749 §3.3); none of what is no text. */
export function wordsOf(value: unknown): string[] {
  return typeof value === 'string' ? value.split(' ').filter((word) => word !== '') : [];
}
