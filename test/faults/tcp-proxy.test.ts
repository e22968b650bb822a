import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { eventually } from '../flows/latchkey-process.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { RedisCommands } from './redis-commands.ts';
import { TcpProxy } from './tcp-proxy.ts';

describe('the proxy that is the network', () => {
  describe('before Redis', () => {
    let server: RedisServer;
    let proxy: TcpProxy;
    let client: Redis;

    before(async () => {
      server = await RedisServer.start();
    });
    after(() => server.remove());
    beforeEach(async () => {
      await server.command('FLUSHALL');
      proxy = await TcpProxy.start(server.port);
      client = new Redis({ port: proxy.port, commandTimeout: 300, retryStrategy: null, lazyConnect: true });
      client.on('error', () => {});
      await client.connect();
    });
    afterEach(async () => {
      client.disconnect();
      await proxy.close();
    });

    const failureOf = (command: Promise<unknown>) =>
      command.then(
        () => 'none',
        (error: Error) => error.message,
      );

    it('passes everything on', async () => {
      await client.set('key', 'x'.repeat(300_000));
      expect(await client.get('key')).to.have.length(300_000);
    });

    it('loses the answer to a command that was executed, with the connection', async () => {
      const lost = proxy.lose('marked', { point: 'after', connection: 'cut' }, 1);
      await client.incr('marked');
      const failure = await failureOf(client.incr('marked'));
      await lost;
      expect(failure).to.match(/closed|ECONNRESET/);
      expect(await server.command('GET', 'marked')).to.equal('2');
    });

    it('loses a command before it is executed', async () => {
      const lost = proxy.lose('marked', { point: 'before', connection: 'cut' });
      expect(await failureOf(client.incr('marked'))).to.not.equal('none');
      await lost;
      expect(await server.command('GET', 'marked')).to.equal(null);
    });

    it('cuts an answer in its middle', async () => {
      await client.set('marked', 'x'.repeat(1000));
      const lost = proxy.lose('marked', { point: 'middle', connection: 'cut' });
      expect(await failureOf(client.get('marked'))).to.match(/closed|ECONNRESET/);
      await lost;
    });

    it('goes mute after a command, and only the time-out tells', async () => {
      const lost = proxy.lose('marked', { point: 'after', connection: 'mute' });
      expect(await failureOf(client.incr('marked'))).to.include('timed out');
      await lost;
      expect(client.status).to.equal('ready');
      expect(await server.command('GET', 'marked')).to.equal('1');
    });

    it('drops everything while it is a partition, and breaks what was open when it heals', async () => {
      await proxy.partition('mute');
      expect(await failureOf(client.incr('key'))).to.include('timed out');
      expect(client.status).to.equal('ready');
      await proxy.heal();
      await eventually('the connection is broken', () => client.status === 'end');
      expect(await server.command('GET', 'key')).to.equal(null);
    });

    it('refuses connections while it is a partition of that kind', async () => {
      await proxy.partition('refuse');
      await eventually('the connection is broken', () => client.status === 'end');
      expect(await failureOf(client.connect())).to.not.equal('none');
      await proxy.heal();
      await client.connect();
      expect(await client.ping()).to.equal('PONG');
    });

    it('delays in order', async () => {
      proxy.slowDown(50);
      const began = performance.now();
      const answers = Promise.all(Array.from({ length: 20 }, (_, index) => client.echo(String(index))));
      await eventually('something was sent', () => performance.now() - began > 60);
      proxy.slowDown(0);
      const late = client.echo('late');
      expect(await answers).to.deep.equal(Array.from({ length: 20 }, (_, index) => String(index)));
      expect(await late).to.equal('late');
      expect(performance.now() - began).to.be.least(100);
    });

    it('counts the commands that are marked', async () => {
      const count = await proxy.count('marked', () =>
        client.pipeline().incr('marked').incr('other').incr('marked').exec(),
      );
      expect(count).to.equal(2);
    });
  });

  it('passes on what is no Redis', async () => {
    const echo: Server = createServer((socket: Socket) => socket.pipe(socket));
    echo.listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const proxy = await TcpProxy.start((echo.address() as AddressInfo).port, 'bytes');
    const client = connect(proxy.port, '127.0.0.1');
    try {
      client.write('SELECT 1');
      expect(String((await once(client, 'data'))[0])).to.equal('SELECT 1');
    } finally {
      client.destroy();
      await proxy.close();
      echo.close();
    }
  });

  it('tells commands apart wherever they are cut', () => {
    const commands = [
      '*1\r\n$4\r\nPING\r\n',
      '*2\r\n$3\r\nGET\r\n$4\r\n\r\n*1\r\n',
      '*2\r\n$4\r\nECHO\r\n$0\r\n\r\n',
    ];
    const bytes = Buffer.from(commands.join(''));
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const parser = new RedisCommands();
      const found = [...parser.push(bytes.subarray(0, cut)), ...parser.push(bytes.subarray(cut))];
      expect(found.map(String), `cut at ${cut}`).to.deep.equal(commands);
    }
  });
});
