import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA, type Answer, Application, answerIn, type Credentials } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';

const refusal = ({ status, body }: Answer) => ({ status, error: body.error });
const INVALID_GRANT = { status: 400, error: 'invalid_grant' };

describe('what ends while the server runs', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let count = 0;
  let person: Credentials;
  let sub: string;
  let browser: FormBrowser;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    app = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(() => latchkey.stop());
  beforeEach(async () => {
    count += 1;
    person = { login: `person-${count}@example.com`, password: `a long enough secret ${count}` };
    ({ sub } = await latchkey.createPerson(person.login, person.password));
    browser = new FormBrowser(latchkey.issuer);
  });

  const signIn = (parameters: Record<string, string> = {}) => app.signIn(browser, parameters, person);
  const silently = async () =>
    answerIn(await browser.visit(app.authorizationRequest({ prompt: 'none' }).url)).error;

  it('a disabled person: everything refuses, nothing fails, and old tokens stay dead afterwards', async () => {
    const tokens = await signIn({ scope: 'openid email' });
    const inFlight = await app.authorize(browser, {}, person);
    expect(inFlight.code).to.not.equal('');
    const atLogin = await new FormBrowser(latchkey.issuer).visit(app.authorizationRequest().url);

    await latchkey.json(['users', 'disable', sub]);
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal(INVALID_GRANT);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
    expect((await app.introspect(tokens.access_token)).body).to.deep.equal({ active: false });
    expect((await app.introspect(tokens.refresh_token)).body).to.deep.equal({ active: false });
    expect(refusal(await app.redeem(inFlight))).to.deep.equal(INVALID_GRANT);
    expect(await silently()).to.equal('login_required');
    expect((await browser.visit(app.authorizationRequest().url)).pageName).to.equal('login');
    expect(atLogin.pageName).to.equal('login');
    const refused = await new FormBrowser(latchkey.issuer).authorize(app.authorizationRequest().url, person);
    expect(refused).to.include({ status: 422, pageName: 'login' });

    await latchkey.json(['users', 'enable', sub]);
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal(INVALID_GRANT);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
    expect(refusal(await app.redeem(inFlight))).to.deep.equal(INVALID_GRANT);
    expect(await silently(), 'the session').to.equal('login_required');
    const again = await signIn();
    expect(decodeJwt(again.id_token).sub).to.equal(sub);
    expect((await app.userinfo(again.access_token)).status).to.equal(200);
  });

  it('somebody disabled between the password and the consent gets no code', async () => {
    const page = await browser.visit(app.authorizationRequest().url);
    const consent = await browser.submit(page, 'submit', { ...person });
    expect(consent.pageName).to.equal('consent');
    await latchkey.json(['users', 'disable', sub]);
    const landing = await browser.submit(consent, 'approve');
    expect(landing.status, landing.page).to.be.below(500);
    expect(answerIn(landing).code).to.equal(undefined);
  });

  it('a deleted person: their live session leads to a login page', async () => {
    const tokens = await signIn();
    await latchkey.json(['users', 'delete', sub]);
    const landing = await browser.visit(app.authorizationRequest().url);
    expect(landing).to.include({ status: 200, pageName: 'login' });
    expect(await silently()).to.equal('login_required');
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal(INVALID_GRANT);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
    expect((await app.introspect(tokens.access_token)).body).to.deep.equal({ active: false });
    const page = await browser.visit('/session/end');
    expect(page.status).to.equal(200);
    const someoneElse = await app.authorize(browser, {}, ADA);
    expect(someoneElse.code).to.not.equal('');
  });

  it('a changed password ends sessions and tokens, and keeps the consent', async () => {
    const tokens = await signIn({ scope: 'openid email' });
    const password = 'another long secret';
    await latchkey.json(['users', 'set-password', sub, '--password-stdin'], password);
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal(INVALID_GRANT);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
    expect(await silently()).to.equal('login_required');
    const page = await browser.visit(app.authorizationRequest({ scope: 'openid email' }).url);
    const old = await browser.submit(page, 'submit', { ...person });
    expect(old).to.include({ status: 422, pageName: 'login' });
    const landing = await browser.submit(old, 'submit', { login: person.login, password });
    expect(answerIn(landing).code, 'no consent page').to.be.a('string');
  });

  it('a revoked grant asks for consent again, and its tokens are dead', async () => {
    const tokens = await signIn();
    const [grant] = await latchkey.json<{ grant_id: string }[]>(['grants', 'list', '--account', sub]);
    await latchkey.json(['grants', 'revoke', String(grant?.grant_id)]);
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal(INVALID_GRANT);
    expect(await silently()).to.equal('consent_required');
    expect((await browser.visit(app.authorizationRequest().url)).pageName).to.equal('consent');
  });

  it('a revoked session must sign in again, and its tokens are dead', async () => {
    const tokens = await signIn();
    const [session] = await latchkey.json<{ uid: string }[]>(['sessions', 'list', '--account', sub]);
    await latchkey.json(['sessions', 'revoke', String(session?.uid)]);
    expect(await silently()).to.equal('login_required');
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal(INVALID_GRANT);
  });

  it('a deleted client: everything under it refuses', async () => {
    const doomed = await Application.register(latchkey);
    const resourceServer = app;
    const tokens = await doomed.signIn(browser, { scope: 'openid email' }, person);
    const inFlight = await doomed.authorize(browser, { scope: 'openid email' }, person);
    const atConsent = await browser.visit(doomed.authorizationRequest({ prompt: 'consent' }).url);
    await latchkey.json(['clients', 'delete', doomed.clientId]);
    for (const answer of [
      await doomed.redeem(inFlight),
      await doomed.refresh(tokens.refresh_token),
      await doomed.introspect(tokens.access_token),
      await doomed.revoke(tokens.access_token),
    ]) {
      expect(refusal(answer)).to.deep.equal({ status: 401, error: 'invalid_client' });
    }
    expect((await doomed.userinfo(tokens.access_token)).status).to.equal(401);
    expect((await resourceServer.introspect(tokens.access_token)).body).to.deep.equal({ active: false });
    expect(await browser.visit(doomed.authorizationRequest().url)).to.include({
      status: 400,
      pageName: 'error',
    });
    expect((await browser.submit(atConsent, 'approve')).status).to.be.within(400, 499);
    const page = await browser.visit(`/session/end?id_token_hint=${tokens.id_token}`);
    expect(page.status).to.be.below(500);
    const signOut = await browser.submit(await browser.visit('/session/end'), 'confirm');
    expect(signOut).to.include({ status: 200, pageName: 'logged-out' });
  });

  it('a deleted client: what it was issued for itself is not active either', async () => {
    const identifier = 'https://machines.example.com';
    await latchkey.json(['apis', 'create', '--identifier', identifier, '--token-format', 'opaque']);
    const [api, machine] = await Promise.all(
      [{ resource_server: identifier }, {}].map((metadata) =>
        Application.register(latchkey, {
          grant_types: ['client_credentials'],
          redirect_uris: [],
          ...metadata,
        }),
      ),
    );
    const issued = await machine?.token({ grant_type: 'client_credentials', resource: identifier });
    const token = String(issued?.body.access_token);
    expect((await api?.introspect(token))?.body.active).to.equal(true);
    await latchkey.json(['clients', 'delete', String(machine?.clientId)]);
    expect((await api?.introspect(token))?.body).to.deep.equal({ active: false });
  });

  it('a deleted API: no new tokens for it, by any grant', async () => {
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
    const tokens = await app.signIn(browser, { scope: 'openid read', resource: API }, person);
    const inFlight = await app.authorize(browser, { scope: 'openid read', resource: API }, person);
    await latchkey.json(['apis', 'delete', API]);
    expect(refusal(await app.redeem(inFlight))).to.deep.equal({ status: 400, error: 'invalid_target' });
    expect(refusal(await app.refresh(tokens.refresh_token))).to.deep.equal({
      status: 400,
      error: 'invalid_target',
    });
    const asked = await browser.visit(app.authorizationRequest({ scope: 'openid read', resource: API }).url);
    expect(answerIn(asked).error).to.equal('invalid_target');
    expect((await app.signIn(browser, {}, person)).access_token, 'the rest goes on').to.be.a('string');
  });

  it('no request failed on our side', () => {
    expect(latchkey.output).to.not.contain('"level":50');
  });
});
