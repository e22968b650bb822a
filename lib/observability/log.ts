import { type DestinationStream, type Logger, pino } from 'pino';

/** What is written to the log, one JSON object a line. Rooms take this, never pino itself. */
export type Log = Pick<Logger, 'trace' | 'debug' | 'info' | 'warn' | 'error' | 'fatal' | 'isLevelEnabled'>;

/**
 * Properties a log line may carry. Everything else is dropped before it is written: an allow-list,
 * because a deny-list forgets the next secret somebody adds.
 */
const LOGGED_ERROR_PROPERTIES = [
  'name',
  'message',
  'stack',
  'code',
  'error',
  'error_description',
  'error_detail',
] as const;

/** Removes query strings, where codes, tokens and login hints travel, from anything that looks like a URL. */
function withoutQueries(text: string): string {
  return text.replace(/(https?:\/\/[^\s?#"']*|\/[\w\-./:]*)[?#][^\s"']*/g, '$1?…');
}

/** A request's path for the log: what follows `/interaction/` and `/auth/` is also the value of a cookie. */
export function pathWithoutIdentifiers(path: string): string {
  return path.replace(/^(\/+(?:interaction|auth)\/+)[^/]+/i, '$1…');
}

function describeError(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error)) return withoutQueries(String(error));
  const described: Record<string, unknown> = {};
  for (const property of LOGGED_ERROR_PROPERTIES) {
    const value = (error as unknown as Record<string, unknown>)[property];
    if (value !== undefined) described[property] = typeof value === 'string' ? withoutQueries(value) : value;
  }
  if (error.cause !== undefined && depth < 4) described.cause = describeError(error.cause, depth + 1);
  return described;
}

/**
 * Makes the process's log. `destination` defaults to standard output.
 * Errors go under `err` and are reduced to an allow-list of properties.
 */
export function createLog(level: string, destination?: DestinationStream): Log {
  const options = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError, path: (path: unknown) => pathWithoutIdentifiers(String(path)) },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}
