import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { dpopKey } from './dpop-key.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';

describe('what a client registered to be held to', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
  });
  after(() => latchkey.stop());

  it('dpop_bound_access_tokens: no token without a proof, and a bound one with it (RFC 9449 section 5.2)', async () => {
    const app = await Application.register(latchkey, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
      dpop_bound_access_tokens: true,
    });
    const without = await app.token({ grant_type: 'client_credentials', resource: API });
    expect({ status: without.status, error: without.body.error }).to.deep.equal({
      status: 400,
      error: 'invalid_grant',
    });
    const proof = await (await dpopKey()).proof(`${latchkey.issuer}/token`);
    const { body } = await app.token({ grant_type: 'client_credentials', resource: API }, { DPoP: proof });
    expect(body.token_type).to.equal('DPoP');
    expect(decodeJwt(body.access_token).cnf).to.have.keys('jkt');
  });

  it('require_pushed_authorization_requests: no request but a pushed one (RFC 9126 section 6)', async () => {
    const app = await Application.register(latchkey, { require_pushed_authorization_requests: true });
    const { url } = app.authorizationRequest();
    const browser = new FormBrowser(latchkey.issuer);
    expect(answerIn(await browser.visit(url))).to.include({ error: 'invalid_request' });
    const { status, body } = await app.post('/request', Object.fromEntries(url.searchParams));
    expect(status).to.equal(201);
    const pushed = new URL('/auth', latchkey.issuer);
    pushed.search = String(new URLSearchParams({ client_id: app.clientId, request_uri: body.request_uri }));
    expect(answerIn(await browser.authorize(pushed, ADA))).to.have.property('code');
  });
});
