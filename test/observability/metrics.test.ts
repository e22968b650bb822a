import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { createEvents } from '../../lib/observability/events.ts';
import {
  DURATION_BUCKETS,
  METRIC_FAMILIES,
  type MetricFamily,
} from '../../lib/observability/metric-families.ts';
import { Metrics } from '../../lib/observability/metrics.ts';
import { exposeMetrics } from '../../lib/observability/metrics-exposition.ts';
import { inProcess, mergeSnapshots, withoutGauges } from '../../lib/observability/metrics-snapshot.ts';

async function linesOf(...snapshots: Parameters<typeof mergeSnapshots>[0] & unknown[]): Promise<string[]> {
  const { body } = await exposeMetrics(
    mergeSnapshots(snapshots as Iterable<ReturnType<Metrics['snapshot']>>),
  );
  return body.split('\n');
}

describe('metrics', () => {
  it('count requests by endpoint, status class and error code, and time them', async () => {
    const metrics = new Metrics();
    metrics.requests.ended('token', 2, undefined, 0.004);
    metrics.requests.ended('token', 2, undefined, 0.2);
    metrics.requests.ended('token', 4, 'invalid_grant', 0.0005);
    metrics.requests.ended('token', 0, undefined, 30);
    const lines = await linesOf(metrics.snapshot());
    expect(lines).to.include.members([
      '# TYPE latchkey_http_requests_total counter',
      'latchkey_http_requests_total{endpoint="token",status="2xx",error=""} 2',
      'latchkey_http_requests_total{endpoint="token",status="4xx",error="invalid_grant"} 1',
      'latchkey_http_requests_total{endpoint="token",status="aborted",error=""} 1',
      '# TYPE latchkey_http_request_duration_seconds histogram',
      'latchkey_http_request_duration_seconds_bucket{le="0.001",endpoint="token"} 1',
      'latchkey_http_request_duration_seconds_bucket{le="0.005",endpoint="token"} 2',
      'latchkey_http_request_duration_seconds_bucket{le="0.25",endpoint="token"} 3',
      'latchkey_http_request_duration_seconds_bucket{le="10",endpoint="token"} 3',
      'latchkey_http_request_duration_seconds_bucket{le="+Inf",endpoint="token"} 4',
      'latchkey_http_request_duration_seconds_count{endpoint="token"} 4',
    ]);
  });

  it('put a time that is a bound into the bucket of that bound (le means less or equal)', () => {
    const metrics = new Metrics();
    for (const bound of DURATION_BUCKETS) metrics.requests.ended('token', 2, undefined, bound);
    const [histogram] = metrics.snapshot().histograms;
    expect(histogram?.buckets).to.deep.equal([...DURATION_BUCKETS.map(() => 1), 0]);
  });

  it('stay bounded, whatever is noted', () => {
    const metrics = new Metrics();
    for (let n = 0; n < 1000; n += 1) {
      metrics.requests.ended(`endpoint ${n}`, 2, undefined, 1);
      metrics.requests.ended('token', 4, `error_${'x'.repeat(n % 300)}`, 1);
      metrics.requests.ended('token', 4, `"}\n${n}`, 1);
    }
    const { samples, histograms } = metrics.snapshot();
    expect(histograms).to.have.length.most(101);
    expect(samples.filter(({ name }) => name === 'latchkey_http_requests_total')).to.have.length.most(202);
    const requests = histograms.flatMap(({ buckets }) => buckets).reduce((sum, count) => sum + count);
    expect(requests).to.equal(3000);
  });

  it('count logins by outcome and what was told to wait, as the rooms tell it', async () => {
    const metrics = new Metrics();
    const events = createEvents();
    metrics.listen(events);
    events.emit('login.succeeded', { accountId: 'ada', method: 'pwd' });
    events.emit('login.failed', { reason: 'wrong_password', address: '192.0.2.1' });
    events.emit('login.failed', { reason: 'wrong_password', address: '192.0.2.1' });
    events.emit('login.throttled', { address: '192.0.2.1', scope: 'account' });
    events.emit('attempt.throttled', { kind: 'token' });
    events.emit('refresh.reused', {});
    events.emit('passkey.copy_suspected', { accountId: 'ada', passkey: 'key' });
    const lines = await linesOf(metrics.snapshot());
    expect(lines).to.include.members([
      'latchkey_logins_total{outcome="succeeded"} 1',
      'latchkey_logins_total{outcome="wrong_password"} 2',
      'latchkey_logins_total{outcome="throttled"} 1',
      'latchkey_throttled_attempts_total{kind="login_by_account"} 1',
      'latchkey_throttled_attempts_total{kind="token"} 1',
      'latchkey_refresh_reuses_total 1',
      'latchkey_passkey_copies_suspected_total 1',
    ]);
    expect(lines.join('\n')).not.to.contain('192.0.2.1').and.not.to.contain('ada');
  });

  it('of several processes are sums, but for what is told of each by itself', async () => {
    const [one, two] = [new Metrics(), new Metrics()];
    one.requests.ended('jwks', 2, undefined, 0.0001);
    two.requests.ended('jwks', 2, undefined, 0.0001);
    two.requests.ended('jwks', 2, undefined, 4);
    const lines = await linesOf(inProcess('1', one.snapshot()), inProcess('2', two.snapshot()));
    expect(lines).to.include.members([
      'latchkey_http_requests_total{endpoint="jwks",status="2xx",error=""} 3',
      'latchkey_http_request_duration_seconds_bucket{le="0.001",endpoint="jwks"} 2',
      'latchkey_http_request_duration_seconds_count{endpoint="jwks"} 3',
    ]);
    for (const name of ['1', '2']) {
      const memory = lines.find((line) =>
        line.startsWith(`process_resident_memory_bytes{process="${name}"}`),
      );
      expect(Number(memory?.split(' ')[1])).to.be.above(1e7);
    }
  });

  it('of a process that is gone are its counters, not its gauges', () => {
    const metrics = new Metrics();
    metrics.requests.ended('jwks', 2, undefined, 0.0001);
    const { samples, histograms } = withoutGauges(metrics.snapshot());
    expect(samples.map(({ name }) => name)).to.have.members([
      'latchkey_http_requests_total',
      'process_cpu_seconds_total',
    ]);
    expect(histograms).to.have.lengthOf(1);
  });

  it('are listed in docs/metrics.md as they are', () => {
    const page = readFileSync(path.join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
    const rows = Object.entries<MetricFamily>(METRIC_FAMILIES).map(([name, { type, labels, help }]) => {
      const named = labels.map((label) => `\`${label}\``).join(', ');
      return `| \`${name}\` | ${type} | ${named} | ${help} |`;
    });
    const table = ['| metric | type | labels | meaning |', '|---|---|---|---|', ...rows].join('\n');
    expect(page).to.contain(table);
  });
});
