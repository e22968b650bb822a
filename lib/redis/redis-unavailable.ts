/** Redis cannot answer or cannot keep a write now; whether a write that was sent has happened is not known. */
export class RedisUnavailable extends Error {
  override name = 'RedisUnavailable';
}

/** How servers (Redis, Valkey) begin an error that tells of their own state, or of what we may do, rather than of our command. */
const TROUBLES = [
  'READONLY',
  'LOADING',
  'MISCONF',
  'OOM',
  'CLUSTERDOWN',
  'MASTERDOWN',
  'NOREPLICAS',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
  'BUSY',
  'UNKILLABLE',
  'TRYAGAIN',
  'MOVED',
  'ASK',
  'UNBLOCKED',
  'ERR max number of clients reached',
  'ERR invalid password',
  'ERR This instance has cluster support disabled',
].join('|');

/** Before version 7 the error of a command within a script is quoted in the middle of another. */
const TROUBLE = new RegExp(`^(?:ERR Error running script.*?[ -])?(?:${TROUBLES})\\b`, 's');

/** What ioredis says when there is no connection to send by, or none left to hear an answer from. */
const CLIENT_TROUBLE = new RegExp(
  [
    '^Connection is closed',
    '^Command timed out',
    '^Command aborted due to connection close',
    '^Socket timeout\\.',
    '^Reached the max retries per request limit',
    '^Too many Cluster redirections\\.',
    '^Failed to refresh slots cache\\.',
    '^None of startup nodes is available',
    '^Cluster is (?:ended|disconnected|disconnecting)',
    '^Node is disconnected',
    '^timeout$',
    '^All sentinels are unreachable',
    'enableOfflineQueue options is false$',
  ].join('|'),
);

/** Whether the system or TLS said it: ECONNREFUSED, ENOTFOUND, ERR_TLS_CERT_ALTNAME_INVALID, CERT_HAS_EXPIRED, … */
function isConnectionTrouble(error: Error): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (typeof code !== 'string') return false;
  return syscall !== undefined || /^(?:E[A-Z]+|ERR_(?:TLS|SSL|OSSL)_\w+|\w*CERT\w*)$/.test(code);
}

/** The trouble of the store that `error` tells of; undefined when it is a bug of ours. */
export function asRedisUnavailable(error: unknown): RedisUnavailable | undefined {
  if (error instanceof RedisUnavailable) return error;
  if (!(error instanceof Error)) return undefined;
  const { message } = error;
  const isTrouble = TROUBLE.test(message) || CLIENT_TROUBLE.test(message) || isConnectionTrouble(error);
  return isTrouble ? new RedisUnavailable(`Redis: ${message}`, { cause: error }) : undefined;
}
