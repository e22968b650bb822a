import { expect } from 'chai';
import { Application } from './application.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

describe('a grant type at the token endpoint', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    app = await Application.register(latchkey, { grant_types: ['authorization_code'] });
  });
  after(() => latchkey.stop());

  for (const [what, parameters, error] of [
    ['that the client did not register', { grant_type: 'client_credentials' }, 'unauthorized_client'],
    [
      'that renews, of a client that did not register for it',
      { grant_type: 'refresh_token', refresh_token: 'x' },
      'unauthorized_client',
    ],
    ['that nobody can register', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['that has no token request', { grant_type: 'implicit' }, 'unsupported_grant_type'],
    ['that is missing', {}, 'invalid_request'],
  ] as const) {
    it(`${what} is ${error} (RFC 6749 section 5.2)`, async () => {
      const { status, body } = await app.token(parameters);
      expect({ status, error: body.error }).to.deep.equal({ status: 400, error });
    });
  }

  it('that the client registered is not refused for itself', async () => {
    const { body } = await app.redeem({ code: 'none', verifier: 'v'.repeat(43) });
    expect(body.error).to.equal('invalid_grant');
  });
});
