import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { expect } from 'chai';
import { testCertificate } from '../config/test-certificate.ts';
import { eventually, freePort, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { authorizationRequest } from './authorization-request.ts';
import { expectNotStored, expectSecurityHeaders } from './expect-headers.ts';
import { rawRequest } from './raw-request.ts';
import { renewedCertificate } from './renewed-certificate.ts';

const REDIRECT_URI = 'https://notes.example/cb';

/** The SHA-256 fingerprint of the certificate that the server shows. */
function shownCertificate(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(
      { port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false },
      () => {
        resolve(socket.getPeerCertificate().fingerprint256);
        socket.destroy();
      },
    );
    socket.on('error', reject);
  });
}

function lines(...parts: string[]): string {
  return `${parts.join('\r\n')}\r\nConnection: close\r\n\r\n`;
}

describe('own TLS', () => {
  let latchkey: LatchkeyProcess;
  let folder: string;
  let port: number;
  let authorize: string;

  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
    writeFileSync(join(folder, 'cert.pem'), testCertificate.certificate);
    writeFileSync(join(folder, 'key.pem'), testCertificate.key);
    port = await freePort();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_PORT: String(port),
      LATCHKEY_ISSUER: `https://localhost:${port}`,
      LATCHKEY_TLS_CERT_FILE: join(folder, 'cert.pem'),
      LATCHKEY_TLS_KEY_FILE: join(folder, 'key.pem'),
    });
    const { client_id } = await latchkey.createClient({
      client_name: 'Notes',
      redirect_uris: [REDIRECT_URI],
    });
    const { url } = authorizationRequest(latchkey.issuer, { client_id, redirect_uri: REDIRECT_URI });
    authorize = url.pathname + url.search;
  });
  after(async () => {
    await latchkey?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const ask = (target: string, ...more: string[]) =>
    rawRequest(port, lines(`GET ${target} HTTP/1.1`, 'Host: localhost', 'Accept: text/html', ...more), {
      tls: true,
    });

  it('sends HSTS with every answer', async () => {
    for (const target of ['/', '/jwks', '/nothing', '/me', authorize]) {
      expectSecurityHeaders((await ask(target)).headers, target, true);
    }
    expectSecurityHeaders((await rawRequest(port, 'hello\r\n\r\n', { tls: true })).headers, 'no HTTP', true);
  });

  it('sets cookies that only this origin over https gets, with the prefixes that their paths allow', async () => {
    const authorization = await ask(authorize);
    const logout = await ask('/session/end');
    const cookies = `${authorization.headers.get('set-cookie')}\n${logout.headers.get('set-cookie')}`.split(
      '\n',
    );
    const names = cookies.map((cookie) => cookie.split('=', 1)[0]).sort();
    expect(names).to.deep.equal([
      '__Host-latchkey-session',
      '__Secure-latchkey-interaction',
      '__Secure-latchkey-resume',
    ]);
    for (const cookie of cookies) {
      expect(cookie)
        .to.match(/; *secure/i)
        .and.to.match(/; *httponly/i)
        .and.to.match(/; *samesite=lax/i);
      expect(cookie).not.to.match(/; *domain=/i);
      const path = /; *path=([^;]+)/i.exec(cookie)?.[1];
      if (cookie.startsWith('__Host-')) expect(path).to.equal('/');
      else expect(path).to.match(/^\/(interaction|auth)\/[\w-]{20,}$/);
    }
  });

  it('agrees on the cipher suites that BCP 195 recommends alone, also with a renewed certificate', async () => {
    const agreed = (options: { maxVersion: 'TLSv1.2' | 'TLSv1.3'; ciphers?: string }) =>
      new Promise<string>((resolve) => {
        const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => {
          resolve(socket.getCipher().standardName);
          socket.destroy();
        });
        socket.on('error', () => resolve('none'));
      });
    const renewed = () => latchkey.output.split('was reloaded').length - 1;
    const before = renewed();
    writeFileSync(join(folder, 'cert.pem'), `${testCertificate.certificate}\n`);
    for (const moment of ['as started', 'as renewed']) {
      if (moment === 'as renewed') await eventually('the certificate is reloaded', () => renewed() > before);
      expect(await agreed({ maxVersion: 'TLSv1.3' }), moment).to.match(/^TLS_AES_|^TLS_CHACHA20_/);
      for (const ciphers of ['ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384']) {
        expect(await agreed({ maxVersion: 'TLSv1.2', ciphers }), moment).to.match(/_GCM_/);
      }
      for (const ciphers of [
        'ECDHE-ECDSA-AES128-SHA256',
        'ECDHE-ECDSA-AES256-SHA',
        'ECDHE-ECDSA-CHACHA20-POLY1305',
      ]) {
        expect(await agreed({ maxVersion: 'TLSv1.2', ciphers }), `${moment}: ${ciphers}`).to.equal('none');
      }
    }
  });

  it('gives no answer to plain http but an end, and no stack trace', async () => {
    const answer = await rawRequest(port, lines('GET / HTTP/1.1', 'Host: localhost'));
    expect(answer.text).not.to.match(/ at |Error|node:/);
    expect((await ask('/')).status).to.equal(200);
    expect(latchkey.output).not.to.match(/"level":[56]0/);
  });

  it('shows a renewed certificate to new connections, and keeps the former one while files are half written', async () => {
    const former = await shownCertificate(port);
    const renewed = renewedCertificate;
    const warnings = () => latchkey.output.split('cannot be used yet').length - 1;

    writeFileSync(join(folder, 'cert.pem'), renewed.certificate.slice(0, 200));
    await eventually('the half-written file is noticed', () => warnings() === 1);
    expect(await shownCertificate(port)).to.equal(former);

    writeFileSync(join(folder, 'cert.pem'), renewed.certificate);
    await eventually('the certificate without its key is noticed', () => warnings() === 2);
    expect(await shownCertificate(port)).to.equal(former);

    writeFileSync(join(folder, 'key.pem'), renewed.key);
    await eventually(
      'new connections see the new certificate',
      async () => (await shownCertificate(port)) !== former,
    );
    expect((await ask('/')).status).to.equal(200);
    expect(latchkey.output).not.to.contain('PRIVATE KEY');
  });
});

