/** One family of the exposition, as Prometheus names it. */
export interface MetricFamily {
  type: 'counter' | 'gauge' | 'histogram';
  help: string;
  /** All label sets are bounded: values are constants of the code, never what a request brings. */
  labels: readonly string[];
}

const family = (type: MetricFamily['type'], help: string, ...labels: string[]): MetricFamily => ({
  type,
  help,
  labels,
});

/** Every metric there is: what may be counted, and the table in docs/metrics.md. */
export const METRIC_FAMILIES = {
  latchkey_http_requests_total: family(
    'counter',
    'Answered requests. `status` is the class (2xx to 5xx) or `aborted` when the client was gone first; `error` is the OAuth error code, if any.',
    'endpoint',
    'status',
    'error',
  ),
  latchkey_http_request_duration_seconds: family(
    'histogram',
    'From the end of the request’s headers to the last byte of its answer.',
    'endpoint',
  ),
  latchkey_logins_total: family('counter', 'Attempts to sign in, by outcome.', 'outcome'),
  latchkey_throttled_attempts_total: family('counter', 'Attempts that were told to wait.', 'kind'),
  latchkey_refresh_reuses_total: family(
    'counter',
    'Refresh tokens that were used again outside their grace, and whose families were revoked.',
  ),
  latchkey_passkey_copies_suspected_total: family(
    'counter',
    'Passkeys whose counter went backwards, so that there may be a copy of one.',
  ),
  latchkey_breached_password_checks_total: family(
    'counter',
    'New passwords of which it was asked whether they have leaked, by outcome.',
    'outcome',
  ),
  latchkey_ended_accounts_total: family('counter', 'People who were disabled or deleted.', 'reason'),
  latchkey_notification_attempts_total: family(
    'counter',
    'Attempts to deliver a notice to an application, by outcome.',
    'kind',
    'outcome',
  ),
  latchkey_notifications: family('gauge', 'Notices that wait for delivery or were given up.', 'state'),
  latchkey_store_calls_total: family('counter', 'Calls of the store of sessions and tokens.', 'call'),
  latchkey_store_round_trips_total: family(
    'counter',
    'Round trips to Redis, and commits of SQLite.',
    'store',
  ),
  latchkey_signing_key_age_seconds: family(
    'gauge',
    'Time since the newest key of this algorithm and state came into the state.',
    'algorithm',
    'state',
  ),
  latchkey_ready: family('gauge', '1 while the readiness check of this name passes, else 0.', 'check'),
  latchkey_clock_skew_seconds: family('gauge', 'How far this machine’s clock is ahead of the store’s.'),
  latchkey_workers: family('gauge', 'Worker processes that serve, and that are configured.', 'state'),
  latchkey_worker_ends_total: family('counter', 'Worker processes that ended, by reason.', 'reason'),
  latchkey_build_info: family('gauge', 'Always 1; the labels tell the versions.', 'version', 'node'),
  process_cpu_seconds_total: family('counter', 'User and system time.', 'process'),
  process_resident_memory_bytes: family('gauge', 'Resident memory.', 'process'),
  process_start_time_seconds: family('gauge', 'When the process started, Unix time.', 'process'),
  nodejs_heap_size_used_bytes: family('gauge', 'JavaScript heap in use.', 'process'),
  nodejs_heap_size_total_bytes: family('gauge', 'JavaScript heap that is reserved.', 'process'),
  nodejs_eventloop_utilization: family(
    'gauge',
    'Share of the last second or more in which the event loop was busy.',
    'process',
  ),
  nodejs_eventloop_lag_seconds: family(
    'gauge',
    'How late the event loop came to a timer in the last second or more: mean, p99 and max.',
    'process',
    'statistic',
  ),
} as const satisfies Record<string, MetricFamily>;

export type MetricName = keyof typeof METRIC_FAMILIES;

/** Upper bounds (s) of the buckets of every histogram; `+Inf` follows. */
export const DURATION_BUCKETS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
