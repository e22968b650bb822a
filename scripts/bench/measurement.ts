/** The run: contenders started side by side, every row measured in short rounds that take turns (A B B A …). */
import type { Contender } from './contender.ts';
import type { Load, Round } from './load.ts';
import { processTree, residentBytes } from './processor-time.ts';
import type { Row } from './rows.ts';
import { type ServerProcess, startServer } from './server-process.ts';
import { median, percentile } from './statistics.ts';
import type { Target } from './target.ts';

/** A contender while it runs. */
export interface Running {
  contender: Contender;
  server: ServerProcess;
}

export interface RowFigures {
  /** Median over the rounds, microseconds of server processor time for one operation. */
  microseconds: number;
  /** The same of a store that is a process of its own. */
  storeMicroseconds?: number;
  operationsPerSecond: number;
  requestsPerSecond: number;
  /** Milliseconds, over the operations of all rounds. */
  p50: number;
  p99: number;
  longest: number;
  /** Median number of processors that the server kept busy. */
  busy: number;
  rounds: { microseconds: number; operations: number }[];
}

export interface RowResult {
  /** By label of the contender. */
  figures: Record<string, RowFigures>;
  /** Median over the rounds of each other contender's processor time by the first one's, with its extremes; by label. */
  ratios: Record<string, { median: number; lowest: number; highest: number }>;
}

export interface LoadOptions {
  load: Load;
  seconds: number;
  rounds: number;
  connections: number;
}

/**
 * Long enough for the just-in-time compiler to have settled: after two seconds of a row it still takes a tenth of the processor time.
 * In turns as well: what is left alone for that long gives memory back, and compiles again.
 */
const warmUpSeconds = 5;

function figuresOf(rounds: Round[]): RowFigures {
  const latencies = Float64Array.from(rounds.flatMap((round) => [...round.latencies]));
  return {
    microseconds: median(rounds.map((round) => round.microseconds)),
    ...(rounds.some((round) => round.storeMicroseconds !== undefined)
      ? { storeMicroseconds: median(rounds.map((round) => round.storeMicroseconds ?? 0)) }
      : {}),
    operationsPerSecond: median(rounds.map((round) => round.operations / round.seconds)),
    requestsPerSecond: median(rounds.map((round) => round.requests / round.seconds)),
    p50: percentile(latencies, 0.5),
    p99: percentile(latencies, 0.99),
    longest: percentile(latencies, 1),
    busy: median(rounds.map((round) => round.busy)),
    rounds: rounds.map(({ microseconds, operations }) => ({ microseconds, operations })),
  };
}

/** Warms every contender up, then takes the rounds in turns; the order is reversed from one turn to the next. */
export async function measureRow(row: Row, running: Running[], options: LoadOptions): Promise<RowResult> {
  const { load, seconds, rounds, connections } = options;
  const taken = new Map<string, Round[]>(running.map(({ contender }) => [contender.label, []]));
  const roundOn = ({ contender, server }: Running, length: number) =>
    load.round({
      operation: row.id,
      target: contender.target,
      pid: server.pid,
      storePid: server.storePid,
      connections,
      seconds: length,
    });
  for (let second = 0; second < warmUpSeconds; second += 1) {
    for (const one of running) await roundOn(one, 1);
  }
  for (let turn = 0; turn < rounds; turn += 1) {
    for (const one of turn % 2 === 0 ? running : running.toReversed()) {
      taken.get(one.contender.label)?.push(await roundOn(one, seconds));
    }
  }
  const [reference = [], ...others] = [...taken];
  return {
    figures: Object.fromEntries([...taken].map(([label, its]) => [label, figuresOf(its)])),
    ratios: Object.fromEntries(
      others.map(([label, its]) => {
        const ratios = its.map(
          (round, turn) => round.microseconds / (reference[1]?.[turn]?.microseconds ?? 0),
        );
        return [label, { median: median(ratios), lowest: Math.min(...ratios), highest: Math.max(...ratios) }];
      }),
    ),
  };
}

/** Median milliseconds from the spawn to the first good answer, the contenders taking turns. */
export async function measureStarts(
  contenders: Contender[],
  samples: number,
): Promise<Record<string, { start: number; firstStart?: number }>> {
  const starts = new Map(contenders.map((contender) => [contender, [] as number[]]));
  const firstStarts = new Map(contenders.map((contender) => [contender, [] as number[]]));
  for (let turn = 0; turn < samples; turn += 1) {
    for (const contender of turn % 2 === 0 ? contenders : contenders.toReversed()) {
      const server = await contender.start();
      await server.stop();
      starts.get(contender)?.push(server.startMilliseconds);
      if (contender.firstStart) {
        firstStarts.get(contender)?.push(await contender.firstStart());
      }
    }
  }
  return Object.fromEntries(
    contenders.map((contender) => {
      const first = firstStarts.get(contender) ?? [];
      return [
        contender.label,
        {
          start: median(starts.get(contender) ?? []),
          ...(first.length > 0 ? { firstStart: median(first) } : {}),
        },
      ];
    }),
  );
}

/** Resident bytes of each contender's processes, by label. */
export function residentOf(running: Running[]): Record<string, number> {
  return Object.fromEntries(
    running.map(({ contender, server }) => [contender.label, residentBytes(processTree(server.pid))]),
  );
}

/** Microseconds of processor time that the plain HTTP server takes for a GET and a POST. */
export async function measurePlainHttp(
  options: LoadOptions & { program: string; port: number; logFile: string },
): Promise<{ get: number; post: number }> {
  const { load, port, seconds, connections } = options;
  const server = await startServer({
    nodeArguments: ['--disable-warning=ExperimentalWarning', options.program, String(port)],
    environment: {},
    logFile: options.logFile,
    port,
    readyPath: '/',
    hostHeader: `localhost:${port}`,
  });
  try {
    const nobody = { clientId: '', clientSecret: '' };
    const target: Target = {
      issuer: `http://localhost:${port}`,
      port,
      webClient: nobody,
      machineClient: nobody,
      redirectUri: '',
      people: [],
      apis: { rs256: '', es256: '', opaque: '' },
    };
    const cost = async (operation: 'plain-get' | 'plain-post') => {
      const round = { operation, target, pid: server.pid, connections, seconds };
      await load.round(round);
      const taken = [await load.round(round), await load.round(round)];
      return median(taken.map(({ microseconds }) => microseconds));
    };
    return { get: await cost('plain-get'), post: await cost('plain-post') };
  } finally {
    await server.stop();
  }
}
