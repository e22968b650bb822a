/** Where Redis is, and who we are there. */
export interface RedisAddress {
  readonly topology: 'standalone' | 'sentinel' | 'cluster';
  readonly tls: boolean;
  /** One server, or some of the Sentinels or Cluster nodes to ask for the others. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  /** The ACL user; none is Redis's `default` user. */
  readonly username?: string;
  readonly password?: string;
  readonly database: number;
  /** What the Sentinels call the group of servers. */
  readonly masterName?: string;
}

const form =
  /^(rediss?)(-sentinel|-cluster)?:\/\/(?:([^@/?#]*)@)?([^@/?#]+)(?:\/(\d{1,5})?)?(?:\?([^#]*))?$/i;
const hostForm = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::(\d{1,5}))?$/i;

/** What is wrong with a URL; completes the sentence "this value …" and never quotes it, since it may hold a password. */
class UnusableRedisUrl extends Error {}

function hostsOf(text: string, defaultPort: number): RedisAddress['hosts'] {
  return text.split(',').map((entry) => {
    const [, bracketed, plain, port] = hostForm.exec(entry.trim()) ?? [];
    const host = bracketed ?? plain;
    const number = port === undefined ? defaultPort : Number(port);
    if (host === undefined || number < 1 || number > 65_535) {
      throw new UnusableRedisUrl('must name hosts as host or host:port');
    }
    return { host, port: number };
  });
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UnusableRedisUrl('must have its user name and password percent-encoded');
  }
}

function credentialsOf(text: string): Pick<RedisAddress, 'username' | 'password'> {
  const colon = text.indexOf(':');
  const username = decoded(colon === -1 ? text : text.slice(0, colon));
  const password = colon === -1 ? '' : decoded(text.slice(colon + 1));
  if (username !== '' && password === '') throw new UnusableRedisUrl('has a user name without a password');
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

function masterNameOf(query: string): string {
  const parameters = new URLSearchParams(query);
  if ([...parameters.keys()].some((key) => key !== 'master')) {
    throw new UnusableRedisUrl('must have no parameter but master');
  }
  const name = parameters.get('master') ?? 'mymaster';
  if (name === '') throw new UnusableRedisUrl('has an empty master name');
  return name;
}

function parse(url: string): RedisAddress {
  const [, scheme, suffix = '', userInfo = '', hostList, database = '0', query] = form.exec(url) ?? [];
  if (scheme === undefined || hostList === undefined) {
    throw new UnusableRedisUrl(
      'must be redis://, redis-sentinel:// or redis-cluster:// (or rediss… for TLS), then user:password@host:port/database; @, / and ? within a password are percent-encoded',
    );
  }
  const topology = { '-sentinel': 'sentinel', '-cluster': 'cluster' }[suffix.toLowerCase()] ?? 'standalone';
  const common = {
    topology: topology as RedisAddress['topology'],
    tls: scheme.toLowerCase() === 'rediss',
    hosts: hostsOf(hostList, topology === 'sentinel' ? 26_379 : 6379),
    ...credentialsOf(userInfo),
    database: Number(database),
  };
  if (topology === 'standalone' && common.hosts.length > 1) {
    throw new UnusableRedisUrl(
      'names several hosts: use redis-sentinel:// or redis-cluster:// (rediss… for TLS)',
    );
  }
  if (topology === 'cluster' && common.database !== 0) {
    throw new UnusableRedisUrl('must not name a database: a Cluster has only number 0');
  }
  if (topology === 'sentinel') return { ...common, masterName: masterNameOf(query ?? '') };
  if (query !== undefined) throw new UnusableRedisUrl('must not have a query (?…)');
  return common;
}

/**
 * Reads `redis://user:password@host:port/database`; `redis-sentinel://…@host1:26379,host2:26379/database?master=name`,
 * whose credentials are for the server, not for the Sentinels; or `redis-cluster://…@host1:6379,host2:6379`. The schemes that begin
 * with `rediss` are the same over TLS. Answers what is wrong with it as text that never quotes it.
 */
export function parseRedisUrl(url: string): RedisAddress | string {
  try {
    return parse(url);
  } catch (error) {
    if (error instanceof UnusableRedisUrl) return error.message;
    throw error;
  }
}
