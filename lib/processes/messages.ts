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

/** From worker to primary: what am I to serve by? */
export interface ConfigurationRequest {
  latchkey: 'configuration';
}

/** From primary to worker, in answer. */
export interface ConfigurationAnswer {
  latchkey: 'configured';
  configuration: unknown;
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

/** The same of a request for the configuration. */
export function isConfigurationRequest(message: unknown): message is ConfigurationRequest {
  return hasName(message, 'configuration');
}

/** The same of its answer. */
export function isConfigurationAnswer(message: unknown): message is ConfigurationAnswer {
  return hasName(message, 'configured');
}
