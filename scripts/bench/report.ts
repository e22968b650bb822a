/** The run's figures as a table for people; the same figures go to the JSON file as they are. */
import type { RowFigures, RowResult } from './measurement.ts';
import { bounds, type Piece, rows, wantedOtherwise } from './rows.ts';

export interface Results {
  date: string;
  runtime: { node: string; processors: number; processor: string };
  settings: { seconds: number; rounds: number; connections: number; profiled: boolean };
  /** Labels in order; the first is the reference. */
  contenders: string[];
  /** Which of the labels the bounds are for. */
  judged: string | undefined;
  /** Microseconds. */
  pieces: Partial<Record<Piece, number>>;
  rows: Record<string, RowResult>;
  /** Milliseconds. */
  starts?: Record<string, { start: number; firstStart?: number }>;
  /** Bytes. */
  memory?: Record<string, { idle: number; loaded: number; afterLoad: number }>;
}

type Cells = string[];

const whole = (value: number) => Math.round(value).toLocaleString('en');
const fine = (value: number) =>
  value < 10 ? value.toFixed(2) : value < 100 ? value.toFixed(1) : whole(value);
const mebibytes = (bytes: number) => bytes / 1024 / 1024;

function render(table: Cells[]): string {
  const widths: number[] = [];
  for (const cells of table) {
    cells.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  const lines = table.map((cells) =>
    cells
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
  lines.splice(
    1,
    0,
    widths
      .map((width) => '-'.repeat(width))
      .join('  ')
      .trimEnd(),
  );
  return lines.join('\n');
}

function limitOf(pieces: Results['pieces'], limit: Partial<Record<Piece, number>>): string {
  let sum = 0;
  for (const [piece, count] of Object.entries(limit)) {
    const price = pieces[piece as Piece];
    if (price === undefined) return '';
    sum += price * count;
  }
  return whole(sum);
}

const asRatio = (ratio: number) => ratio.toFixed(2);

/** What a contender's operation costs its processes, and where there is one, its store's process. */
function costOf(figures: RowFigures | undefined): string {
  if (figures === undefined) return '';
  const { microseconds, storeMicroseconds } = figures;
  return storeMicroseconds === undefined
    ? whole(microseconds)
    : `${whole(microseconds)} + ${whole(storeMicroseconds)}`;
}

/** Two contenders fit into one table. */
function loadTable(results: Results): string {
  const { contenders, judged } = results;
  const [, challenger] = contenders;
  const table: Cells[] = [
    [
      'µs of server CPU for one operation',
      'limit',
      ...contenders,
      ...(challenger === undefined ? [] : ['ratio', 'spread']),
      'wanted',
      ...contenders.map((label) => `${label} op/s`),
      ...contenders.map((label) => `${label} p50/p99 ms`),
      '',
    ],
  ];
  for (const row of rows) {
    const result = results.rows[row.id];
    if (!result) continue;
    const figures = contenders.map((label) => result.figures[label]);
    const ratio = challenger === undefined ? undefined : result.ratios[challenger];
    const over = judged !== undefined && ratio !== undefined && ratio.median > bounds.ratio;
    table.push([
      row.title,
      limitOf(results.pieces, row.limit),
      ...figures.map(costOf),
      ...(challenger === undefined
        ? []
        : [
            ratio === undefined ? '' : asRatio(ratio.median),
            ratio === undefined ? '' : `${asRatio(ratio.lowest)}–${asRatio(ratio.highest)}`,
          ]),
      whole(row.wanted),
      ...figures.map((one) => (one ? whole(one.operationsPerSecond) : '')),
      ...figures.map((one) => (one ? `${fine(one.p50)}/${fine(one.p99)}` : '')),
      over ? `<-- OVER ${bounds.ratio}` : '',
    ]);
  }
  return render(table);
}

/** One table for each measure, each with every contender and how it stands to the first. */
function comparisonTables(results: Results): string {
  const { contenders } = results;
  const [first = '', ...others] = contenders;
  const measures: {
    title: string;
    show: (figures: RowFigures | undefined) => string;
    ratio: (result: RowResult, label: string) => number | undefined;
  }[] = [
    {
      title: 'µs of server CPU (+ of its store’s process) for one operation',
      show: costOf,
      ratio: (result, label) => result.ratios[label]?.median,
    },
    {
      title: 'operations a second',
      show: (figures) => (figures ? whole(figures.operationsPerSecond) : ''),
      ratio: (result, label) => quotient(result, label, first, (figures) => figures.operationsPerSecond),
    },
    {
      title: 'p50/p99/longest, ms',
      show: (figures) =>
        figures ? `${fine(figures.p50)}/${fine(figures.p99)}/${fine(figures.longest)}` : '',
      ratio: (result, label) => quotient(result, label, first, (figures) => figures.p50),
    },
  ];
  return measures
    .map(({ title, show, ratio }) => {
      const table: Cells[] = [[title, first, ...others.flatMap((label) => [label, 'ratio'])]];
      for (const row of rows) {
        const result = results.rows[row.id];
        if (!result) continue;
        const compared = others.flatMap((label) => {
          const value = ratio(result, label);
          return [show(result.figures[label]), value === undefined ? '' : asRatio(value)];
        });
        table.push([row.title, show(result.figures[first]), ...compared]);
      }
      return render(table);
    })
    .join('\n\n');
}

function quotient(
  result: RowResult,
  label: string,
  first: string,
  measure: (figures: RowFigures) => number,
): number | undefined {
  const [one, other] = [result.figures[first], result.figures[label]];
  return one && other ? measure(other) / measure(one) : undefined;
}

function otherTable(results: Results): string {
  const { contenders, judged, starts, memory } = results;
  const table: Cells[] = [['', ...contenders, 'bound', 'wanted', '']];
  const add = (
    title: string,
    valueFor: (label: string) => number | undefined,
    bound: number | undefined,
    wanted: number | undefined,
  ) => {
    if (contenders.every((label) => valueFor(label) === undefined)) {
      return;
    }
    const judgedValue = judged === undefined ? undefined : valueFor(judged);
    table.push([
      title,
      ...contenders.map((label) => {
        const value = valueFor(label);
        return value === undefined ? '' : whole(value);
      }),
      bound === undefined ? '' : whole(bound),
      wanted === undefined ? '' : whole(wanted),
      bound !== undefined && judgedValue !== undefined && judgedValue > bound
        ? `<-- OVER ${whole(bound)}`
        : '',
    ]);
  };
  if (starts) {
    const { startMilliseconds } = bounds;
    add(
      'start to first answer, ms',
      (label) => starts[label]?.start,
      startMilliseconds,
      wantedOtherwise.startMilliseconds,
    );
    add('the same, nothing kept yet, ms', (label) => starts[label]?.firstStart, startMilliseconds, undefined);
  }
  if (memory) {
    const size = (label: string, when: 'idle' | 'loaded' | 'afterLoad') => {
      const bytes = memory[label]?.[when];
      return bytes === undefined ? undefined : mebibytes(bytes);
    };
    add('resident idle, MiB', (label) => size(label, 'idle'), undefined, wantedOtherwise.memoryIdleMebibytes);
    add('resident as the load ends, MiB', (label) => size(label, 'loaded'), undefined, undefined);
    add(
      'resident after the load, MiB',
      (label) => size(label, 'afterLoad'),
      bounds.memoryAfterLoadMebibytes,
      wantedOtherwise.memoryAfterLoadMebibytes,
    );
  }
  return table.length > 1 ? render(table) : '';
}

/** The whole report as text. */
export function report(results: Results): string {
  const { runtime, settings, pieces } = results;
  const priced = Object.entries(pieces).map(([piece, price]) => `${piece} ${whole(price)}`);
  return [
    `Node ${runtime.node}, ${runtime.processors} × ${runtime.processor}; ${settings.connections} connections, ${settings.rounds} rounds of ${settings.seconds} s for each contender and row`,
    settings.profiled
      ? 'With the profiler on: the figures are not comparable with those of a run without.'
      : '',
    `Unavoidable pieces, µs: ${priced.join(', ')}`,
    '',
    Object.keys(results.rows).length > 0
      ? `${results.contenders.includes('bare') && results.contenders.length <= 2 ? loadTable(results) : comparisonTables(results)}\n`
      : '',
    otherTable(results),
  ]
    .filter((line, index, lines) => line !== '' || lines[index - 1] !== '')
    .join('\n');
}
