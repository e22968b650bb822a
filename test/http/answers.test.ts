import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { VIEWS_FOLDER } from '../../lib/http/pages/static-assets.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { authorizationRequest } from './authorization-request.ts';
import { expectNotStored, expectSecurityHeaders } from './expect-headers.ts';
import { rawRequest } from './raw-request.ts';

const REDIRECT_URI = 'http://localhost:9/cb';
const HTML = { accept: 'text/html' };
const FORM = { 'content-type': 'application/x-www-form-urlencoded' };

/** Pages that break while they are drawn, as an operator's override may: login for one login hint, the error page in German. */
function breakingViews(): string {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-views-'));
  mkdirSync(join(folder, 'pages'));
  const override = (page: string, condition: string) =>
    writeFileSync(
      join(folder, 'pages', `${page}.eta`),
      `<% if (${condition}) { throw new Error('planted-cause') } %>${readFileSync(join(VIEWS_FOLDER, 'pages', `${page}.eta`), 'utf8')}`,
    );
  override('login', "it.model.login === 'explode@example.com'");
  override('error', "it.locale === 'de'");
  return folder;
}

describe('answers', () => {
  let latchkey: LatchkeyProcess;
  let views: string;
  let clientId: string;
  let clientSecret: string;
  let managementPort: number;

  before(async () => {
    views = breakingViews();
    latchkey = await LatchkeyProcess.start({ LATCHKEY_VIEWS_DIR: views });
    const client = await latchkey.createClient({ client_name: 'Notes', redirect_uris: [REDIRECT_URI] });
    clientId = client.client_id;
    clientSecret = client.client_secret;
    managementPort = Number(/"managementPort":(\d+)/.exec(latchkey.output)?.[1]);
  });
  after(async () => {
    await latchkey?.stop();
    rmSync(views, { recursive: true, force: true });
  });

  const get = (path: string, init: RequestInit = {}) =>
    fetch(new URL(path, latchkey.issuer), { redirect: 'manual', ...init });
  const authorize = (more: Record<string, string> = {}) =>
    authorizationRequest(latchkey.issuer, { client_id: clientId, redirect_uri: REDIRECT_URI, ...more }).url
      .href;

  const basic = () => `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`;

  it('carry the security headers and are not stored, whatever they are', async () => {
    const requests: [what: string, status: number, Promise<Response>][] = [
      ['home', 200, get('/')],
      ['home, HEAD', 200, get('/', { method: 'HEAD' })],
      ['no such page', 404, get('/nothing', { headers: HTML })],
      ['no such address', 404, get('/nothing')],
      ['a hidden file', 404, get('/assets/../.env')],
      ['no such asset', 404, get('/assets/none.css')],
      ['a method that is not there', 405, get('/token', { headers: HTML })],
      ['a method on a page', 405, get('/', { method: 'DELETE' })],
      ['an interaction of nobody', 410, get('/interaction/none', { headers: HTML })],
      [
        'a form of nobody',
        410,
        get('/interaction/none/login', { method: 'POST', body: 'a=b', headers: { ...HTML, ...FORM } }),
      ],
      ['a step opened by GET', 303, get('/interaction/none/login')],
      [
        'a form that is too large',
        413,
        get('/interaction/none/login', {
          method: 'POST',
          body: 'a'.repeat(60_000),
          headers: { ...HTML, ...FORM },
        }),
      ],
      [
        'a form in an unknown encoding',
        415,
        get('/interaction/none/login', {
          method: 'POST',
          body: 'a=b',
          headers: { ...FORM, 'content-encoding': 'zip' },
        }),
      ],
      ['authorization of nobody', 400, get('/auth', { headers: HTML })],
      ['authorization', 303, get(authorize())],
      ['an authorization to go on with, of nobody', 410, get('/auth/none', { headers: HTML })],
      ['silent authorization', 303, get(authorize({ prompt: 'none' }))],
      [
        'token without a client',
        400,
        get('/token', { method: 'POST', body: 'grant_type=authorization_code', headers: FORM }),
      ],
      [
        'token, wrong secret',
        401,
        get('/token', {
          method: 'POST',
          body: 'grant_type=authorization_code',
          headers: { ...FORM, authorization: `Basic ${btoa(`${clientId}:no`)}` },
        }),
      ],
      [
        'token, wrong code',
        400,
        get('/token', {
          method: 'POST',
          body: `grant_type=authorization_code&code=x&redirect_uri=${REDIRECT_URI}&code_verifier=${'v'.repeat(43)}`,
          headers: { ...FORM, authorization: basic() },
        }),
      ],
      [
        'token in JSON',
        400,
        get('/token', { method: 'POST', body: '{}', headers: { 'content-type': 'application/json' } }),
      ],
      [
        'introspection',
        200,
        get('/introspection', {
          method: 'POST',
          body: 'token=x',
          headers: { ...FORM, authorization: basic() },
        }),
      ],
      [
        'revocation',
        200,
        get('/token/revocation', {
          method: 'POST',
          body: 'token=x',
          headers: { ...FORM, authorization: basic() },
        }),
      ],
      ['userinfo without a token', 401, get('/me')],
      ['userinfo, wrong token', 401, get('/me', { headers: { authorization: 'Bearer x' } })],
      [
        'pre-flight',
        204,
        get('/token', {
          method: 'OPTIONS',
          headers: { origin: 'https://a.example', 'access-control-request-method': 'POST' },
        }),
      ],
      ['OPTIONS alone', 405, get('/token', { method: 'OPTIONS' })],
      ['log-out', 200, get('/session/end', { headers: HTML })],
      [
        'log-out, confirmed by nobody',
        400,
        get('/session/end/confirm', { method: 'POST', body: 'xsrf=x', headers: FORM }),
      ],
      ['a JWKS that is asked for by another spelling', 404, get('/JWKS')],
    ];
    for (const [what, status, request] of requests) {
      const response = await request;
      await response.arrayBuffer();
      expect(response.status, what).to.equal(status);
      expectSecurityHeaders(response.headers, what);
      expectNotStored(response.headers, what);
    }
  });

  it('carry them also where no application is reached', async () => {
    const port = Number(new URL(latchkey.issuer).port);
    const cases: [what: string, status: number, bytes: string][] = [
      ['no HTTP', 400, 'hello\r\n\r\n'],
      ['too many headers', 431, `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`],
      [
        'two lengths',
        400,
        'POST /token HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ],
      ['no Host', 400, 'GET / HTTP/1.1\r\n\r\n'],
      ['an expectation', 417, 'GET / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\n\r\n'],
      ['NUL in the path', 400, 'GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ];
    for (const [what, status, bytes] of cases) {
      const answer = await rawRequest(port, bytes);
      expect(answer.status, what).to.equal(status);
      expectSecurityHeaders(answer.headers, what);
      expectNotStored(answer.headers, what);
    }
  });

  it('carry them on the management port, which tells nothing else', async () => {
    for (const [path, status, text] of [
      ['/healthz', 200, 'ok\n'],
      ['/readyz', 200, 'ready\nserving: ok\ndatabase: ok\ngrants: ok\nkeys: ok\nclock: ok\n'],
      ['/metrics-of-nobody', 404, 'not found\n'],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${managementPort}${path}`);
      expect(response.status, path).to.equal(status);
      expect(await response.text(), path).to.equal(text);
      expectSecurityHeaders(response.headers, path);
      expectNotStored(response.headers, path);
    }
    expect((await get('/healthz')).status).to.equal(404);
  });

  it('are kept where they are public and the same for everybody, and validated by ETag', async () => {
    const page = await (await get('/')).text();
    const assets = [...page.matchAll(/(?:href|src)="(\/assets\/[^"]+)"/g)].map(([, path]) => path as string);
    expect(assets).to.have.length.above(2);
    const documents = [
      '/jwks',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
    ];
    for (const path of [...documents, ...assets]) {
      const first = await get(path);
      expect(first.status, path).to.equal(200);
      expect(first.headers.get('cache-control'), path).to.match(/^public, max-age=[1-9]\d*(, immutable)?$/);
      expectSecurityHeaders(first.headers, path);
      const etag = first.headers.get('etag') ?? '';
      expect(etag, path).to.match(/^"[^"]+"$/);
      for (const known of [etag, `"other", W/${etag}`]) {
        const second = await get(path, { headers: { 'if-none-match': known } });
        expect(second.status, path).to.equal(304);
        expect(await second.text()).to.equal('');
        expect(second.headers.get('etag')).to.equal(etag);
        expect(second.headers.get('cache-control')).to.equal(first.headers.get('cache-control'));
        expectSecurityHeaders(second.headers, `${path}, 304`);
      }
      const head = await get(path, { method: 'HEAD' });
      expect(head.headers.get('content-length')).to.equal(String((await first.arrayBuffer()).byteLength));
      expect((await get(path, { headers: { 'if-none-match': '"other"' } })).status).to.equal(200);
    }
    expect((await get('/jwks', { headers: { 'if-none-match': '*' } })).status).to.equal(304);
  });

  /** The log line that carries the reference which a page shows. */
  async function loggedUnder(reference: string): Promise<Record<string, unknown>> {
    await eventually(`${reference} is logged`, () => latchkey.output.includes(reference));
    const line = latchkey.output.split('\n').find((text) => text.includes(reference));
    return JSON.parse(line as string);
  }

  it('to a bug are a page with a reference and no detail; the log has the cause under the reference', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const landing = await browser.visit(authorize({ login_hint: 'explode@example.com' }));
    expect(landing.status).to.equal(500);
    expect(landing.pageName).to.equal('error');
    expect(landing.page).not.to.match(/planted|\.eta|\.ts|node_modules|stack/i);
    const reference = /id="reference">([A-Z0-9]+)</.exec(landing.page)?.[1] ?? '';
    expect(reference).to.have.lengthOf(8);
    const line = await loggedUnder(reference);
    expect(line).to.include({ level: 50, status: 500, method: 'GET' });
    expect(JSON.stringify(line.err)).to.contain('planted-cause').and.to.contain('login.eta');
    expect(line.path).to.equal('/interaction/…');

    const response = await browser.request(landing.url);
    expectSecurityHeaders(response.headers, 'a bug');
    expectNotStored(response.headers, 'a bug');
    const json = await browser.request(landing.url, { headers: { accept: 'application/json' } });
    expect(json.status).to.equal(500);
    expect(await json.json()).to.deep.equal({
      error: 'server_error',
      error_description: 'something went wrong on our side',
    });
    expectSecurityHeaders(json.headers, 'a bug, as JSON');
  });

  it('are a line with the reference when the error page itself is broken', async () => {
    const response = await get('/nothing', { headers: { ...HTML, 'accept-language': 'de' } });
    expect(response.status).to.equal(500);
    expect(response.headers.get('content-type')).to.match(/^text\/plain/);
    expectSecurityHeaders(response.headers, 'a broken error page');
    const text = await response.text();
    const reference = /Reference: ([A-Z0-9]{8})/.exec(text)?.[1] ?? '';
    expect(text).not.to.contain('planted');
    expect(JSON.stringify((await loggedUnder(reference)).err)).to.contain('planted-cause');
  });

  it('to a bad authorization request are a page with the error of the RFC, and a reference that is logged', async () => {
    const url = authorizationRequest(latchkey.issuer, {
      client_id: 'nobody',
      redirect_uri: 'https://evil.example/',
    }).url;
    const response = await get(url.href, { headers: HTML });
    const page = await response.text();
    expect(response.status).to.equal(400);
    expect(page).to.contain('<bdi>invalid_client</bdi>').and.not.to.contain('evil.example');
    const reference = /id="reference">([A-Z0-9]+)</.exec(page)?.[1] ?? '';
    const line = await loggedUnder(reference);
    expect(JSON.stringify(line.err)).to.contain('client not found');
  });
});
