import { connect } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect } from 'chai';
import { type RunningServer, startServer } from '../../lib/http/transport/server.ts';
import { createLog } from '../../lib/observability/log.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { authorizationRequest } from './authorization-request.ts';
import { expectSecurityHeaders } from './expect-headers.ts';
import { rawRequest } from './raw-request.ts';

const REDIRECT_URI = 'http://localhost:9/cb';
const FORM = 'application/x-www-form-urlencoded';

describe('hostile requests', () => {
  let latchkey: LatchkeyProcess;
  let clientId: string;
  let authorization: string;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    const client = await latchkey.createClient({ client_name: 'Notes', redirect_uris: [REDIRECT_URI] });
    clientId = client.client_id;
    authorization = `Basic ${btoa(`${clientId}:${client.client_secret}`)}`;
  });
  after(() => latchkey?.stop());

  const authorize = (more: Record<string, string | undefined> = {}) =>
    authorizationRequest(latchkey.issuer, { client_id: clientId, redirect_uri: REDIRECT_URI, ...more }).url;

  /** No bug, a known status, an answer in time; what it says is in the words of the protocol. */
  async function expectRefusal(what: string, request: Promise<Response>): Promise<void> {
    const response = await request;
    const text = await response.text();
    expect(response.status, `${what}: ${text}`).to.be.within(400, 499);
    expectSecurityHeaders(response.headers, what);
    if (response.headers.get('content-type')?.startsWith('application/json')) {
      expect(JSON.parse(text), what)
        .to.have.property('error')
        .that.matches(/^[a-z_]+$/);
    } else {
      expect(text, what).to.match(/data-page="(error|expired)"/);
    }
  }

  const odd: [what: string, type: string | undefined, body: string | Uint8Array][] = [
    ['nothing', undefined, ''],
    ['JSON', 'application/json', '{"grant_type":"authorization_code"}'],
    ['broken JSON', 'application/json', '{"grant_type":'],
    ['JSON that is deep', 'application/json', '['.repeat(20_000)],
    ['XML', 'text/xml', '<a/>'],
    ['parts', 'multipart/form-data; boundary=x', '--x\r\n\r\n--x--'],
    ['a type that is none', '///', 'a=b'],
    ['an unknown charset', `${FORM}; charset=klingon`, 'grant_type=authorization_code'],
    ['invalid UTF-8', FORM, Uint8Array.of(0x67, 0x3d, 0xff, 0xfe, 0xc0, 0x80)],
    ['invalid percent signs', FORM, 'grant_type=%zz&code=%&%=%ff'],
    ['NUL', FORM, 'grant_type=authorization_code%00&code=%00'],
    ['a parameter twice', FORM, 'grant_type=authorization_code&code=a&code=b&redirect_uri=c'],
    ['the grant type twice', FORM, 'grant_type=authorization_code&grant_type=refresh_token'],
    ['brackets', FORM, 'grant_type[]=authorization_code&code[a][b]=c'],
    ['deep brackets', FORM, `a${'[b]'.repeat(5000)}=c`],
    ['__proto__', FORM, '__proto__=x&__proto__[admin]=1&constructor[prototype][a]=b&grant_type=__proto__'],
    ['constructor', FORM, 'grant_type=constructor&toString=x&hasOwnProperty=y'],
    ['many parameters', FORM, Array.from({ length: 9000 }, (_, n) => `p${n}=`).join('&')],
    ['57 KiB', FORM, `grant_type=authorization_code&code=${'a'.repeat(57 * 1024)}`],
  ];

  for (const [what, type, body] of odd) {
    it(`get the error of the RFC from the endpoints of clients: ${what}`, async () => {
      for (const path of ['/token', '/introspection', '/token/revocation', '/request', '/device/auth']) {
        const headers = { authorization, ...(type === undefined ? {} : { 'content-type': type }) };
        await expectRefusal(path, fetch(latchkey.issuer + path, { method: 'POST', headers, body }));
      }
    });

    it(`get a page from the steps of an interaction: ${what}`, async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const page = await browser.visit(authorize());
      for (const step of ['login', 'consent', 'select', 'switch', 'cancel']) {
        const url = new URL(`/interaction/${page.url.pathname.split('/')[2]}/${step}`, latchkey.issuer);
        const headers = type === undefined ? {} : { 'content-type': type };
        const response = await browser.request(url, { method: 'POST', headers, body });
        expect(response.status, step).to.be.oneOf([400, 403, 413, 415]);
        expect(await response.text(), step).to.match(/data-page="(login|error)"/);
      }
      expect((await browser.visit(page.url)).pageName).to.equal('login');
    });
  }

  for (const [what, type, body] of odd) {
    it(`get a page from where people enter a device’s code: ${what}`, async () => {
      const browser = new FormBrowser(latchkey.issuer);
      for (const attempt of ['without a session', 'with one']) {
        const headers = type === undefined ? {} : { 'content-type': type };
        const response = await browser.request(`${latchkey.issuer}/device`, {
          method: 'POST',
          headers,
          body,
        });
        expect(response.status, attempt).to.be.oneOf([400, 413, 415]);
        expect(await response.text(), attempt).to.match(/data-page="(device|error)"/);
      }
    });
  }

  it('get a page or a redirect with the error from the authorization endpoint', async () => {
    const base = authorize().search;
    const searches = [
      '',
      '?',
      '?%',
      '?client_id=%ff%fe',
      '?client_id=%00',
      '?client_id[]=a',
      '?client_id=__proto__',
      '?__proto__=a&constructor=b',
      `?client_id=${'a'.repeat(10_000)}`,
      `?client_id=${clientId}`,
      `?client_id=${clientId}&client_id=${clientId}`,
      `?client_id=${clientId}&redirect_uri=%00`,
      `?client_id=${clientId}&redirect_uri=https://localhost:9/cb`,
      `?client_id=${clientId}&redirect_uri=${encodeURIComponent(`${REDIRECT_URI}/../x`)}`,
      `${base}&state=a&state=b`,
      `${base}&scope=a&scope=b`,
      `${base}&redirect_uri=https://evil.example`,
      `${base}&prompt=none&prompt=login`,
      `${authorize({ prompt: 'none login' }).search}`,
      `${authorize({ max_age: '-1' }).search}`,
      `${authorize({ max_age: '1e999' }).search}`,
      `${authorize({ claims: '{' }).search}`,
      `${authorize({ claims: '['.repeat(3000) }).search}`,
      `${authorize({ id_token_hint: 'a.b.c' }).search}`,
      `${authorize({ resource: 'https://nobody.example' }).search}`,
      `${authorize({ resource: '\u0000' }).search}`,
      `${authorize({ code_challenge: undefined, code_challenge_method: undefined }).search}`,
      `${authorize({ code_challenge_method: 'plain' }).search}`,
      `${authorize({ request: 'a.b.c' }).search}`,
      `${authorize({ request_uri: 'https://evil.example' }).search}`,
      `${authorize({ response_mode: 'web_message' }).search}`,
      `${authorize({ ui_locales: 'x'.repeat(5000) }).search}`,
      `${authorize({ login_hint: '\u202e"><script>'.repeat(300) }).search}`,
    ];
    for (const search of searches) {
      const response = await fetch(`${latchkey.issuer}/auth${search}`, {
        redirect: 'manual',
        headers: { accept: 'text/html' },
      });
      const location = response.headers.get('location') ?? '';
      const what = search.slice(0, 150);
      if (response.status === 303) {
        expect(location, what).to.match(/^(\/interaction\/|http:\/\/localhost:9\/cb\?)/);
        if (!location.startsWith('/')) expect(location, what).to.match(/[?&]error=[a-z_]+/);
      } else {
        expect(response.status, what).to.equal(400);
        expect(await response.text(), what)
          .to.contain('data-page="error"')
          .and.contain('id="reference"');
      }
    }
    expect(latchkey.output).not.to.match(/"level":[56]0/);
  });

  it('get an answer for an address that is too long or not well formed', async () => {
    const port = Number(new URL(latchkey.issuer).port);
    for (const [target, status] of [
      [`/${'a'.repeat(8000)}`, 404],
      [`/auth?${'a'.repeat(20_000)}`, 431],
      ['/%', 404],
      ['/interaction/%', 410],
      ['/interaction/%ff', 410],
      ['/interaction/%00', 410],
      [`/interaction/${'a'.repeat(5000)}`, 410],
      ['/interaction/..%2f..', 410],
      ['/auth/%', 410],
      ['/assets/%2e%2e%2f%2e%2e%2fpackage.json', 404],
      ['/assets/..%5c..%5cpackage.json', 404],
    ] as const) {
      const answer = await rawRequest(
        port,
        `GET ${target} HTTP/1.1\r\nHost: a\r\nAccept: text/html\r\nConnection: close\r\n\r\n`,
      );
      expect(answer.status, target.slice(0, 60)).to.equal(status);
      expectSecurityHeaders(answer.headers, target.slice(0, 60));
    }
  });

  it('cannot blow up a compressed form', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const page: Landing = await browser.visit(authorize());
    const url = new URL(`${page.url.pathname}/login`, latchkey.issuer);
    const response = await browser.request(url, {
      method: 'POST',
      headers: { 'content-type': FORM, 'content-encoding': 'gzip' },
      body: new Uint8Array(gzipSync(Buffer.alloc(50 * 1024 * 1024, 'a='))),
    });
    expect(response.status).to.equal(413);
    expect(await response.text()).to.contain('Too much was sent');
  });

  it('cannot carry cookies that break anything', async () => {
    for (const cookie of [
      'latchkey-session=%',
      'latchkey-session=\x80\xff',
      'latchkey-session=',
      ';;;=;',
      'latchkey-session=a; latchkey-session=b',
      `latchkey-session=${'a'.repeat(9000)}`,
      '__proto__=a',
    ]) {
      const response = await fetch(authorize(), {
        redirect: 'manual',
        headers: { cookie, accept: 'text/html' },
      });
      expect(response.status, cookie.slice(0, 40)).to.equal(303);
      expect(response.headers.get('location')).to.match(/^\/interaction\//);
    }
    for (const cookie of [
      'latchkey-interaction=%',
      'latchkey-interaction=other',
      'latchkey-interaction=none',
      'latchkey-interaction=',
    ]) {
      const response = await fetch(`${latchkey.issuer}/interaction/none`, {
        headers: { cookie, accept: 'text/html' },
      });
      expect(response.status, cookie).to.equal(410);
    }
  });
});

