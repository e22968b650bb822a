import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDatabaseUrl } from './database-url.ts';
import { isLoopbackHost } from './loopback.ts';
import { parseRedisUrl } from './redis-url.ts';
import { parseSmtpUrl } from './smtp-url.ts';

type Judgement = string | undefined;

/** A string that `judge` accepts; what `judge` returns otherwise completes the sentence "this value …". */
function judged(judge: (value: string) => Judgement) {
  return z.string().superRefine((value, context) => {
    const message = judge(value);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function parseUrl(value: string): URL | undefined {
  return URL.canParse(value) ? new URL(value) : undefined;
}

function judgeWebUrl(value: string): Judgement {
  const url = parseUrl(value);
  if (url === undefined || !/^https?:\/\//i.test(value)) return 'must be a URL that starts with https://';
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  if (value.includes('#')) return 'must not have a fragment (#…)';
  if (value.includes('?')) return 'must not have a query (?…)';
  if (url.protocol === 'http:' && !isLoopbackHost(url.hostname)) return 'must be https outside loopback';
  return undefined;
}

/**
 * The issuer of OpenID Connect Discovery section 3 and RFC 8414 section 2, held to a bare origin: endpoints, cookies
 * with the `__Host-` prefix and both discovery documents then need no path arithmetic.
 */
export const issuer = judged((value) => {
  const problem = judgeWebUrl(value);
  if (problem !== undefined) return problem;
  return new URL(value).pathname === '/' ? undefined : 'must not have a path: it is one origin of its own';
}).transform((value) => (URL.canParse(value) ? new URL(value).origin : value));

/** Base URL of the account service, stored without a trailing slash. */
export const accountServiceUrl = judged(judgeWebUrl).transform((value) => value.replace(/\/+$/, ''));

/** Where a logo may come from: anything else would need a wider Content-Security-Policy. */
export const logoUrl = judged((value) => {
  if (/^\/(?!\/)[\w./~%-]*$/.test(value)) return undefined;
  return parseUrl(value)?.protocol === 'https:'
    ? undefined
    : 'must be an https URL or a path that starts with one /';
});

/** An address that people are sent to: https anywhere, http on loopback alone. */
export const webPage = judged((value) => {
  const url = parseUrl(value);
  const loopback = url?.protocol === 'http:' && isLoopbackHost(url.hostname);
  return url?.protocol === 'https:' || loopback ? undefined : 'must be an https URL';
});

/** A language as BCP 47 writes it, spelled as `Intl` spells it. */
export const languageTag = judged((value) => {
  try {
    return Intl.getCanonicalLocales(value)[0] === value
      ? undefined
      : `must be spelled ${Intl.getCanonicalLocales(value)[0]}`;
  } catch {
    return 'must be a language tag such as de or pt-BR';
  }
});

/** A colour as `#rrggbb`. */
export const hexColour = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #1d4ed8');

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const hostNamePattern = new RegExp(`^(?=.{1,253}$)${label}(?:\\.${label})*$`, 'i');

/** What a server can listen on: an address or a name, without scheme or port. */
export const hostName = judged((value) => {
  // All digits and dots, yet no address: a mistyped one, not a name.
  const looksNumeric = /^[\d.]+$/.test(value);
  if (isIP(value) !== 0 || (!looksNumeric && hostNamePattern.test(value))) return undefined;
  return 'must be an IP address or a host name, without scheme or port';
});

/** A proxy whose headers are believed: an address, a CIDR range or `loopback`. */
export const trustedProxy = judged((value) => addressRangeProblem(value, 'must not trust every address'));

/** A network that may be called: an address, a CIDR range or `loopback`. */
export const networkRange = judged((value) => addressRangeProblem(value, 'must not be every address'));

function addressRangeProblem(value: string, tooWide: string): string | undefined {
  if (value === 'loopback') return undefined;
  const [address = '', prefix, ...rest] = value.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return 'must be an IP address, a CIDR range or "loopback"';
  if (prefix === undefined) return undefined;
  const width = version === 4 ? 32 : 128;
  if (!/^\d{1,3}$/.test(prefix) || Number(prefix) > width)
    return `must have a prefix length from 1 to ${width}`;
  return Number(prefix) === 0 ? tooWide : undefined;
}

/** 32 bytes (AES-256) in base64 or base64url, padding optional. */
export const encryptionKey = judged((value) => {
  const bytes = /^[\w+/-]*={0,2}$/.test(value) ? Buffer.from(value, 'base64').length : 0;
  if (bytes === 32) return undefined;
  return 'must be 32 bytes in base64 or base64url (make one with: openssl rand -base64 32)';
});

/** What parseRedisUrl takes. */
export const redisUrl = judged((value) => {
  const address = parseRedisUrl(value);
  return typeof address === 'string' ? address : undefined;
});

/** Braces would move the hash tag that keeps a grant's keys in one slot of a Cluster. */
export const redisKeyPrefix = z
  .string()
  .regex(/^[\w.:/-]{1,100}$/, 'must be 1 to 100 letters, digits or any of _ . : / -');

/** What parseDatabaseUrl takes. */
export const databaseUrl = judged((value) => {
  const address = parseDatabaseUrl(value);
  return typeof address === 'string' ? address : undefined;
});

/** What parseSmtpUrl takes. */
export const smtpUrl = judged((value) => {
  const address = parseSmtpUrl(value);
  return typeof address === 'string' ? address : undefined;
});

/** A server of a directory. Names and passwords have settings of their own, and what is asked does too. */
export const ldapUrl = judged((value) => {
  const url = parseUrl(value);
  if (url === undefined || !/^ldaps?:\/\/[^/]/i.test(value) || url.hostname === '') {
    return 'must be ldaps://host:port or ldap://host:port';
  }
  if (url.username !== '' || url.password !== '') return 'must not contain a user name or password';
  const isBare = ['', '/'].includes(url.pathname) && !/[?#]/.test(value);
  return isBare ? undefined : 'must have nothing after host and port';
});

/** A filter, as far as its parentheses tell (RFC 4515 section 3); whoever uses it reads the rest. */
export const ldapFilter = judged((value) => {
  const opened = value.split('(').length;
  return value.startsWith('(') && value.endsWith(')') && opened === value.split(')').length
    ? undefined
    : 'must be a filter such as (objectClass=person)';
});

const attributeName = '[A-Za-z][A-Za-z0-9-]{0,63}(?:;[A-Za-z0-9-]{1,32})*';

/** The name of an attribute (RFC 4512 section 2.5), options included. */
export const ldapAttribute = z
  .string()
  .regex(new RegExp(`^${attributeName}$`), 'must be the name of an attribute such as uid');

/** `claim=attribute`; `[]` after the claim takes all values, `address.` before it makes it a part of the address. */
export const claimFromAttribute = z
  .string()
  .regex(
    new RegExp(`^(?:address\\.[a-z_]+|[A-Za-z][A-Za-z0-9_.:/-]{0,127}(?:\\[\\])?)=${attributeName}$`),
    'must be claim=attribute such as email=mail',
  );
