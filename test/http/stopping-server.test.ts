import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { type RunningServer, startServer } from '../../lib/http/transport/server.ts';
import { createLog } from '../../lib/observability/log.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { Stopwatch } from '../flows/stopwatch.ts';

const ASK = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

/** A client that keeps its connection. */
class Client {
  text = '';
  closed = false;
  readonly socket: Socket;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (chunk) => {
      this.text += chunk;
    });
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  get answers(): number {
    return this.text.match(/HTTP\/1\.1 200 /g)?.length ?? 0;
  }

  /** Asks, and waits until so many answers came in all. */
  async ask(answers: number): Promise<void> {
    this.socket.write(ASK);
    await eventually(`${answers} answers came`, () => this.answers >= answers);
  }
}

describe('a server that stops', () => {
  let server: RunningServer;
  let release: () => void;
  let inFlight: number;
  const clients: Client[] = [];

  beforeEach(async () => {
    inFlight = 0;
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    server = await startServer({
      host: '127.0.0.1',
      port: 0,
      headers: [],
      log: createLog('silent'),
      requestMilliseconds: 1200,
      handle: async (request, response) => {
        inFlight += 1;
        if (request.url === '/slow') await released;
        response.end('answer');
      },
    });
  });
  afterEach(() => {
    for (const { socket } of clients.splice(0)) socket.destroy();
  });

  async function open(): Promise<Client> {
    const client = new Client(server.port);
    clients.push(client);
    await once(client.socket, 'connect');
    return client;
  }

  it('tells who is in flight to leave, and closes after the answer', async () => {
    const client = await open();
    client.socket.write('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n');
    await eventually('it is in flight', () => inFlight === 1);
    const stopped = server.stop();
    release();
    await stopped;
    await eventually('it is closed', () => client.closed);
    expect(client.text)
      .to.match(/^HTTP\/1\.1 200 OK\r\n/)
      .and.contain('Connection: close\r\n');
  });

  it('closes idle connections soon when nobody goes on serving', async () => {
    const client = await open();
    await client.ask(1);
    const stopwatch = new Stopwatch();
    await server.stop();
    expect(stopwatch.read()).to.be.below(900);
    await eventually('it is closed', () => client.closed);
  });

  it('leaves idle connections open for a while when somebody does, and answers what comes with leave to go', async () => {
    const [used, unused, silent] = [await open(), await open(), await open()];
    await used.ask(1);
    await unused.ask(1);
    const stopped = server.stop({ idleMilliseconds: 1500 });
    await eventually(
      'new connections are refused',
      () =>
        new Promise<boolean>((resolve) => {
          const socket = connect(server.port, '127.0.0.1');
          socket.on('connect', () => socket.destroy());
          socket.on('error', () => resolve(true));
          socket.on('close', () => resolve(false));
        }),
    );
    expect(unused.closed).to.equal(false);
    await used.ask(2);
    await eventually('it is closed', () => used.closed);
    expect(used.text.split('HTTP/1.1').at(-1)).to.contain('Connection: close\r\n');
    await silent.ask(1);
    expect(silent.text).to.contain('Connection: close\r\n');
    await stopped;
    await eventually('the unused one is closed', () => unused.closed);
  });

  it('does not cut a request that is being sent, and does not wait for it for ever', async () => {
    const [slow, stuck] = [await open(), await open()];
    await slow.ask(1);
    slow.socket.write('GET / HTTP/1.1\r\nHos');
    stuck.socket.write('GET / HTTP/1.1\r\nHos');
    // Both beginnings have arrived when a later request of another connection was answered.
    await (await open()).ask(1);
    const stopped = server.stop();
    slow.socket.write('t: a\r\n\r\n');
    await eventually('it is answered', () => slow.answers === 2);
    await stopped;
    await eventually('both are closed', () => slow.closed && stuck.closed);
    expect(stuck.text).to.match(/^HTTP\/1\.1 408 /);
  });
});
