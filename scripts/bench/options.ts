/** The command line of `npm run bench`. */
import { parseArgs } from 'node:util';
import type { ContenderSpecification } from './contender.ts';
import { comparisons, parseContender } from './contender-names.ts';
import { otherRows, rows } from './rows.ts';

export interface Options {
  rows: Set<string>;
  seconds: number;
  rounds: number;
  contenders: ContenderSpecification[];
  json: string | undefined;
  connections: number;
  profile: string | undefined;
}

const rowNames = [...rows.map(({ id }) => id as string), ...otherRows];

export const usage = `usage: npm run bench -- [options]

  --rows a,b         only these rows: ${rowNames.join(', ')}
  --seconds N        length of one round of load (default 0.8)
  --rounds N         rounds of load for each contender and row (default 10)
  --contenders a,b   what is compared with the first of them; the same one twice shows the noise (default bare,latchkey):
                     bare, latchkey, and latchkey with any of :redis, :workers=N, :grants=N (live grants
                     in its store), :expired=N (ended ones, to be swept away meanwhile),
                     :share=N (each process gets N percent of one processor; as root)
  --compare NAME     contenders by a name: ${Object.keys(comparisons).join(', ')}
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
    contenders: contenders(values.compare, values.contenders, whole('workers', values.workers)),
    json: values.json,
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
        seconds: { type: 'string', default: '0.8' },
        rounds: { type: 'string', default: '10' },
        contenders: { type: 'string', default: 'bare,latchkey' },
        compare: { type: 'string' },
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

const mostContenders = 6;

function contenders(
  comparison: string | undefined,
  names: string,
  workers: number,
): ContenderSpecification[] {
  const [chosen] = comparison === undefined ? [names] : list('compare', comparison, Object.keys(comparisons));
  const given = (comparisons[chosen ?? ''] ?? names).split(',');
  if (given.length > mostContenders) throw new UsageError(`--contenders: at most ${mostContenders}`);
  return given.map((name) => {
    const parsed = parseContender(name.trim(), workers);
    if (typeof parsed === 'string') throw new UsageError(`--contenders: ${parsed}`);
    return parsed;
  });
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