describe('TLS at a proxy', () => {
  const issuer = 'https://id.example';
  let trusting: LatchkeyProcess;
  let strange: LatchkeyProcess;
  let authorize: string;

  before(async () => {
    const start = (trustedProxies: string) =>
      LatchkeyProcess.start({ LATCHKEY_ISSUER: issuer, LATCHKEY_TRUSTED_PROXIES: trustedProxies });
    [trusting, strange] = await Promise.all([start('loopback'), start('10.0.0.0/8')]);
    const { client_id } = await trusting.createClient({
      client_name: 'Notes',
      redirect_uris: [REDIRECT_URI],
    });
    const { url } = authorizationRequest(issuer, { client_id, redirect_uri: REDIRECT_URI });
    authorize = url.pathname + url.search;
  });
  after(async () => {
    await trusting?.stop();
    await strange?.stop();
  });

  const ask = (latchkey: LatchkeyProcess, first: string, ...more: string[]) =>
    rawRequest(
      Number(latchkey.environment.LATCHKEY_PORT),
      lines(`${first} HTTP/1.1`, 'Host: id.example', 'Accept: text/html', ...more),
    );
  const BY_TLS = 'X-Forwarded-Proto: https';

  it('counts when the proxy is trusted', async () => {
    const answer = await ask(trusting, `GET ${authorize}`, BY_TLS);
    expect(answer.status).to.equal(303);
    expect(answer.headers.get('location')).to.match(/^\/interaction\//);
    expect(answer.headers.get('set-cookie')).to.match(/secure/i);
    expectSecurityHeaders(answer.headers, 'behind a proxy', true);
  });

  it('takes the word of the nearest proxy alone', async () => {
    expect((await ask(trusting, 'GET /', 'X-Forwarded-Proto: https, http')).status).to.equal(308);
    expect((await ask(trusting, 'GET /', 'X-Forwarded-Proto: http, https')).status).to.equal(200);
    expect((await ask(trusting, 'GET /', 'Forwarded: proto=https')).status).to.equal(308);
  });

  it('is not believed of anybody else', async () => {
    const answer = await ask(strange, 'GET /', BY_TLS, 'X-Forwarded-For: 10.0.0.1', 'Forwarded: proto=https');
    expect(answer.status).to.equal(308);
    expect(answer.headers.get('location')).to.equal(`${issuer}/`);
  });

  it('tells the operator of a proxy that is not trusted, or does not say that TLS ended there, once for many requests', async () => {
    const toldBy = async (latchkey: LatchkeyProcess, headers: string[]) => {
      for (let times = 0; times < 3; times += 1) await ask(latchkey, 'GET /', ...headers);
      const told = () => latchkey.output.split('\n').filter((line) => line.includes('in the clear'));
      await eventually('the log tells of it', () => told().length > 0);
      return told().map((line) => JSON.parse(line) as { level: number; address: string; msg: string });
    };
    const [ofStranger, ...more] = await toldBy(strange, [BY_TLS]);
    expect(ofStranger).to.include({ level: 40, address: '127.0.0.1' });
    expect(ofStranger?.msg).to.contain('name it in trusted_proxies');
    const [ofProxy, ...others] = await toldBy(trusting, ['X-Forwarded-Proto: http']);
    expect(ofProxy?.msg)
      .to.contain('have it send X-Forwarded-Proto: https')
      .and.not.to.contain('trusted_proxies');
    expect([...more, ...others]).to.deep.equal([]);
  });

  it('sends pages that came in the clear to https, never elsewhere', async () => {
    for (const [target, location] of [
      ['/', `${issuer}/`],
      ['/auth?client_id=a&state=%22', `${issuer}/auth?client_id=a&state=%22`],
      ['//evil.example/', `${issuer}/evil.example/`],
      ['///evil.example', `${issuer}/evil.example`],
      ['/\\evil.example', `${issuer}//evil.example`],
      ['http://evil.example/auth', `${issuer}/auth`],
      ['http://evil.example//evil.example', `${issuer}/evil.example`],
      ['/@evil.example', `${issuer}/@evil.example`],
    ] as const) {
      const answer = await ask(trusting, `GET ${target}`, 'X-Forwarded-Host: evil.example');
      expect(answer.status, target).to.equal(308);
      expect(answer.headers.get('location'), target).to.equal(location);
      expect(answer.headers.get('set-cookie'), target).to.equal(undefined);
      expectNotStored(answer.headers, target);
    }
  });

  it('refuses what may carry a secret in the clear', async () => {
    for (const target of ['/token', '/introspection', '/interaction/x/login']) {
      const answer = await ask(trusting, `POST ${target}`, 'Content-Length: 0');
      expect(answer.status, target).to.equal(400);
      expect(answer.body, target).to.contain('https is required').and.to.contain('data-page="error"');
    }
  });

  it('publishes discovery and keys to whoever asks', async () => {
    const answer = await ask(trusting, 'GET /.well-known/openid-configuration');
    expect(answer.status).to.equal(200);
    expect(JSON.parse(answer.body)).to.include({ issuer, jwks_uri: `${issuer}/jwks` });
  });
});