describe('slow requests', () => {
  let server: RunningServer;
  const headers = [['X-Test', 'here']] as const;

  before(async () => {
    server = await startServer({
      host: '127.0.0.1',
      port: 0,
      headers,
      log: createLog('silent'),
      requestMilliseconds: 600,
      handle: (request, response) => {
        if (request.url === '/begins') response.write('begun');
        request.resume();
        request.on('end', () => response.end('whole'));
      },
    });
  });
  after(() => server?.stop());

  it('are ended: headers that do not come', async () => {
    const answer = await rawRequest(server.port, 'GET / HTTP/1.1\r\nHost: a\r\n');
    expect(answer.status).to.equal(408);
    expect(answer.headers.get('x-test')).to.equal('here');
  });

  it('are ended: a body that does not come', async () => {
    const answer = await rawRequest(
      server.port,
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab',
    );
    expect(answer.status).to.equal(408);
    expect(answer.headers.get('cache-control')).to.equal('no-store');
  });

  it('are ended: a body that comes drop by drop', async () => {
    const closed = new Promise<string>((resolve) => {
      let text = '';
      const socket = connect(server.port, '127.0.0.1');
      const drops = setInterval(() => socket.writable && socket.write('a'), 50);
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      socket.on('close', () => {
        clearInterval(drops);
        resolve(text);
      });
      socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n');
    });
    expect(await closed).to.match(/^HTTP\/1.1 408 /);
  });

  it('are not answered twice: what has begun is cut', async () => {
    const answer = await rawRequest(
      server.port,
      'POST /begins HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nab',
    );
    expect(answer.status).to.equal(200);
    expect(answer.text.match(/HTTP\/1\.1/g)).to.have.lengthOf(1);
  });
});
