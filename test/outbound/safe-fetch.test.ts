import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createRawServer } from 'node:net';
import { expect } from 'chai';
import { createSafeFetch, type SafeFetch, SafeFetchError } from '../../lib/outbound/safe-fetch.ts';
import { isLoopbackAddress, reachableAddresses } from '../../lib/outbound/special-addresses.ts';

const BOUNDS = { maximumBytes: 1000, timeoutMs: 2000 };

describe('addresses that may be called', () => {
  const isPublic = reachableAddresses([]);

  it('are those of the public Internet', () => {
    for (const address of ['8.8.8.8', '172.15.255.255', '172.32.0.1', '2606:4700::1111', '::ffff:8.8.8.8']) {
      expect(isPublic(address), address).to.equal(true);
    }
    for (const address of [
      ...['0.0.0.0', '10.1.2.3', '100.64.0.1', '127.0.0.1', '127.255.0.1', '169.254.169.254', '172.16.0.1'],
      ...['192.168.1.1', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255'],
      ...['::', '::1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::ffff:169.254.169.254'],
      ...['::ffff:0:127.0.0.1', '4000::1', 'a000::1'],
      ...['64:ff9b::7f00:1', '2002:7f00:1::', '2001::1', 'fd00::1', 'fe80::1', 'fec0::1', 'ff02::1'],
      ...['', 'localhost'],
    ]) {
      expect(isPublic(address), address).to.equal(false);
    }
  });

  it('are others when they are allowed, and no more than those', () => {
    const isReachable = reachableAddresses(['10.1.0.0/16', 'fd00:1::/32', '192.168.7.7']);
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', 'fd00:1::5', '192.168.7.7', '8.8.8.8']) {
      expect(isReachable(address), address).to.equal(true);
    }
    for (const address of ['10.2.0.1', 'fd00:2::5', '192.168.7.8', '127.0.0.1', '::1']) {
      expect(isReachable(address), address).to.equal(false);
    }
    expect(reachableAddresses(['loopback'])('::1')).to.equal(true);
    expect(isLoopbackAddress('::ffff:127.8.0.1')).to.equal(true);
  });
});

describe('calls to addresses that others have named', function () {
  this.timeout(60_000);
  let server: Server;
  let origin: string;
  let calls: { path: string; headers: IncomingMessage['headers']; body: string }[];
  const fetchAllowed: SafeFetch = createSafeFetch({ privateNetworks: ['loopback'] });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/redirect') response.writeHead(302, { location: `${origin}/long` }).end();
    else if (request.url === '/long') response.end('x'.repeat(2000));
    else if (request.url === '/endless') {
      const more = setInterval(() => response.write('x'), 20);
      response.on('close', () => clearInterval(more));
    } else if (request.url === '/never') response.socket?.setKeepAlive(true);
    else if (request.url === '/empty') response.writeHead(204).end();
    else response.writeHead(201, { 'content-type': 'text/plain', 'x-two': ['a', 'b'] }).end('taken');
  }

  before(async () => {
    server = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk) => {
        body += chunk;
      });
      request.on('end', () => {
        calls.push({ path: request.url ?? '', headers: request.headers, body });
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  beforeEach(() => {
    calls = [];
  });
  after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  async function failure(url: string, fetchWith = fetchAllowed, bounds = BOUNDS): Promise<SafeFetchError> {
    const error = await fetchWith(url, bounds).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect(error, url).to.be.instanceOf(SafeFetchError);
    return error as SafeFetchError;
  }

  it('send what they are given and answer what comes', async () => {
    const response = await fetchAllowed(`${origin}/take`, {
      ...BOUNDS,
      method: 'POST',
      headers: { 'x-given': 'yes' },
      body: new URLSearchParams({ a: '1 2' }),
    });
    expect(response.status).to.equal(201);
    expect(response.headers.get('x-two')).to.equal('a, b');
    expect(await response.text()).to.equal('taken');
    const [call] = calls;
    expect(call).to.include({ path: '/take', body: 'a=1+2' });
    expect(call?.headers).to.include({
      'x-given': 'yes',
      'accept-encoding': 'identity',
      'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
    });
    expect((await fetchAllowed(`${origin}/empty`, BOUNDS)).body).to.equal(null);
  });

  it('follow no redirect', async () => {
    const response = await fetchAllowed(`${origin}/redirect`, BOUNDS);
    expect(response.status).to.equal(302);
    expect(calls.map(({ path }) => path)).to.deep.equal(['/redirect']);
  });

  it('end when the answer is too long or does not end in time', async () => {
    expect((await failure(`${origin}/long`)).reason).to.equal('too_large');
    const short = { maximumBytes: 1_000_000, timeoutMs: 300 };
    expect((await failure(`${origin}/endless`, fetchAllowed, short)).reason).to.equal('timed_out');
    expect((await failure(`${origin}/never`, fetchAllowed, short)).reason).to.equal('timed_out');
    const stopped = AbortSignal.abort(new Error('the caller has gone'));
    const error = await fetchAllowed(`${origin}/take`, { ...BOUNDS, signal: stopped }).catch(
      (thrown: unknown) => thrown,
    );
    expect((error as Error).message).to.equal('the caller has gone');
  });

  it('end when another protocol is switched to, which nobody asked for', async () => {
    const raw = createRawServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () =>
        socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
      );
    });
    await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    const { port } = raw.address() as AddressInfo;
    expect((await failure(`http://127.0.0.1:${port}/`)).reason).to.equal('unreachable');
    await new Promise((resolve) => raw.close(resolve));
  });

  it('are refused by the address that is connected to, however it is written or named', async () => {
    const { port } = new URL(origin);
    const strict = createSafeFetch({ privateNetworks: ['10.0.0.0/8'] });
    for (const host of ['127.0.0.1', 'localhost', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) {
      for (const scheme of ['http', 'https']) {
        const error = await failure(`${scheme}://${host}:${port}/take`, strict);
        expect(error.reason, `${scheme}://${host}`).to.equal('refused_address');
      }
    }
    expect(calls).to.deep.equal([]);
  });

  it('tell nobody which names there are that are not public', async () => {
    const strict = createSafeFetch({ privateNetworks: [] });
    const words = async (name: string) =>
      (await failure(`https://${name}/`, strict)).message.replace(name, 'NAME');
    expect(await words('localhost')).to.equal(await words('nobody.invalid'));
  });

  it('go in the clear to this machine alone, and to nothing that is no web address', async () => {
    expect((await failure('http://8.8.8.8/')).reason).to.equal('refused_address');
    for (const url of [
      'ftp://127.0.0.1/',
      'file:///etc/passwd',
      'no address',
      'https://me:secret@8.8.8.8/',
    ]) {
      const { reason, message } = await failure(url);
      expect(reason, url).to.equal('refused_url');
      expect(message).to.not.contain('secret');
    }
  });

  it('tell that nobody is there', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    await new Promise((resolve) => other.close(resolve));
    const { reason, message } = await failure(`http://127.0.0.1:${port}/`);
    expect(reason).to.equal('unreachable');
    expect(message).to.contain('ECONNREFUSED');
  });
});
