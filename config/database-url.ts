import { isLoopbackHost } from './loopback.ts';

/** Where PostgreSQL is, who we are there, and how sure we are that it is the one. */
export interface DatabaseAddress {
  /** A name, an address, or the folder of a Unix-domain socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password?: string;
  readonly database: string;
  /** `off` in clear text; `unverified` encrypted, to whoever answers; the others as libpq defines them. */
  readonly tls: 'off' | 'unverified' | 'verify-ca' | 'verify-full';
  /** Settings of the session, as libpq's `options`. */
  readonly options?: string;
}

const TLS_BY_MODE: Readonly<Record<string, DatabaseAddress['tls']>> = {
  disable: 'off',
  'no-verify': 'unverified',
  'verify-ca': 'verify-ca',
  'verify-full': 'verify-full',
};

const PARAMETERS = new Set(['sslmode', 'host', 'options']);

/** What is wrong with a URL; completes the sentence "this value …" and never quotes it, since it may hold a password. */
class UnusableDatabaseUrl extends Error {}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UnusableDatabaseUrl('must have its user name, password and database percent-encoded');
  }
}

/** Without a mode the server is verified, unless nobody can stand between: it is on this machine. */
function tlsOf(mode: string | null, host: string): DatabaseAddress['tls'] {
  if (mode === null) return host.startsWith('/') || isLoopbackHost(host) ? 'off' : 'verify-full';
  const tls = TLS_BY_MODE[mode];
  if (tls !== undefined) return tls;
  if (['allow', 'prefer', 'require'].includes(mode)) {
    throw new UnusableDatabaseUrl(
      `has sslmode=${mode}, which takes any server for the right one: write sslmode=verify-full (with database.ca_file for a CA of your own), or sslmode=no-verify if that is what you mean`,
    );
  }
  throw new UnusableDatabaseUrl(
    'has an unknown sslmode: disable, no-verify, verify-ca and verify-full are known',
  );
}

/** Stands for the empty host of a Unix-domain socket's URL, which `URL` refuses beside a user. */
const NO_HOST = 'socket.invalid';

function hostOf(url: URL): string {
  const given = url.searchParams.get('host');
  const named = url.hostname === NO_HOST ? '' : decoded(url.hostname).replace(/^\[(.*)\]$/, '$1');
  if (given !== null && named !== '') throw new UnusableDatabaseUrl('names two hosts');
  const host = given ?? named;
  if (host === '') throw new UnusableDatabaseUrl('must name a host (or ?host=/folder/of/the/socket)');
  if (host.includes(',')) {
    throw new UnusableDatabaseUrl('must name one host: give the primary a name or a proxy that follows it');
  }
  return host;
}

function parse(text: string): DatabaseAddress {
  const form = 'must be postgres://user:password@host:5432/database';
  const completed = text.replace(/^([a-z]+:\/\/[^/?#@]*)@\//i, `$1@${NO_HOST}/`);
  if (!/^postgres(?:ql)?:\/\//i.test(text) || !URL.canParse(completed)) throw new UnusableDatabaseUrl(form);
  const url = new URL(completed);
  if (url.hash !== '') throw new UnusableDatabaseUrl('must have a # within a password percent-encoded');
  for (const name of url.searchParams.keys()) {
    if (!PARAMETERS.has(name)) {
      throw new UnusableDatabaseUrl(
        `has the parameter ${/^[\w-]{1,40}$/.test(name) ? name : 'of an odd name'}; sslmode, host and options are known (certificates: database.ca_file)`,
      );
    }
  }
  const user = decoded(url.username);
  const database = decoded(url.pathname.slice(1));
  if (user === '') throw new UnusableDatabaseUrl(`names no user: it ${form}`);
  if (database === '' || database.includes('/'))
    throw new UnusableDatabaseUrl(`names no database: it ${form}`);
  const host = hostOf(url);
  const password = decoded(url.password);
  const options = url.searchParams.get('options');
  return {
    host,
    port: url.port === '' ? 5432 : Number(url.port),
    user,
    ...(password === '' ? {} : { password }),
    database,
    tls: tlsOf(url.searchParams.get('sslmode'), host),
    ...(options === null ? {} : { options }),
  };
}

/**
 * Reads `postgres://user:password@host:port/database?sslmode=…`, or `postgres://user@/database?host=/folder` for a
 * Unix-domain socket. Answers what is wrong with it as text that never quotes it.
 */
export function parseDatabaseUrl(url: string): DatabaseAddress | string {
  try {
    return parse(url);
  } catch (error) {
    if (error instanceof UnusableDatabaseUrl) return error.message;
    throw error;
  }
}
