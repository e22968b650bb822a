import type { Configuration } from '../config/configuration.ts';
import { ConfigurationError } from '../config/configuration-error.ts';
import { unusableSetting } from '../config/unusable-setting.ts';
import { DatabaseUnavailable, UnusableDatabase } from './database/database-unavailable.ts';
import { directoryProblem } from './database/directory-problem.ts';
import { MissingEncryptionKey } from './database/encryption-key.ts';
import { SealError } from './database/sealer.ts';
import { ExternalSignerUnavailable, UnusableExternalKey } from './keys/external/external-signer-errors.ts';
import { UnreadableKeyError } from './keys/signing-key.ts';
import { RedisUnavailable } from './redis/redis.ts';

/** A sentence that a room threw for the operator, as opposed to a bug. */
function isSentence(error: unknown): error is Error {
  return error instanceof Error && error.constructor === Error && !('code' in error);
}

const codeOf = (error: unknown): string => String((error as NodeJS.ErrnoException | undefined)?.code ?? '');

/**
 * What opening the rooms came upon, as the setting that is at fault and one line. Anything else comes back as it is:
 * it is a bug.
 */
export function dataProblem(
  error: unknown,
  { dataDir, databaseUrl }: Pick<Configuration, 'dataDir' | 'databaseUrl'>,
): unknown {
  if (error instanceof UnreadableKeyError || error instanceof SealError) {
    const problem =
      databaseUrl === undefined
        ? `does not fit the data in ${dataDir}: ${error.message}`
        : `does not fit the data in PostgreSQL: ${error.message}; all machines need the same one`;
    return unusableSetting('encryption_key', problem);
  }
  if (error instanceof MissingEncryptionKey) return unusableSetting('encryption_key', error.message);
  if (error instanceof UnusableExternalKey || error instanceof ExternalSignerUnavailable) {
    return unusableSetting('keys.external.keys', error.message);
  }
  if (
    error instanceof UnusableDatabase ||
    (error instanceof DatabaseUnavailable && databaseUrl !== undefined)
  ) {
    return unusableSetting('database_url', error.message);
  }
  if (error instanceof RedisUnavailable) {
    return unusableSetting('redis_url', `cannot be used (${error.message.replace(/^Redis: /, '')})`);
  }
  if (isSentence(error)) return unusableSetting('data_dir', error.message);
  // Why the embedded database cannot answer is told by its cause.
  const cause = error instanceof DatabaseUnavailable ? error.cause : error;
  const problem = directoryProblem(cause, dataDir);
  return problem === undefined ? error : unusableSetting('data_dir', problem.line);
}

/** The same for a listener; `prefix` is `management_` for the one of the management port. */
export function listenProblem(
  error: unknown,
  { prefix, host, port }: { prefix: '' | 'management_'; host: string; port: number },
): unknown {
  const place = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  const code = codeOf(error);
  if (error instanceof ConfigurationError || code === '') return error;
  switch (code) {
    case 'EADDRINUSE':
      return unusableSetting(
        `${prefix}port`,
        `${place} is in use by another program: end that one, or choose another port${prefix === '' ? ' (in issuer too, if that names it)' : ''}`,
      );
    case 'EACCES':
      return unusableSetting(`${prefix}port`, `listening on ${place} is not permitted (${code})`);
    case 'EADDRNOTAVAIL':
      return unusableSetting(`${prefix}host`, `${host} is not an address of this machine`);
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return unusableSetting(`${prefix}host`, `the name ${host} has no address (${code})`);
    default:
      // A certificate that can be parsed, and that OpenSSL still refuses to serve with.
      if (/^ERR_(SSL|OSSL)_/.test(code)) {
        return unusableSetting('tls.cert_file', `cannot be served with (${(error as Error).message})`);
      }
      return unusableSetting(`${prefix}port`, `${place} cannot be listened on (${code})`);
  }
}
