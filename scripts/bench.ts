/**
 * `npm run bench`: what an operation costs Latchkey, side by side with the bare engine and with the least the machine
 * can do, in one run. docs/performance.md says how to read it.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bareContender } from './bench/bare-contender.ts';
import type { Contender } from './bench/contender.ts';
import { contenderLabel } from './bench/contender-names.ts';
import { latchkeyContender } from './bench/latchkey-contender.ts';
import { Load } from './bench/load.ts';
import {
  type LoadOptions,
  measurePlainHttp,
  measureRow,
  measureStarts,
  type Running,
  residentOf,
} from './bench/measurement.ts';
import { type Options, parseOptions, UsageError, usage } from './bench/options.ts';
import { measureRawLimits } from './bench/raw-limits.ts';
import { type Results, report } from './bench/report.ts';
import { rows } from './bench/rows.ts';
import { freePorts } from './bench/server-process.ts';

const startSamples = 5;
/** How long (ms) nothing is asked of the contenders before memory that they keep is measured. */
const QUIET_MILLISECONDS = 10_000;

function progress(message: string): void {
  process.stderr.write(`${message}\n`);
}

function makeContenders(options: Options, folder: string): Promise<Contender[]> {
  return Promise.all(
    options.contenders.map((specification, index) => {
      const name = contenderLabel(specification);
      const isRepeated = options.contenders.slice(0, index).some((other) => contenderLabel(other) === name);
      const label = isRepeated ? `${name} again` : name;
      const own = join(folder, `contender-${index}`);
      mkdirSync(own);
      const nodeFlags = options.profile
        ? ['--cpu-prof', '--cpu-prof-dir', resolve(options.profile, label.replaceAll(/\W/g, '-'))]
        : [];
      const contenderOptions = { ...specification, label, folder: own, nodeFlags };
      return specification.kind === 'bare'
        ? bareContender(contenderOptions)
        : latchkeyContender(contenderOptions);
    }),
  );
}

async function run(options: Options, folder: string): Promise<Results> {
  const load = new Load();
  const running: Running[] = [];
  const made: Contender[] = [];
  const loadOptions: LoadOptions = { load, ...options };
  try {
    progress('the pieces nobody can avoid …');
    const [port = 0] = await freePorts(1);
    const plain = await measurePlainHttp({
      ...loadOptions,
      seconds: Math.min(1, options.seconds),
      program: join(import.meta.dirname, 'bench/plain-http-server.ts'),
      port,
      logFile: join(folder, 'plain-http-server.log'),
    });
    const pieces = { ...plain, ...(await measureRawLimits(0.5)) };

    const contenders = await makeContenders(options, folder);
    made.push(...contenders);
    for (const contender of contenders) {
      progress(`setting ${contender.label} up …`);
      const server = await contender.start();
      await contender.setUp().finally(() => server.stop());
      await contender.fill?.(progress);
    }
    const results: Results = {
      date: new Date().toISOString(),
      runtime: {
        node: process.versions.node,
        processors: cpus().length,
        processor: cpus()[0]?.model ?? 'unknown',
      },
      settings: {
        seconds: options.seconds,
        rounds: options.rounds,
        connections: options.connections,
        profiled: options.profile !== undefined,
      },
      contenders: contenders.map(({ label }) => label),
      judged:
        contenders[1]?.kind === 'latchkey' && contenders[0]?.kind === 'bare'
          ? contenders[1].label
          : undefined,
      pieces,
      rows: {},
    };
    if (options.rows.has('start')) {
      progress('starts …');
      results.starts = await measureStarts(contenders, startSamples);
    }
    for (const contender of contenders) {
      running.push({ contender, server: await contender.start() });
    }
    const measuresMemory = options.rows.has('memory');
    if (measuresMemory) await sleep(QUIET_MILLISECONDS);
    const idle = residentOf(running);
    for (const row of rows) {
      if (options.rows.has(row.id)) {
        progress(`${row.title} …`);
        results.rows[row.id] = await measureRow(row, running, loadOptions);
      }
    }
    if (measuresMemory) {
      const loaded = residentOf(running);
      progress('memory …');
      await sleep(QUIET_MILLISECONDS);
      const afterLoad = residentOf(running);
      results.memory = Object.fromEntries(
        results.contenders.map((label) => [
          label,
          { idle: idle[label] ?? 0, loaded: loaded[label] ?? 0, afterLoad: afterLoad[label] ?? 0 },
        ]),
      );
    }
    return results;
  } finally {
    load.close();
    await Promise.all(running.map(({ server }) => server.stop()));
    for (const contender of made) await contender.dispose?.();
  }
}

async function main(): Promise<void> {
  if (!existsSync('/proc/self/schedstat')) {
    throw new UsageError('the bench reads processor time from /proc/<pid>/task/*/schedstat: it needs Linux');
  }
  const options = parseOptions(process.argv.slice(2));
  if (!options) {
    process.stdout.write(usage);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'));
  try {
    const results = await run(options, folder);
    const file = options.json ?? join('bench-results', `${results.date.replaceAll(':', '-')}.json`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`);
    process.stdout.write(`${report(results)}\n\nThe figures are in ${file}\n`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

try {
  await main();
} catch (error) {
  const message = error instanceof UsageError ? `${error.message}\n\n${usage}` : error;
  process.stderr.write(`bench: ${message instanceof Error ? message.message : message}\n`);
  process.exitCode = 1;
}
