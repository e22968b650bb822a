import type { Metric } from 'prom-client';
import { DURATION_BUCKETS, METRIC_FAMILIES, type MetricFamily, type MetricName } from './metric-families.ts';
import type { HistogramSample, MetricsSnapshot, Sample } from './metrics-snapshot.ts';

type Labels = Record<string, string>;

function named({ labels: names }: MetricFamily, values: string[]): Labels {
  return Object.fromEntries(names.map((name, index) => [name, values[index] ?? '']));
}

function histogramValues(family: MetricFamily, { name, labels, buckets, sum }: HistogramSample): unknown[] {
  const shared = named(family, labels);
  let count = 0;
  const values: unknown[] = buckets.map((inBucket, index) => {
    count += inBucket;
    const le = DURATION_BUCKETS[index] ?? '+Inf';
    return { labels: { le, ...shared }, value: count, metricName: `${name}_bucket` };
  });
  values.push({ labels: shared, value: sum, metricName: `${name}_sum` });
  values.push({ labels: shared, value: count, metricName: `${name}_count` });
  return values;
}

/**
 * What Prometheus reads, and its content type. prom-client is loaded when it is first asked for: it takes 12 MiB, and many who run this never ask.
 */
export async function exposeMetrics({
  samples,
  histograms,
}: MetricsSnapshot): Promise<{ type: string; body: string }> {
  const { Registry } = await import('prom-client');
  const registry = new Registry();
  const byName = <One extends Sample | HistogramSample>(all: One[]): Map<MetricName, One[]> =>
    Map.groupBy(all, ({ name }) => name);
  const [ofSamples, ofHistograms] = [byName(samples), byName(histograms)];
  for (const [name, family] of Object.entries<MetricFamily>(METRIC_FAMILIES)) {
    const values = [
      ...(ofSamples.get(name as MetricName) ?? []).map(({ labels, value }) => ({
        labels: named(family, labels),
        value,
      })),
      ...(ofHistograms.get(name as MetricName) ?? []).flatMap((one) => histogramValues(family, one)),
    ];
    const metric = { name, help: family.help, type: family.type, values };
    // A family that is already counted: prom-client's own classes count by themselves.
    registry.registerMetric({ name, get: async () => metric } as unknown as Metric);
  }
  return { type: registry.contentType, body: await registry.metrics() };
}
