import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

type Loss = 'connection' | 'answers';

/**
 * Stands between a client and a server on the loopback and loses what the server answers: commands arrive and run,
 * and nobody hears of it.
 */
export class ReplyProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #losing: { marker: string; loss: Loss } | undefined;
  #lost: (() => void) | undefined;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(port: number): Promise<ReplyProxy> {
    const server = createServer();
    const proxy = new ReplyProxy(server);
    server.on('connection', (client) => proxy.#join(client, connect(port, '127.0.0.1')));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * Loses the answer to the next command that has `marker` in it: with the connection, or while that stays open and mute. Resolves when
   * the server has answered.
   */
  loseAnswerTo(marker: string, loss: Loss): Promise<void> {
    this.#losing = { marker, loss };
    return new Promise((resolve) => {
      this.#lost = resolve;
    });
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(client: Socket, server: Socket): void {
    let loss: Loss | undefined;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        this.#sockets.delete(socket);
        client.destroy();
        server.destroy();
      });
    }
    client.on('data', (bytes) => {
      if (this.#losing !== undefined && bytes.includes(this.#losing.marker)) {
        ({ loss } = this.#losing);
        this.#losing = undefined;
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (loss === undefined) {
        client.write(bytes);
        return;
      }
      this.#lost?.();
      if (loss === 'connection') client.destroy();
    });
  }
}
