import { isWorkerOfOurs } from './processes/worker-link.ts';

/** What an operator tells a running server by signals. */
export interface Signals {
  /** Settles at SIGTERM or SIGINT. A second one of the same kind ends the process at once. */
  readonly stop: Promise<void>;
  /** Calls `listener` at each SIGHUP: take over what has changed. */
  onReload(listener: () => void): void;
}

/**
 * Listens for signals from here on. SIGHUP has two meanings: to a service it says that something has changed; from a terminal that
 * was closed it says that nobody is there any more, so that a server which was started by hand stops rather than to hold
 * its port for ever. Workers leave it to their primary, since a terminal tells all of its processes.
 */
export function listenForSignals(): Signals {
  const reloads: Array<() => void> = [];
  const isByHand = process.stdin.isTTY === true && process.stderr.isTTY === true;
  const stop = new Promise<void>((resolve) => {
    process.once('SIGTERM', () => resolve());
    process.once('SIGINT', () => resolve());
    process.on('SIGHUP', () => {
      if (isWorkerOfOurs) return;
      if (isByHand) resolve();
      else for (const reload of reloads) reload();
    });
  });
  return { stop, onReload: (listener) => reloads.push(listener) };
}
