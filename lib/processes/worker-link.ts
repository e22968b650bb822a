import cluster from 'node:cluster';
import { namedPrimary } from '../../config/primary-variable.ts';
import type { MetricsSnapshot } from '../observability/metrics-snapshot.ts';
import {
  BEAT_MILLISECONDS,
  type Beat,
  type ConfigurationRequest,
  isConfigurationAnswer,
  isRetirement,
} from './messages.ts';

/** A worker's side of what it has to do with its primary. */
export interface WorkerLink {
  /** Tells what was counted last. */
  leave(): void;
}

/**
 * Whether a primary of Latchkey looks after this process. A process manager may have made it a worker of its own, which then has to see to everything
 * by itself. Asked once: a process is handed on to another parent when its own ends.
 */
export const isWorkerOfOurs = cluster.isWorker && namedPrimary() === String(process.ppid);

/**
 * What the primary has this worker serve by; undefined in a process that is nobody's worker, or that of another program.
 * A worker does not read it by itself: what has been changed since is not accepted yet, and two workers of one service must not go by two configurations.
 */
export function configurationOfPrimary(): Promise<unknown> {
  if (!isWorkerOfOurs) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const hear = (message: unknown): void => {
      if (!isConfigurationAnswer(message)) return;
      process.off('message', hear);
      resolve(message.configuration);
    };
    process.on('message', hear);
    process.send?.({ latchkey: 'configuration' } satisfies ConfigurationRequest);
  });
}

/** Tells the primary that the event loop turns, and hears when to retire. Only in a worker of ours. */
export function joinPrimary(options: { metrics: () => MetricsSnapshot; onRetire: () => void }): WorkerLink {
  const { metrics, onRetire } = options;
  // Without its primary a worker has nobody to be handed connections by, nor to be stopped by: node:cluster ends it when
  // it notices, and this when it was about to say something.
  cluster.worker?.once('error', () => process.exit(1));
  const beat = (): void => {
    if (process.connected) process.send?.({ latchkey: 'beat', metrics: metrics() } satisfies Beat);
  };
  const beating = setInterval(beat, BEAT_MILLISECONDS);
  process.on('message', (message) => {
    if (isRetirement(message)) onRetire();
  });
  return {
    leave: () => {
      clearInterval(beating);
      beat();
    },
  };
}
