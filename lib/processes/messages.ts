import type { MetricsSnapshot } from '../observability/metrics-snapshot.ts';

/** How often (ms) a worker tells that its event loop turns. */
export const BEAT_MILLISECONDS = 1000;

/** From worker to primary: its event loop turns, and this is what it has counted. */
export interface Beat {
  latchkey: 'beat';
  metrics: MetricsSnapshot;
}

/** From primary to worker: another one serves in your place, finish what you have and end. */
export interface Retirement {
  latchkey: 'retire';
}

function hasName(message: unknown, name: string): boolean {
  return (
    typeof message === 'object' && message !== null && 'latchkey' in message && message.latchkey === name
  );
}

/** Whether a message between processes is a beat: others go by the same way. */
export function isBeat(message: unknown): message is Beat {
  return hasName(message, 'beat');
}

/** The same of a retirement. */
export function isRetirement(message: unknown): message is Retirement {
  return hasName(message, 'retire');
}
