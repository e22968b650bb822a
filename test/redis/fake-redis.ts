import { createServer, type Server, type Socket } from 'node:net';

/** Answers one command (its words) with RESP2; undefined closes the connection in place of an answer. */
type Answer = (words: string[]) => string | undefined;

/** A server that says what it is told to, for what a real one cannot be brought to. */
export class FakeRedis {
  readonly commands: string[][] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(answer: Answer) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
      let pending = '';
      socket.on('data', (chunk) => {
        pending += chunk.toString();
        for (;;) {
          const [words, length] = firstCommand(pending);
          if (words === undefined) return;
          pending = pending.slice(length);
          this.commands.push(words);
          const reply = answer(words);
          if (reply === undefined) socket.destroy();
          else socket.write(reply);
        }
      });
    });
  }

  static async start(answer: Answer): Promise<FakeRedis> {
    const fake = new FakeRedis(answer);
    await new Promise<void>((resolve) => fake.#server.listen(0, '127.0.0.1', resolve));
    return fake;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** The first whole command of what has arrived, and how long it is. The tests send ASCII alone. */
function firstCommand(text: string): [words: string[] | undefined, length: number] {
  const lines = text.split('\r\n');
  const count = Number(lines[0]?.slice(1));
  if (!text.startsWith('*') || lines.length < 2 * count + 2) return [undefined, 0];
  const used = lines.slice(0, 2 * count + 1);
  return [used.filter((_, index) => index > 0 && index % 2 === 0), used.join('\r\n').length + 2];
}

const bulk = (text: string): string => `$${Buffer.byteLength(text)}\r\n${text}\r\n`;

/** What a server of this version, without RESP3, says to get a client started. */
export function greeting(version: string, more = ''): Answer {
  return ([name = '']) => {
    switch (name.toLowerCase()) {
      case 'hello':
        return '-ERR unknown command `HELLO`\r\n';
      case 'info':
        return bulk(
          `redis_version:${version}\r\nrole:master\r\nmaxmemory_policy:noeviction\r\naof_enabled:1\r\n${more}`,
        );
      default:
        return '+OK\r\n';
    }
  };
}
