import { request } from 'node:http';
import { expect } from 'chai';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { authorizationRequest } from './authorization-request.ts';
import { rawRequest } from './raw-request.ts';

const REDIRECT_URI = 'http://localhost:9/cb';

/** Headers by which a proxy, or somebody who plays one, tells of another origin. */
const FORWARDED = [
  'X-Forwarded-Host: evil.example',
  'X-Forwarded-Proto: https',
  'X-Forwarded-Port: 4711',
  'X-Forwarded-Prefix: /evil',
  'X-Forwarded-For: 6.6.6.6',
  'X-Original-URL: /evil',
  'X-Rewrite-URL: /evil',
  'X-HTTP-Method-Override: DELETE',
  'Forwarded: for=6.6.6.6;host=evil.example;proto=https',
];

const HOSTS = [
  'evil.example',
  'evil.example:99999',
  'localhost:80@evil.example',
  'evil.example/path?query#fragment',
  '[::1',
  '"><script>alert(1)</script>',
  'a b c',
  '',
  `${'a'.repeat(5000)}.example`,
  'evil.exämple',
  '%00',
];

/** An answer without what differs by chance, random identifiers and times: they may spell anything, also what is looked for. */
function steady(text: string, issuer: string): string {
  return text
    .replace(/Date: .*\r\n/g, '')
    .replace(/(Connection|Keep-Alive): .*\r\n/g, '')
    .replace(/[\w-]{20,}/g, '*')
    .replace(/expires=[^;\r\n]*/g, 'expires')
    .replace(/id="reference">[^<]*|Latchkey-Reference: \w+/g, 'reference')
    .replace(/Content-Length: \d+\r\n/g, '')
    .replaceAll(issuer, 'ISSUER');
}

describe('the origin', () => {
  let latchkey: LatchkeyProcess;
  let port: number;
  let paths: string[];

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    port = Number(new URL(latchkey.issuer).port);
    const { client_id } = await latchkey.createClient({
      client_name: 'Notes',
      redirect_uris: [REDIRECT_URI],
    });
    const authorize = (more: Record<string, string> = {}) =>
      authorizationRequest(latchkey.issuer, { client_id, redirect_uri: REDIRECT_URI, state: 's', ...more })
        .url;
    paths = [
      '/',
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/jwks',
      '/JWKS/',
      authorize({ code_challenge: 'x'.repeat(43) }),
      authorize({ code_challenge: 'x'.repeat(43), prompt: 'none' }),
      authorize({ code_challenge: 'x'.repeat(43), response_type: 'token' }),
      '/auth?client_id=nobody',
      '/auth/none',
      '/interaction/none',
      '/interaction/none/login',
      '/session/end',
      '/session/end/success',
      '/me',
      '/nothing',
    ].map((path) => (typeof path === 'string' ? path : path.pathname + path.search));
  });
  after(() => latchkey?.stop());

  const ask = (target: string, lines: string[]) =>
    rawRequest(
      port,
      Buffer.from(
        [
          'GET ',
          target,
          ' HTTP/1.1\r\nAccept: text/html\r\nConnection: close\r\n',
          lines.join('\r\n'),
          '\r\n\r\n',
        ].join(''),
        'latin1',
      ),
    );

  it('is the issuer, whatever Host and forwarded headers say', async () => {
    for (const path of paths) {
      const honest = await ask(path, [`Host: localhost:${port}`]);
      expect(honest.status, path).to.be.within(200, 499);
      for (const host of HOSTS) {
        const other = await ask(path, [`Host: ${host}`, ...FORWARDED]);
        expect(steady(other.text, latchkey.issuer), `${path} ${host}`).not.to.match(/evil|6\.6\.6\.6|4711/i);
        expect(steady(other.text, latchkey.issuer), `${path} ${host}`).to.equal(
          steady(honest.text, latchkey.issuer),
        );
      }
    }
  });

  it('is the issuer also when the request target names another (RFC 9112 §3.2.2)', async () => {
    for (const path of paths) {
      const honest = await ask(path, [`Host: localhost:${port}`]);
      for (const origin of [
        'http://evil.example',
        'https://evil.example:4711',
        'http://user:pass@evil.example',
        'HTTP://evil.example',
      ]) {
        const other = await ask(`${origin}${path}`, ['Host: evil.example']);
        expect(steady(other.text, latchkey.issuer), `${origin}${path}`).not.to.match(/evil|4711/i);
        expect(steady(other.text, latchkey.issuer), `${origin}${path}`).to.equal(
          steady(honest.text, latchkey.issuer),
        );
      }
    }
  });

  it('is never left by a path that looks like one', async () => {
    const targets = [
      '//evil.example',
      '//evil.example/auth',
      '///evil.example/%2e%2e',
      '/\\evil.example',
      '/%5cevil.example',
      '/%2f%2fevil.example',
      '/interaction//evil.example',
      '/interaction/..%2f..%2fevil.example/login',
      '/interaction/%2f%2fevil.example/login?client_id=x',
      '/interaction/x%0d%0aSet-Cookie:%20a=b/login',
      '/auth//evil.example',
      '/session/end/success?post_logout_redirect_uri=https://evil.example',
      '/session/end?post_logout_redirect_uri=https://evil.example',
      'mailto:evil@evil.example',
      '*',
    ];
    for (const target of targets) {
      const answer = await ask(target, [`Host: localhost:${port}`]);
      expect(answer.status, target).to.be.within(200, 499);
      expect(answer.headers.get('location') ?? '', target).to.match(/^(\/(?![/\\])|$)/);
      expect(answer.headers.get('set-cookie') ?? '', target).not.to.contain('a=b');
    }
  });

  it('lets no method be named by a header or a parameter', async () => {
    const status = await new Promise<number | undefined>((resolve, reject) => {
      request(
        `${latchkey.issuer}/token?_method=POST`,
        { headers: { 'X-HTTP-Method-Override': 'POST' } },
        (response) => {
          response.resume();
          resolve(response.statusCode);
        },
      )
        .on('error', reject)
        .end();
    });
    expect(status).to.equal(405);
  });
});
