import { METRIC_FAMILIES, type MetricFamily, type MetricName } from './metric-families.ts';

/** A counter's or gauge's value; `labels` are values in the order of the family's names. */
export interface Sample {
  name: MetricName;
  labels: string[];
  value: number;
}

/** A histogram's counts: one for each bucket by itself, the last for everything above. */
export interface HistogramSample {
  name: MetricName;
  labels: string[];
  buckets: number[];
  sum: number;
}

/** What a process has counted so far. Plain data: it travels from worker to primary. */
export interface MetricsSnapshot {
  samples: Sample[];
  histograms: HistogramSample[];
}

const familyOf = ({ name }: { name: MetricName }): MetricFamily => METRIC_FAMILIES[name];

const keyOf = ({ name, labels }: { name: string; labels: string[] }): string =>
  [name, ...labels].join('\u0000');

/** Names the process in the samples that are told for each process by itself; their label `process` is the first. */
export function inProcess(processName: string, { samples, histograms }: MetricsSnapshot): MetricsSnapshot {
  return {
    samples: samples.map((sample) =>
      familyOf(sample).labels[0] === 'process'
        ? { ...sample, labels: [processName, ...sample.labels.slice(1)] }
        : sample,
    ),
    histograms,
  };
}

/** Sums of what has the same name and labels. */
export function mergeSnapshots(snapshots: Iterable<MetricsSnapshot>): MetricsSnapshot {
  const samples = new Map<string, Sample>();
  const histograms = new Map<string, HistogramSample>();
  for (const snapshot of snapshots) {
    for (const sample of snapshot.samples) {
      const key = keyOf(sample);
      const value = (samples.get(key)?.value ?? 0) + sample.value;
      samples.set(key, { ...sample, value });
    }
    for (const histogram of snapshot.histograms) {
      const key = keyOf(histogram);
      const before = histograms.get(key);
      histograms.set(key, {
        ...histogram,
        sum: (before?.sum ?? 0) + histogram.sum,
        buckets: histogram.buckets.map((count, index) => count + (before?.buckets[index] ?? 0)),
      });
    }
  }
  return { samples: [...samples.values()], histograms: [...histograms.values()] };
}

/** What outlives a process: its counters, so that their sum never falls when a worker is replaced. */
export function withoutGauges({ samples, histograms }: MetricsSnapshot): MetricsSnapshot {
  return { samples: samples.filter((sample) => familyOf(sample).type === 'counter'), histograms };
}
