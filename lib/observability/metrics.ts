/**
 * What this process counts. Counting is numbers in memory and costs a request next to nothing; names, labels and the text
 * that Prometheus reads are made when somebody asks (metrics-exposition.ts).
 */
import type { Events } from './events.ts';
import type { MetricName } from './metric-families.ts';
import type { MetricsSnapshot, Sample } from './metrics-snapshot.ts';
import { measureProcess } from './process-metrics.ts';
import { RequestMetrics } from './request-metrics.ts';

/** The counters of one process. */
export class Metrics {
  readonly requests = new RequestMetrics();
  readonly #counters = new Map<string, Sample>();
  readonly #sources: Array<() => Sample[]> = [measureProcess()];

  /** Counts one. For what happens seldom; `labels` are values in the order of the family's names. */
  count(name: MetricName, ...labels: string[]): void {
    const key = `${name} ${labels.join(' ')}`;
    const sample = this.#counters.get(key);
    if (sample === undefined) this.#counters.set(key, { name, labels, value: 1 });
    else sample.value += 1;
  }

  /** Adds something that is read whenever the metrics are. */
  addSource(read: () => Sample[]): void {
    this.#sources.push(read);
  }

  /** Counts what the rooms tell. */
  listen(events: Events): void {
    events.on('login.succeeded', () => this.count('latchkey_logins_total', 'succeeded'));
    events.on('login.failed', ({ reason }) => this.count('latchkey_logins_total', reason));
    events.on('login.throttled', ({ scope }) => {
      this.count('latchkey_logins_total', 'throttled');
      this.count('latchkey_throttled_attempts_total', `login_by_${scope}`);
    });
    events.on('attempt.throttled', ({ kind }) => this.count('latchkey_throttled_attempts_total', kind));
    events.on('refresh.reused', () => this.count('latchkey_refresh_reuses_total'));
    events.on('passkey.copy_suspected', () => this.count('latchkey_passkey_copies_suspected_total'));
    events.on('notification.attempted', ({ kind, outcome }) =>
      this.count('latchkey_notification_attempts_total', kind, outcome),
    );
    events.on('password.looked_up', ({ outcome }) =>
      this.count('latchkey_breached_password_checks_total', outcome),
    );
    events.on('account.ended', ({ reason }) => this.count('latchkey_ended_accounts_total', reason));
  }

  /** Everything, as it is now. */
  snapshot(): MetricsSnapshot {
    const { samples, histograms } = this.requests.read();
    for (const sample of this.#counters.values()) samples.push({ ...sample });
    for (const read of this.#sources) samples.push(...read());
    return { samples, histograms };
  }
}
