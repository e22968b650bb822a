/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import type { ContenderKind } from './contender.ts';
import { otherRows, rows } from './rows.ts';

export interface Options {
  rows: Set<string>;
  seconds: number;
  rounds: number;
  contenders: ContenderKind[];
  json: string | undefined;
  workers: number;
  connections: number;
  profile: string | undefined;
}

const rowNames = [...rows.map(({ id }) => id as string), ...otherRows];

export const usage = `usage: npm run bench -- [options]

  --rows a,b         only these rows: ${rowNames.join(', ')}
  --seconds N        length of one round of load (default 0.6)
  --rounds N         rounds of load for each contender and row (default 8)
  --contenders a,b   bare, latchkey, in the order to compare; the same one twice shows the noise (default bare,latchkey)
  --workers N        processes that Latchkey serves with (default 1)
  --connections N    kept-alive connections of the load generator (default 16)
  --json FILE        where to write the figures (default bench-results/<date>.json)
  --profile DIR      write a V8 processor profile of each contender there (costs processor time itself)
`;

/** Thrown for a command line that cannot be followed; its message is meant for the person who typed it. */
export class UsageError extends Error {}

/** `undefined` when help was asked for. Throws UsageError. */
export function parseOptions(commandLine: string[]): Options | undefined {
  const { values } = parse(commandLine);
  if (values.help) {
    return undefined;
  }
  return {
    rows: new Set(list('rows', values.rows, rowNames)),
    seconds: positive('seconds', values.seconds),
    rounds: whole('rounds', values.rounds),
    contenders: contenderKinds(values.contenders),
    json: values.json,
    workers: whole('workers', values.workers),
    connections: whole('connections', values.connections),
    profile: values.profile,
  };
}

function parse(commandLine: string[]) {
  try {
    return parseArgs({
      args: commandLine,
      options: {
        rows: { type: 'string', default: rowNames.join(',') },
        seconds: { type: 'string', default: '0.6' },
        rounds: { type: 'string', default: '8' },
        contenders: { type: 'string', default: 'bare,latchkey' },
        json: { type: 'string' },
        workers: { type: 'string', default: '1' },
        connections: { type: 'string', default: '16' },
        profile: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function list(name: string, value: string, known: readonly string[]): string[] {
  const given = value.split(',').map((item) => item.trim());
  const unknown = given.filter((item) => !known.includes(item));
  if (unknown.length > 0) {
    throw new UsageError(`--${name}: unknown ${unknown.join(', ')}; known are ${known.join(', ')}`);
  }
  return given;
}

function contenderKinds(value: string): ContenderKind[] {
  const kinds = list('contenders', value, ['bare', 'latchkey']) as ContenderKind[];
  if (kinds.length > 2) {
    throw new UsageError('--contenders: at most two');
  }
  return kinds;
}

function positive(name: string, value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 3600)) {
    throw new UsageError(`--${name}: a number between 0 and 3600, not ${value}`);
  }
  return number;
}

function whole(name: string, value: string): number {
  const number = positive(name, value);
  if (!Number.isInteger(number)) {
    throw new UsageError(`--${name}: a whole number, not ${value}`);
  }
  return number;
}
