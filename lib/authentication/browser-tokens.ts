import { createHash, randomBytes } from 'node:crypto';

const TOKEN_BYTES = 32;
const TOKEN_FORM = /^[\w-]{43}$/;
/** How many people one browser holds tokens for. */
const PEOPLE = 5;

/** A random token: nothing about it tells whose it is. */
export function newToken(): string {
  return randomBytes(TOKEN_BYTES).toString('base64url');
}

/** The tokens in what a cookie holds; what is none is passed over. */
export function tokensIn(held: string | undefined): string[] {
  const tokens = (held ?? '').split('.').filter((token) => TOKEN_FORM.test(token));
  return [...new Set(tokens)].slice(0, PEOPLE);
}

/** What a cookie is to hold from now on: this token, and as many of the others as there is room for. */
export function withToken(token: string, others: readonly string[]): string {
  return [...new Set([token, ...others])].slice(0, PEOPLE).join('.');
}

/** What a token is known by here: nothing that a browser could show. */
export function digestOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}
