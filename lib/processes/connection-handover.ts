import type { ChildProcess } from 'node:child_process';
import type { Worker } from 'node:cluster';

interface ClusterMessage {
  cmd?: string;
  act?: string;
  key?: string;
  seq?: number;
  ack?: number;
  accepted?: boolean;
}

interface Handle {
  close(): void;
}

/** A connection on its way to a worker. */
interface Handover {
  handle: Handle;
  /** What node:cluster calls the listener that it came by. */
  key: string | undefined;
  listener: number;
}

/**
 * Looks after the connections that node:cluster loses. It hands each to a worker, waits for the answer, and gives it to the
 * next when that is no. But a worker that is killed answers nothing, and the one that says no may have been the last: then the
 * connection is neither closed nor given to another, and its client waits until it loses patience. So what is handed over is noted as it
 * passes by. In the name of a worker that is gone its refusal is given, which node:cluster knows what to do with; and
 * where there is nobody to go to, the connection is closed. One that a worker has taken is the worker's own, and closed by its end.
 */
export class ConnectionHandover {
  readonly #workers = new Set<Worker>();
  /** With the last worker the listener goes, and with it the queue; the next worker makes a new one. */
  #listener = 0;

  watch(worker: Worker): void {
    const child: ChildProcess = worker.process;
    const underWay = new Map<number, Handover>();
    const send = child.send as (...parameters: unknown[]) => boolean;
    child.send = ((...parameters: unknown[]): boolean => {
      const [message, handle] = parameters as [ClusterMessage, Handle | undefined];
      if (message.act === 'newconn' && message.seq !== undefined && handle !== undefined) {
        underWay.set(message.seq, { handle, key: message.key, listener: this.#listener });
      }
      return send.apply(child, parameters);
    }) as ChildProcess['send'];
    // These listeners come after those of node:cluster, which have then done their part.
    child.on('internalMessage', ({ cmd, act, ack, accepted }: ClusterMessage) => {
      if (cmd !== 'NODE_CLUSTER') return;
      if (act === 'queryServer') this.#workers.add(worker);
      if (act === 'close') this.#remove(worker);
      const handover = ack === undefined ? undefined : underWay.get(ack);
      if (ack === undefined || handover === undefined) return;
      underWay.delete(ack);
      if (accepted === false && !this.#hasQueue(handover)) handover.handle.close();
    });
    const takeBack = (): void => {
      const lost = [...underWay];
      underWay.clear();
      const speak = (message: ClusterMessage): void => {
        child.emit('internalMessage', { cmd: 'NODE_CLUSTER', ...message });
      };
      // While the receipt of a connection is open its channel does not count as ended, and the worker is still in turn.
      for (const key of new Set(lost.map(([, handover]) => handover.key))) {
        if (child.connected && key !== undefined) speak({ act: 'close', key });
      }
      this.#remove(worker);
      for (const [seq, handover] of lost) {
        if (this.#hasQueue(handover)) speak({ ack: seq, accepted: false });
        else handover.handle.close();
      }
    };
    child.once('disconnect', takeBack);
    child.once('exit', takeBack);
  }

  #hasQueue({ listener }: Handover): boolean {
    return this.#workers.size > 0 && listener === this.#listener;
  }

  #remove(worker: Worker): void {
    if (this.#workers.delete(worker) && this.#workers.size === 0) this.#listener += 1;
  }
}
