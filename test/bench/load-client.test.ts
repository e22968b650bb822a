import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { Browser } from '../../scripts/bench/browser.ts';
import { CookieJar } from '../../scripts/bench/cookie-jar.ts';
import { findForm } from '../../scripts/bench/html-forms.ts';
import { HttpConnection } from '../../scripts/bench/http-connection.ts';
import { median, percentile } from '../../scripts/bench/statistics.ts';

describe('the load generator’s client', () => {
  describe('cookies', () => {
    it('are sent where their path matches, longest path first, and no longer once expired', () => {
      const jar = new CookieJar();
      jar.store('/auth', ['_session=a; path=/; httponly', '_resume=b; path=/auth/1']);
      expect(jar.headerFor('/auth/1')).to.equal('_resume=b; _session=a');
      expect(jar.headerFor('/auth/12')).to.equal('_session=a');
      jar.store('/auth/1', ['_resume=; path=/auth/1; expires=Thu, 01 Jan 1970 00:00:00 GMT']);
      expect(jar.headerFor('/auth/1')).to.equal('_session=a');
      jar.store('/auth/1', ['_session=; path=/; Max-Age=0']);
      expect(jar.headerFor('/')).to.equal('');
    });
  });

  describe('forms', () => {
    it('are found by the control inside them, with hidden fields and the pressed button’s value', () => {
      const page = `<form action="/search"><input name="q"></form>
        <form method="post" action="/go?a=1&amp;b=2"><input type="hidden" name="csrf" value="x&quot;&#39;&#x26;y">
        <input id="login" name="login" type="text" value="typed before"><button id="approve" name="choice" value="yes">OK</button></form>`;
      expect(findForm(page, 'login')).to.deep.equal({
        method: 'post',
        action: '/go?a=1&b=2',
        fields: new Map([['csrf', 'x"\'&y']]),
      });
      expect(findForm(page, 'approve')?.fields.get('choice')).to.equal('yes');
      expect(findForm(page, 'absent')).to.equal(undefined);
    });

    it('are found by the form attribute of a control outside them', () => {
      const page = `<form id="one" method="POST" action="/one"><input type=hidden name=token value=1></form>
        <button id="approve" form="one" formaction="/other">OK</button>`;
      expect(findForm(page, 'approve')).to.deep.equal({
        method: 'post',
        action: '/other',
        fields: new Map([['token', '1']]),
      });
    });
  });

  describe('connection', () => {
    let server: Server;
    let connection: HttpConnection;
    let origin: string;

    beforeEach(async () => {
      server = createServer((request, response) => {
        switch (request.url) {
          case '/chunked':
            response.writeHead(200, { 'Content-Type': 'text/plain', Trailer: 'X-End' });
            response.write('ünï');
            setImmediate(() => response.end('cödé'));
            break;
          case '/hop':
            response
              .writeHead(303, { Location: '/page', 'Set-Cookie': ['one=1', 'two=2; path=/elsewhere'] })
              .end();
            break;
          case '/page':
            response.end(`<p>${request.headers.cookie}</p>`);
            break;
          case '/away':
            response.writeHead(302, { Location: 'https://app.example/callback?code=1' }).end();
            break;
          case '/close':
            response.writeHead(204, { Connection: 'close' }).end();
            break;
          default:
            response.writeHead(404).end('nothing here');
        }
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      const { port } = server.address() as AddressInfo;
      origin = `http://localhost:${port}`;
      connection = new HttpConnection({ port, hostHeader: `localhost:${port}` });
    });

    afterEach(async () => {
      connection.close();
      await new Promise((resolve) => server.close(resolve));
    });

    it('reads bodies with a length, in chunks, and none, and opens again after a close', async () => {
      const chunked = await connection.request({ method: 'GET', path: '/chunked' });
      expect(chunked.body).to.equal('ünïcödé');
      const missing = await connection.request({ method: 'GET', path: '/missing' });
      expect([missing.status, missing.body]).to.deep.equal([404, 'nothing here']);
      const closed = await connection.request({ method: 'GET', path: '/close' });
      expect([closed.status, closed.body]).to.deep.equal([204, '']);
      const again = await connection.request({ method: 'GET', path: '/missing' });
      expect(again.status).to.equal(404);
      expect(connection.requests).to.equal(4);
    });

    it('lets a browser follow redirects with its cookies until it leaves the origin', async () => {
      const browser = new Browser(connection, origin);
      expect(await browser.open('/hop')).to.deep.equal({
        kind: 'page',
        page: { path: '/page', html: '<p>one=1</p>' },
      });
      const left = await browser.open('/away');
      expect(left.kind === 'left' && left.location.href).to.equal('https://app.example/callback?code=1');
      const wrong = await browser.open('/missing').catch((error: Error) => error.message);
      expect(wrong).to.match(/\/missing answered 404/);
    });

    it('rejects when nobody listens', async () => {
      connection.close();
      await new Promise((resolve) => server.close(resolve));
      const failure = await connection.request({ method: 'GET', path: '/' }).catch((error: Error) => error);
      expect(failure).to.be.instanceOf(Error);
    });
  });

  it('takes medians and percentiles by rank', () => {
    expect(median([5, 1, 3])).to.equal(3);
    expect(median([4, 1, 3, 2])).to.equal(2.5);
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect([percentile(hundred, 0.5), percentile(hundred, 0.99), percentile([7], 0.99)]).to.deep.equal([
      50, 99, 7,
    ]);
    expect(() => median([])).to.throw('no samples');
  });
});
