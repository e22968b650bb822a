import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import type { FailurePoint } from './failing-calls.ts';

export const FAILURE_POINTS: readonly FailurePoint[] = ['before', 'after', 'overdue'];

/** Tells a server, into which failing-calls.ts is loaded, which call of its store is to fail. */
export class FailingStorage {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** What the server is started with. */
  static environment(socketFile: string): Record<string, string> {
    return {
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, 'failing-calls.ts')}`,
      TEST_CALLS_SOCKET: socketFile,
    };
  }

  static async connect(socketFile: string): Promise<FailingStorage> {
    const socket = connect(socketFile);
    await once(socket, 'connect');
    return new FailingStorage(socket);
  }

  /** Lets the `call`th call from now on fail, or none (0). Answers how many there were since it was told last, and whether the one to fail has. */
  async fail(call: number, point: FailurePoint = 'before'): Promise<{ calls: number; hasFailed: boolean }> {
    this.#socket.write(JSON.stringify({ call, point }));
    const [line] = await once(this.#socket, 'data');
    return JSON.parse(String(line));
  }

  close(): void {
    this.#socket.destroy();
  }
}
