import { expect } from 'chai';
import { ADA, Application, type Tokens } from './application.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const ORIGIN = 'https://app.example.com';
const OTHERS = [
  'https://attacker.example',
  'null',
  'https://app.example.com.attacker.example',
  'https://app.example.co',
  'http://app.example.com',
  'https://app.example.com:8443',
  'https://www.app.example.com',
];

describe('pages of other origins', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let tokens: Tokens;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    [app] = await Promise.all([
      Application.register(latchkey, {
        token_endpoint_auth_method: 'none',
        redirect_uris: [`${ORIGIN}/callback`],
      }),
      latchkey.createPerson(ADA.login, ADA.password),
    ]);
    tokens = await app.signIn();
  });
  after(() => latchkey.stop());

  const allowed = ({ headers }: { headers: Headers }) => headers.get('access-control-allow-origin');

  function expectNoCredentials({ headers }: { headers: Headers }): void {
    expect(headers.get('access-control-allow-credentials')).to.equal(null);
  }

  it('may read discovery and the key set, from anywhere', async () => {
    for (const path of [
      '/.well-known/openid-configuration',
      '/.well-known/oauth-authorization-server',
      '/jwks',
    ]) {
      const answer = await fetch(latchkey.issuer + path, { headers: { Origin: 'https://anywhere.example' } });
      expect(allowed(answer), path).to.equal('*');
      expectNoCredentials(answer);
      const preflight = await fetch(latchkey.issuer + path, {
        method: 'OPTIONS',
        headers: { Origin: 'https://anywhere.example', 'Access-Control-Request-Method': 'GET' },
      });
      expect(preflight.status, path).to.equal(204);
      expectNoCredentials(preflight);
    }
  });

  it('may ask first', async () => {
    for (const [path, method] of [
      ['/token', 'POST'],
      ['/me', 'GET'],
      ['/token/revocation', 'POST'],
    ] as const) {
      const answer = await fetch(latchkey.issuer + path, {
        method: 'OPTIONS',
        headers: {
          Origin: ORIGIN,
          'Access-Control-Request-Method': method,
          'Access-Control-Request-Headers': 'authorization, dpop',
        },
      });
      expect(answer.status, path).to.equal(204);
      expect(allowed(answer), path).to.equal(ORIGIN);
      expect(answer.headers.get('access-control-allow-methods'), path).to.contain(method);
      expect(answer.headers.get('access-control-allow-headers'), path).to.contain('dpop');
      expectNoCredentials(answer);
    }
  });

  it('may use the application’s endpoints from the origin of its redirect URI, and read errors too', async () => {
    const headers = { Origin: ORIGIN };
    const refreshed = await app.token(
      { grant_type: 'refresh_token', refresh_token: tokens.refresh_token },
      headers,
    );
    const answers = {
      refreshed,
      unknown: await app.token({ grant_type: 'refresh_token', refresh_token: 'unknown' }, headers),
      malformed: await app.token({}, headers),
      userinfo: await app.userinfo(refreshed.body.access_token, headers),
      refused: await app.userinfo('unknown', headers),
      revoked: await app.post('/token/revocation', { token: refreshed.body.refresh_token }, headers),
    };
    const statuses = Object.values(answers).map(({ status }) => status);
    expect(statuses).to.deep.equal([200, 400, 400, 200, 401, 200]);
    for (const [name, answer] of Object.entries(answers)) {
      expect(allowed(answer), name).to.equal(ORIGIN);
      expect(answer.headers.get('vary'), name).to.match(/\borigin\b/i);
      expectNoCredentials(answer);
    }
  });

  for (const origin of OTHERS) {
    it(`gets nothing at ${origin}`, async () => {
      const { access_token, refresh_token } = await app.signIn();
      const headers = { Origin: origin };
      const answers = {
        token: await app.token({ grant_type: 'refresh_token', refresh_token }, headers),
        userinfo: await app.userinfo(access_token, headers),
        revocation: await app.post('/token/revocation', { token: refresh_token }, headers),
      };
      for (const [name, answer] of Object.entries(answers)) {
        expect(allowed(answer), name).to.equal(null);
        expect(answer.status, name).to.be.within(400, 403);
        expect(JSON.stringify(answer.body), name).to.not.match(/access_token"|email/);
      }
      expect((await app.refresh(refresh_token)).status, 'nothing was used up').to.equal(200);
    });
  }

  it('no page of another origin reads an authorization, an interaction or a sign-out', async () => {
    for (const path of ['/auth', '/interaction/none', '/session/end', '/']) {
      const answer = await fetch(latchkey.issuer + path, { headers: { Origin: ORIGIN }, redirect: 'manual' });
      expect(allowed(answer), path).to.equal(null);
    }
  });
});
