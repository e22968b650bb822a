import type { ConnectionOptions } from 'node:tls';
import { Redis } from 'ioredis';
import { ignoreLateSocketErrors } from './late-socket-errors.ts';

interface SentinelOptions {
  username?: string;
  password?: string;
  tls?: ConnectionOptions;
  connectTimeout: number;
  disconnectTimeout: number;
  retryStrategy: (times: number) => number;
}

/**
 * Listens to every Sentinel for a change of master, and calls `changed` for ours. Without it a master that is cut off from
 * the Sentinels, and not yet from us, would be written to until somebody notices. (ioredis has such a detector: it logs each Sentinel
 * that is down, takes every group’s failover for ours, and may end its client.) Answers what ends it.
 */
export function watchFailover(
  sentinels: readonly { host: string; port: number }[],
  masterName: string,
  options: SentinelOptions,
  changed: () => void,
): () => void {
  const clients = sentinels.map((sentinel) => {
    const client = new Redis({ ...options, ...sentinel, lazyConnect: true, enableReadyCheck: false });
    client.on('error', () => {});
    ignoreLateSocketErrors(client);
    client.on('message', (_channel: string, message: string) => {
      if (message.startsWith(`${masterName} `)) changed();
    });
    // Connecting again subscribes again; a first attempt that fails is repeated like any other.
    client.on('ready', () => {
      client.subscribe('+switch-master').catch(() => {});
    });
    client.connect().catch(() => {});
    return client;
  });
  return () => {
    for (const client of clients) client.disconnect();
  };
}
