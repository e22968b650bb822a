import type { GrantStorage } from './grants/storage.ts';
import type { Metrics } from './observability/metrics.ts';
import { observedCalls } from './observability/observed-calls.ts';
import type { Tracing } from './observability/tracing.ts';

const CALLS = [
  'readRecord',
  'readRecordByUserCode',
  'readGrant',
  'readLatestGrant',
  'readSession',
  'readAccountEnding',
  'apply',
  'endAccount',
  'endGrants',
  'listGrants',
  'listSessions',
  'sweep',
  'check',
] as const satisfies ReadonlyArray<keyof GrantStorage>;

/** Counts and traces the calls of the store of sessions and tokens; undefined when nobody wants to know. */
export function observeStorage({
  metrics,
  tracing,
}: {
  metrics: Metrics | undefined;
  tracing: Tracing | undefined;
}): (storage: GrantStorage) => GrantStorage {
  return (storage) => {
    if (metrics !== undefined && storage.commits !== undefined) {
      const name = 'latchkey_store_round_trips_total';
      metrics.addSource(() => [{ name, labels: ['sqlite'], value: storage.commits ?? 0 }]);
    }
    return observedCalls(storage, { calls: CALLS, prefix: 'store', tracing, count: countCalls(metrics) });
  };
}

function countCalls(metrics: Metrics | undefined): ((call: string) => void) | undefined {
  if (metrics === undefined) return undefined;
  const counts = new Map<string, number>();
  metrics.addSource(() =>
    [...counts].map(([call, value]) => ({ name: 'latchkey_store_calls_total', labels: [call], value })),
  );
  return (call) => {
    counts.set(call, (counts.get(call) ?? 0) + 1);
  };
}
