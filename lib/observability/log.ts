import { type DestinationStream, type LoggerOptions, pino } from 'pino';
import { standardOutput } from './standard-output.ts';

/**
 * What a log line may say. Everything else is dropped before it is written: an allow-list, because a deny-list forgets the
 * next secret that somebody adds. Whoever adds a name here answers for what stands under it.
 */
const LOGGED_FIELDS = [
  'address',
  'algorithm',
  'api',
  'attempts',
  'came',
  'cause',
  'check',
  'clientId',
  'code',
  'count',
  'delay',
  'endpoint',
  'err',
  'error',
  'expected',
  'issuer',
  'kid',
  'kind',
  'login',
  'managementPort',
  'method',
  'migrations',
  'milliseconds',
  'notification',
  'path',
  'port',
  'problem',
  'reason',
  'recipient',
  'reference',
  'requestId',
  'retryAfter',
  'scope',
  'seconds',
  'setting',
  'settings',
  'signal',
  'state',
  'status',
  'worker',
  'workers',
] as const;

/** The fields of a line. A name that is not on the list does not compile. */
export type LogFields = Readonly<Partial<Record<(typeof LOGGED_FIELDS)[number], unknown>>>;

interface Say {
  (fields: LogFields, message: string): void;
  (message: string): void;
}

/** What is written to the log, one JSON object a line. Rooms take this, never pino itself. */
export interface Log {
  readonly trace: Say;
  readonly debug: Say;
  readonly info: Say;
  readonly warn: Say;
  readonly error: Say;
  readonly fatal: Say;
  isLevelEnabled(level: string): boolean;
}

/** The same for an error, which goes under `err`. */
const LOGGED_ERROR_PROPERTIES = [
  'name',
  'message',
  'stack',
  'code',
  'error',
  'error_description',
  'error_detail',
] as const;

const loggedFields: ReadonlySet<string> = new Set(LOGGED_FIELDS);

/** Longest text (characters) in a line: what others send may be longer, and nobody reads on. */
const LONGEST_TEXT = 4000;

function shortened(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}

/** Removes query strings, where codes, tokens and login hints travel, from anything that looks like a URL. */
function withoutQueries(text: string): string {
  return shortened(text).replace(/(https?:\/\/[^\s?#"']*|\/[\w\-./:]*)[?#][^\s"']*/g, '$1?…');
}

/** A request's path for the log: what follows `/interaction/` and `/auth/` is also the value of a cookie. */
export function pathWithoutIdentifiers(path: string): string {
  return shortened(path).replace(/^(\/+(?:interaction|auth|device)\/+)(?!auth$)[^/]+/i, '$1…');
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

/** The types do not stop what was cast, nor spread from elsewhere. That something was dropped is told, by its name. */
function allowedAlone(line: Record<string, unknown>): Record<string, unknown> {
  const allowed: Record<string, unknown> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(line)) {
    if (loggedFields.has(name)) allowed[name] = typeof value === 'string' ? shortened(value) : value;
    else dropped.push(name);
  }
  if (dropped.length > 0) allowed.dropped = dropped;
  return allowed;
}

/**
 * Makes the process's log. `destination` defaults to standard output. `requestId` answers the id of the request in which a
 * line is written, where there is one. Errors go under `err` and are reduced to an allow-list of properties.
 */
export function createLog(
  level: string,
  destination?: DestinationStream,
  requestId?: () => string | undefined,
): Log {
  const options: LoggerOptions = {
    level,
    base: { pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: describeError, path: (path: unknown) => pathWithoutIdentifiers(String(path)) },
    formatters: { log: allowedAlone },
    ...(requestId === undefined
      ? {}
      : {
          mixin: () => {
            const id = requestId();
            return id === undefined ? {} : { requestId: id };
          },
        }),
  };
  const written =
    destination ??
    standardOutput((lost) => {
      log.warn(lost, 'the log could not be written for a while: these many lines of it are lost');
    });
  const log: Log = pino(options, written);
  return log;
}
