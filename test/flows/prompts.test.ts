import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const GRACE = { login: 'grace@example.com', password: 'a bug in relay seventy' };

describe('what a person is asked', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let other: Application;
  let browser: FormBrowser;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    [app, other] = await Promise.all([
      Application.register(latchkey),
      Application.register(latchkey, {
        client_name: 'Other',
        default_max_age: 3600,
        require_auth_time: true,
      }),
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.createPerson(GRACE.login, GRACE.password),
    ]);
  });
  after(() => latchkey.stop());
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });

  const refusal = async (parameters: Record<string, string>, application = app) =>
    answerIn(await browser.visit(application.authorizationRequest(parameters).url));

  it('prompt=none: login_required without a session, consent_required without consent, else an answer', async () => {
    const loginRequired = await refusal({ prompt: 'none' });
    expect(loginRequired).to.include({ error: 'login_required', state: 'a-state', iss: latchkey.issuer });
    await app.signIn(browser);
    expect(await refusal({ prompt: 'none' }, other)).to.include({
      error: 'consent_required',
      state: 'a-state',
    });
    const silent = await app.authorize(browser, { prompt: 'none' });
    expect(answerIn(silent.landing)).to.include({ state: 'a-state', iss: latchkey.issuer });
    expect((await app.redeem(silent)).status).to.equal(200);
  });

  it('prompt=none: consent_required for more than was allowed', async () => {
    await app.signIn(browser);
    expect((await refusal({ prompt: 'none', scope: 'openid address' })).error).to.equal('consent_required');
  });

  it('prompt=none goes alone, and unknown prompts are refused', async () => {
    for (const prompt of ['none login', 'create', 'logout']) {
      expect((await refusal({ prompt })).error, prompt).to.equal('invalid_request');
    }
  });

  it('prompt=login asks for the password again and moves auth_time', async () => {
    const first = decodeJwt((await app.signIn(browser, { max_age: '600' })).id_token);
    const { url, verifier } = app.authorizationRequest({ prompt: 'login', max_age: '600' });
    const page = await browser.visit(url);
    expect(page.pageName).to.equal('login');
    // auth_time has whole seconds: only a later one can be told from the first.
    await eventually('a later second', () => Math.floor(Date.now() / 1000) > Number(first.auth_time));
    const landing = await browser.submit(page, 'submit', { ...ADA });
    const { body } = await app.redeem({ code: answerIn(landing).code ?? '', verifier });
    const second = decodeJwt(body.id_token);
    expect(second.sub).to.equal(first.sub);
    expect(Number(second.auth_time)).to.be.greaterThan(Number(first.auth_time));
  });

  it('prompt=login with another person’s password is that person, not the former one', async () => {
    const first = await app.signIn(browser);
    const { url, verifier } = app.authorizationRequest({ prompt: 'login' });
    let landing = await browser.submit(await browser.visit(url), 'submit', { ...GRACE });
    // The engine ends the former session by a page that posts itself.
    landing = await browser.submitItself(landing);
    if (landing.pageName === 'consent') landing = await browser.submit(landing, 'approve');
    const { status, body } = await app.redeem({ code: answerIn(landing).code ?? '', verifier });
    expect(status, landing.url.href).to.equal(200);
    expect(decodeJwt(body.id_token).sub).to.not.equal(decodeJwt(first.id_token).sub);
    expect((await app.userinfo(first.access_token)).status).to.equal(401);
  });

  it('prompt=select_account shows who is signed in, and goes on with them', async () => {
    const first = await app.signIn(browser);
    const { url, verifier } = app.authorizationRequest({ prompt: 'select_account' });
    const page = await browser.visit(url);
    expect(page.pageName).to.equal('select-account');
    expect(page.page).to.contain(ADA.login);
    const landing = await browser.submit(page, 'continue');
    const { status, body } = await app.redeem({ code: answerIn(landing).code ?? '', verifier });
    expect(status, landing.url.href).to.equal(200);
    expect(decodeJwt(body.id_token).sub).to.equal(decodeJwt(first.id_token).sub);
  });

  it('prompt=select_account lets the person be somebody else', async () => {
    await app.signIn(browser);
    const { url, verifier } = app.authorizationRequest({ prompt: 'select_account' });
    const page = await browser.visit(url);
    const login = await browser.submit(page, 'switch');
    expect(login.pageName).to.equal('login');
    let landing = await browser.submitItself(await browser.submit(login, 'submit', { ...GRACE }));
    if (landing.pageName === 'consent') landing = await browser.submit(landing, 'approve');
    const { body } = await app.redeem({ code: answerIn(landing).code ?? '', verifier });
    expect(await latchkey.json(['users', 'show', GRACE.login])).to.include({
      sub: decodeJwt(body.id_token).sub,
    });
  });

  it('prompt=select_account without a session is a login, asked once', async () => {
    const { url, verifier } = app.authorizationRequest({ prompt: 'select_account' });
    const page = await browser.visit(url);
    expect(page.pageName).to.equal('login');
    let landing = await browser.submit(page, 'submit', { ...ADA });
    if (landing.pageName === 'consent') landing = await browser.submit(landing, 'approve');
    expect((await app.redeem({ code: answerIn(landing).code ?? '', verifier })).status).to.equal(200);
  });

  it('prompt=consent asks again, and a refusal is access_denied', async () => {
    await app.signIn(browser);
    const page = await browser.visit(app.authorizationRequest({ prompt: 'consent' }).url);
    expect(page.pageName).to.equal('consent');
    const denied = answerIn(await browser.submit(page, 'deny'));
    expect(denied).to.include({ error: 'access_denied', state: 'a-state', iss: latchkey.issuer });
    expect((await browser.visit(app.authorizationRequest().url)).url.href).to.contain('code=');
  });

  it('max_age: a fresh session serves, an older one does not, and auth_time is told', async () => {
    const first = decodeJwt((await app.signIn(browser, { max_age: '600' })).id_token);
    const fresh = decodeJwt((await app.signIn(browser, { max_age: '600' })).id_token);
    expect(fresh.auth_time).to.equal(first.auth_time);
    await eventually('it is too old', () => Math.floor(Date.now() / 1000) > Number(first.auth_time) + 1);
    expect((await browser.visit(app.authorizationRequest({ max_age: '1' }).url)).pageName).to.equal('login');
    expect((await browser.visit(app.authorizationRequest({ max_age: '0' }).url)).pageName).to.equal('login');
    expect((await refusal({ max_age: '1', prompt: 'none' })).error).to.equal('login_required');
    expect((await refusal({ max_age: '-1' })).error).to.equal('invalid_request');
  });

  it('auth_time is in the ID token where max_age or the registration asks for it', async () => {
    expect(decodeJwt((await app.signIn(browser)).id_token)).to.not.have.property('auth_time');
    expect(decodeJwt((await app.signIn(browser, { max_age: '9' })).id_token).auth_time).to.be.a('number');
    expect(decodeJwt((await other.signIn(browser)).id_token).auth_time).to.be.a('number');
  });

  it('login_hint fills the login in, escaped', async () => {
    const page = await browser.visit(app.authorizationRequest({ login_hint: 'a"><i>b' }).url);
    expect(page.page).to.contain('value="a&quot;&gt;&lt;i&gt;b"').and.not.contain('<i>b');
  });

  it('id_token_hint of the person signed in passes, of another asks for a login', async () => {
    const ada = await app.signIn(browser);
    const grace = await app.signIn(new FormBrowser(latchkey.issuer), {}, GRACE);
    const mine = await app.authorize(browser, { prompt: 'none', id_token_hint: ada.id_token });
    expect(mine.code).to.not.equal('');
    const theirs = { id_token_hint: grace.id_token };
    expect((await refusal({ prompt: 'none', ...theirs })).error).to.equal('login_required');
    expect((await browser.visit(app.authorizationRequest(theirs).url)).pageName).to.equal('login');
    expect((await refusal({ id_token_hint: 'eyJhbGciOiJub25lIn0.e30.' })).error).to.equal('invalid_request');
  });

  it('an interaction opened twice, reloaded or gone back to leads on or says that it is over', async () => {
    const page = await browser.visit(app.authorizationRequest().url);
    expect((await browser.visit(page.url)).pageName).to.equal('login');
    const consent = await browser.submit(page, 'submit', { ...GRACE });
    const landing = consent.pageName === 'consent' ? await browser.submit(consent, 'approve') : consent;
    expect(answerIn(landing).code).to.be.a('string');
    expect(await browser.visit(page.url)).to.include({ status: 410, pageName: 'expired' });
  });
});
