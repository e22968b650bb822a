import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { RedisCommands } from './redis-commands.ts';

/**
 * What becomes of a command: `before` it reaches the server, `after` it was executed and before its answer, or in the `middle` of
 * the answer. The connection is then cut, or stays open and `mute` for good.
 */
export interface Loss {
  point: 'before' | 'after' | 'middle';
  connection: 'cut' | 'mute';
}

interface Plan extends Loss {
  /** What the command's bytes have in them. */
  marker: string;
  /** How many such commands pass first. */
  passing: number;
  done: () => void;
}

/** One connection through the proxy. */
interface Link {
  client: Socket;
  server: Socket;
  /** Set once a command of it was chosen: from then on nothing passes but what the loss lets pass. */
  loss: Plan | undefined;
  /** Bytes of it were dropped, so that it is of no use any more. */
  isDamaged: boolean;
}

/**
 * Stands between clients and a server on the loopback, and is the network that fails between them: cut off both ways, slow, losing
 * the answer to a command that was executed. Commands are told apart where the protocol is that of Redis.
 */
export class TcpProxy {
  readonly #target: number;
  readonly #protocol: 'redis' | 'bytes';
  readonly #links = new Set<Link>();
  #server: Server | undefined;
  #port = 0;
  #partition: 'none' | 'mute' | 'refuse' = 'none';
  #latency = 0;
  #plans: Plan[] = [];
  #counted: { marker: string; commands: number } | undefined;

  private constructor(target: number, protocol: 'redis' | 'bytes') {
    this.#target = target;
    this.#protocol = protocol;
  }

  static async start(target: number, protocol: 'redis' | 'bytes' = 'redis'): Promise<TcpProxy> {
    const proxy = new TcpProxy(target, protocol);
    await proxy.#listen();
    return proxy;
  }

  get port(): number {
    return this.#port;
  }

  /** How many connections there are. */
  get connections(): number {
    return this.#links.size;
  }

  /** Cuts the client off: `mute` drops what either side sends and keeps connections open, `refuse` closes them and takes no others. */
  async partition(how: 'mute' | 'refuse'): Promise<void> {
    this.#partition = how;
    if (how === 'mute') return;
    await this.#stopListening();
  }

  /** Ends a partition. Connections that lost bytes are closed: no network loses the middle of a stream and goes on. */
  async heal(): Promise<void> {
    const was = this.#partition;
    this.#partition = 'none';
    for (const link of this.#links) if (link.isDamaged) this.#end(link);
    if (was === 'refuse') await this.#listen();
  }

  /** Delays what either side sends by so much (ms). */
  slowDown(milliseconds: number): void {
    this.#latency = milliseconds;
  }

  /**
   * Loses the next command that has `marker` in it, after `passing` others that have. Resolves when that has happened; several may be
   * planned, and each takes one command.
   */
  lose(marker: string, loss: Loss, passing = 0): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#plans.push({ ...loss, marker, passing, done: resolve });
    return promise;
  }

  /** Drops what is still planned, so that no later command is lost; answers how many there were. */
  relent(): number {
    return this.#plans.splice(0).length;
  }

  /** Counts the commands that have `marker` in them while `work` runs. */
  async count(marker: string, work: () => Promise<unknown>): Promise<number> {
    const counted = { marker, commands: 0 };
    this.#counted = counted;
    try {
      await work();
    } finally {
      this.#counted = undefined;
    }
    return counted.commands;
  }

  async close(): Promise<void> {
    await this.#stopListening();
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => this.#join(client));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  async #stopListening(): Promise<void> {
    for (const link of this.#links) destroy(link);
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    await once(server, 'close');
  }

  #join(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const link: Link = { client, server, loss: undefined, isDamaged: false };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => {});
      // Behind a partition nobody hears that the other side is gone.
      socket.on('close', () => {
        if (this.#partition === 'mute') link.isDamaged = true;
        else this.#end(link);
      });
    }
    const toServer = this.#wire(link, server);
    const toClient = this.#wire(link, client);
    const commands = new RedisCommands();
    client.on('data', (bytes) => {
      for (const command of this.#protocol === 'redis' ? commands.push(bytes) : [bytes]) {
        if (this.#arrives(link, command)) toServer(command);
      }
    });
    server.on('data', (bytes) => this.#answers(link, bytes, toClient));
  }

  #end(link: Link): void {
    destroy(link);
    this.#links.delete(link);
  }

  /** Sends bytes on, as late as the latency says and in their order. */
  #wire(link: Link, socket: Socket): (bytes: Buffer) => void {
    const waiting: { bytes: Buffer; due: number }[] = [];
    const flush = (): void => {
      while (waiting[0] !== undefined && waiting[0].due <= performance.now())
        socket.write(waiting.shift()?.bytes ?? '');
      if (waiting[0] !== undefined) setTimeout(flush, Math.ceil(waiting[0].due - performance.now()));
    };
    return (bytes) => {
      if (this.#partition === 'mute') {
        link.isDamaged = true;
        return;
      }
      waiting.push({ bytes, due: performance.now() + this.#latency });
      if (waiting.length === 1) flush();
    };
  }

  /** Whether a command reaches the server. */
  #arrives(link: Link, command: Buffer): boolean {
    if (link.loss !== undefined) return false;
    if (this.#counted !== undefined && command.includes(this.#counted.marker)) this.#counted.commands += 1;
    const plan = this.#plans.find(({ marker }) => command.includes(marker));
    if (plan === undefined) return true;
    if (plan.passing > 0) {
      plan.passing -= 1;
      return true;
    }
    this.#plans.splice(this.#plans.indexOf(plan), 1);
    link.loss = plan;
    if (plan.point !== 'before') return true;
    this.#lost(link, plan);
    return false;
  }

  #answers(link: Link, bytes: Buffer, toClient: (bytes: Buffer) => void): void {
    const { loss } = link;
    if (loss === undefined) {
      toClient(bytes);
      return;
    }
    if (loss.point === 'before') return;
    if (loss.point === 'middle') link.client.write(bytes.subarray(0, Math.ceil(bytes.length / 2)));
    this.#lost(link, { ...loss, point: 'before' });
  }

  /** What comes from now on is dropped. */
  #lost(link: Link, loss: Plan): void {
    link.loss = loss;
    link.isDamaged = true;
    if (loss.connection === 'cut') link.client.end(() => this.#end(link));
    loss.done();
  }
}

function destroy({ client, server }: Link): void {
  client.destroy();
  server.destroy();
}
