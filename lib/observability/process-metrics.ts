import { type EventLoopUtilization, monitorEventLoopDelay } from 'node:perf_hooks';
import type { Sample } from './metrics-snapshot.ts';

/** How often (ms) the event loop's lag is sampled: fine enough to see what people notice, and next to nothing when idle. */
const LAG_RESOLUTION_MILLISECONDS = 20;
/** The least time (ms) that the gauges of the event loop speak of. */
const WINDOW_MILLISECONDS = 1000;

/** Measures this process; the answer reads it. */
export function measureProcess(): () => Sample[] {
  const delay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MILLISECONDS });
  delay.enable();
  const startedAt = Date.now() / 1000 - process.uptime();
  let loop: Sample[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let before: EventLoopUtilization = performance.eventLoopUtilization();

  /** The histogram counts from one sample to the next, which are a resolution apart when the loop is not late. */
  const lag = (nanoseconds: number): number =>
    Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - LAG_RESOLUTION_MILLISECONDS / 1000) : 0;

  function readLoop(): Sample[] {
    if (performance.now() - readAt < WINDOW_MILLISECONDS) return loop;
    readAt = performance.now();
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    const name = 'nodejs_eventloop_lag_seconds';
    loop = [
      { name: 'nodejs_eventloop_utilization', labels: [''], value: utilization },
      { name, labels: ['', 'mean'], value: lag(delay.mean) },
      { name, labels: ['', 'p99'], value: lag(delay.percentile(99)) },
      { name, labels: ['', 'max'], value: lag(delay.max) },
    ];
    delay.reset();
    return loop;
  }

  return () => {
    const { rss, heapUsed, heapTotal } = process.memoryUsage();
    const { user, system } = process.cpuUsage();
    return [
      { name: 'process_cpu_seconds_total', labels: [''], value: (user + system) / 1e6 },
      { name: 'process_resident_memory_bytes', labels: [''], value: rss },
      { name: 'process_start_time_seconds', labels: [''], value: startedAt },
      { name: 'nodejs_heap_size_used_bytes', labels: [''], value: heapUsed },
      { name: 'nodejs_heap_size_total_bytes', labels: [''], value: heapTotal },
      ...readLoop(),
    ];
  };
}
