import { expect } from 'chai';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { rawRequest } from './raw-request.ts';

/** Every method that an address of the engine has. */
const METHODS = ['GET', 'POST', 'PUT', 'OPTIONS'];
/** What discovery does not name, the addresses of pages among them. */
const UNNAMED = [
  ...['/device', '/session/end/confirm', '/session/end/success', '/session/check', '/start-login'],
  ...['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/reset-password'],
  ...[
    '/account/profile',
    '/interaction/an-id/login',
    '/auth/an-id',
    '/device/an-id',
    '/challenge',
    '/reg/an-id',
  ],
];

describe('a path in another spelling', () => {
  let latchkey: LatchkeyProcess;
  let port: number;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      ...{ LATCHKEY_FEATURES_DEVICE_FLOW: 'true', LATCHKEY_FEATURES_SESSION_MANAGEMENT: 'true' },
    });
    port = Number(new URL(latchkey.issuer).port);
  });
  after(() => latchkey?.stop());

  const ask = (target: string, method = 'GET', accept = 'application/json') =>
    rawRequest(
      port,
      Buffer.from(
        `${method} ${target} HTTP/1.1\r\nHost: localhost\r\nAccept: ${accept}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`,
        'latin1',
      ),
    );

  it('is another path: there is nothing, whatever the method', async () => {
    const discovery = await ask('/.well-known/openid-configuration');
    const named = Object.entries(JSON.parse(discovery.body) as Record<string, unknown>)
      .filter(([name]) => /_(endpoint|uri|iframe)$/.test(name))
      .map(([, url]) => new URL(String(url)).pathname);
    expect(named).to.include.members(['/auth', '/token', '/me', '/jwks', '/introspection', '/session/end']);
    for (const path of [...named, ...UNNAMED]) {
      const spellings = [
        `${path}/`,
        path.toUpperCase(),
        path.replace(/[a-z]/, (first) => first.toUpperCase()),
      ];
      for (const target of spellings) {
        for (const method of METHODS) {
          const answer = await ask(target, method);
          expect(answer.status, `${method} ${target}`).to.equal(404);
          expect(answer.body, `${method} ${target}`).to.contain('not_found');
        }
      }
    }
  });

  it('leads to the page where a person may have typed it, with the code compared as ever', async () => {
    for (const typed of ['/Device', '/DEVICE/', '/device/']) {
      const answer = await ask(`${typed}?user_code=ABCD-EFGH`, 'GET', 'text/html');
      expect(answer.status, typed).to.equal(308);
      expect(answer.headers.get('location'), typed).to.equal('/device?user_code=ABCD-EFGH');
    }
    expect((await ask('/Account/', 'GET', 'text/html')).headers.get('location')).to.equal('/account');
  });

  it('is answered as the exact one where only a fragment differs, which no request has', async () => {
    const document = (await ask('/.well-known/openid-configuration')).headers.get('etag');
    expect(document).to.be.a('string');
    for (const suffix of ['#part', '#?user_code=a']) {
      const answer = await ask(`/.well-known/openid-configuration${suffix}`);
      expect(answer.headers.get('etag'), suffix).to.equal(document);
    }
    // Bytes outside of a URI do not get as far as that.
    for (const target of ['/jwks\u00a0', '/jwks\u00a0#', '/jwks\u00e9']) {
      expect((await ask(target)).status, JSON.stringify(target)).to.equal(400);
    }
  });
});
