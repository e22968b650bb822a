import { Agent, request } from 'node:http';

/** One request to send again and again. */
export interface LoadRequest {
  method: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Clients that keep their connections, each sending its next request when the last one is answered. */
export class KeepAliveLoad {
  /** What went wrong, if anything: a connection that broke, a status that is not 200. */
  readonly failures: string[] = [];
  answered = 0;
  /** How many connections were used so far. */
  connections = 0;
  readonly #agent: Agent;
  readonly #clients: Promise<void>[];
  #running = true;

  /** `pauses`: how long (ms) each client waits between its requests; one client for each. */
  constructor(port: number, requests: LoadRequest[], pauses: number[]) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: pauses.length });
    this.#clients = pauses.map((pause, index) => this.#client(port, requests, pause, index));
  }

  async #client(port: number, requests: LoadRequest[], pause: number, index: number): Promise<void> {
    for (let turn = index; this.#running; turn += 1) {
      const next = requests[turn % requests.length] as LoadRequest;
      try {
        const status = await this.#send(port, next);
        if (status === 200) this.answered += 1;
        else this.failures.push(`${next.method} ${next.path}: ${status}`);
      } catch (error) {
        this.failures.push(`${next.method} ${next.path}: ${String(error)}`);
      }
      if (pause > 0 && this.#running) await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  #send(port: number, { method, path, headers = {}, body }: LoadRequest): Promise<number> {
    return new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port,
          method,
          path,
          agent: this.#agent,
          headers: { Host: 'localhost', ...headers },
        },
        (response) => {
          response.on('error', reject);
          response.on('end', () => resolve(response.statusCode ?? 0));
          response.resume();
        },
      );
      sent.on('socket', () => {
        if (!sent.reusedSocket) this.connections += 1;
      });
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /** Ends the load after the requests that are under way. */
  async stop(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#clients);
    this.#agent.destroy();
  }
}
