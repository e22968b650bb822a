import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect } from 'chai';
import { eventually, freePort, LatchkeyProcess } from './latchkey-process.ts';

const BODY = 'grant_type=client_credentials';

/** A request whose body is held back: the server has it in flight until `finish`. */
class HeldRequest {
  readonly #socket: Socket;
  #answer = '';

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#answer += chunk;
    });
  }

  static async begin(port: number, credentials: string): Promise<HeldRequest> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    const request = new HeldRequest(socket);
    socket.write(
      `POST /token HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${btoa(credentials)}\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${BODY.length}\r\n` +
        'Expect: 100-continue\r\n\r\n',
    );
    await eventually('the server is ready for the body', () => request.#answer.startsWith('HTTP/1.1 100 '));
    request.#answer = '';
    socket.write(BODY.slice(0, 5));
    return request;
  }

  /** Sends the rest and answers what came until the server closed the connection. */
  async finish(): Promise<string> {
    const closed = once(this.#socket, 'close');
    this.#socket.write(BODY.slice(5));
    await closed;
    return this.#answer;
  }
}

const isRefused = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });

for (const workers of ['1', '2']) {
  describe(`SIGTERM with ${workers} worker${workers === '1' ? '' : 's'}`, () => {
    let latchkey: LatchkeyProcess;
    let managementPort: number;

    before(async () => {
      managementPort = await freePort();
      latchkey = await LatchkeyProcess.start({
        LATCHKEY_WORKERS: workers,
        LATCHKEY_MANAGEMENT_PORT: String(managementPort),
      });
    });
    after(() => latchkey.stop());

    it('accepts nothing new, finishes what is in flight, and ends with exit code 0', async () => {
      const { client_id: id, client_secret: secret } = await latchkey.createClient({
        grant_types: ['client_credentials'],
      });
      const port = Number(latchkey.environment.LATCHKEY_PORT);
      const idle = connect(port, '127.0.0.1');
      await once(idle, 'connect');
      idle.on('error', () => undefined);
      const idleClosed = once(idle, 'close');
      const request = await HeldRequest.begin(port, `${id}:${secret}`);

      const ended = latchkey.terminate();
      await eventually('new connections are refused', () => isRefused(port));
      await idleClosed;
      const ready = await fetch(`http://127.0.0.1:${managementPort}/readyz`);
      expect(ready.status).to.equal(503);
      const healthy = await fetch(`http://127.0.0.1:${managementPort}/healthz`);
      expect(healthy.status).to.equal(200);

      const answer = await request.finish();
      expect(answer)
        .to.match(/^HTTP\/1\.1 200 OK\r\n/)
        .and.contain('"access_token"');
      expect(await ended).to.equal(0);
      expect(latchkey.output).to.contain('"msg":"stopping"').and.not.contain('    at ');
    });

    it('leaves data that the next start goes on with', async () => {
      await latchkey.launch();
      expect((await fetch(`${latchkey.issuer}/jwks`)).status).to.equal(200);
      expect(await latchkey.terminate()).to.equal(0);
    });
  });
}
