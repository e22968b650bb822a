import { expect } from 'chai';
import { type RunningUserBase, startUserBase } from '../accounts/user-base.ts';
import { Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const TOKEN = 'token-of-the-user-base-0123456789';
const PERSON = { login: 'ann@example.com', password: 'the employee’s own secret' };

describe('people who are kept elsewhere', function () {
  this.timeout(60_000);
  let base: RunningUserBase;
  let latchkey: LatchkeyProcess;
  let app: Application;
  let sub: string;
  let browser: FormBrowser;

  before(async () => {
    base = await startUserBase(TOKEN);
    sub = base.add({ ...PERSON, claims: { name: 'Ann', email: PERSON.login, email_verified: true } });
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_ACCOUNTS_ADAPTER: 'http',
      LATCHKEY_ACCOUNTS_HTTP_URL: base.url,
      LATCHKEY_ACCOUNTS_HTTP_TOKEN: TOKEN,
      LATCHKEY_ACCOUNTS_HTTP_TIMEOUT: '1000',
    });
    app = await Application.register(latchkey);
  });
  after(async () => {
    await latchkey.stop();
    await base.close();
  });
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });
  afterEach(() => {
    const person = base.people.get(sub);
    if (person !== undefined) person.disabled = false;
    base.behave();
  });

  const signIn = () => app.signIn(browser, { scope: 'openid email profile' }, PERSON);
  const goDown = () => base.misbehave((_request, response) => response.writeHead(503).end());

  it('sign in, with the claims that the user base tells', async () => {
    const tokens = await signIn();
    const { body } = await app.userinfo(tokens.access_token);
    expect(body).to.deep.equal({ sub, name: 'Ann', email: PERSON.login, email_verified: true });
    expect((await app.refresh(tokens.refresh_token)).status).to.equal(200);
  });

  it('are in groups that an application hears of by the scope of that name alone', async () => {
    const grouped = { login: 'gus@example.com', password: 'another employee’s own secret' };
    base.add({ ...grouped, claims: { groups: ['staff'], department: 'post' } });
    const told = async (scope: string): Promise<object> => {
      const tokens = await app.signIn(new FormBrowser(latchkey.issuer), { scope }, grouped);
      return (await app.userinfo(tokens.access_token)).body;
    };
    expect(await told('openid groups'))
      .to.have.keys('sub', 'groups')
      .and.to.deep.include({ groups: ['staff'] });
    expect(await told('openid profile')).to.have.keys('sub');
    const metadata = await fetch(`${latchkey.issuer}/.well-known/openid-configuration`);
    expect(((await metadata.json()) as { scopes_supported: string[] }).scopes_supported).to.include('groups');
  });

  it('are refused with a wrong password', async () => {
    const landing = await browser.authorize(app.authorizationRequest().url, {
      ...PERSON,
      password: 'not that one',
    });
    expect(landing).to.include({ status: 422, pageName: 'login' });
  });

  it('are out as soon as the user base disables or forgets them, and never by a failure', async () => {
    const tokens = await signIn();
    const inFlight = await app.authorize(browser, { scope: 'openid email profile' }, PERSON);
    for (const leave of [
      () => Object.assign(base.people.get(sub) as object, { disabled: true }),
      () =>
        base.misbehave((_request, response) => {
          response.writeHead(200, { 'content-type': 'application/json' }).end('{"account":null}');
        }),
    ]) {
      leave();
      expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
      expect((await app.introspect(tokens.access_token)).body).to.deep.equal({ active: false });
      expect((await app.refresh(tokens.refresh_token)).body.error).to.equal('invalid_grant');
      expect((await app.redeem(inFlight)).body.error).to.equal('invalid_grant');
      const silent = await browser.visit(app.authorizationRequest({ prompt: 'none' }).url);
      expect(answerIn(silent).error, silent.page).to.equal('login_required');
      expect(await browser.visit(app.authorizationRequest().url)).to.include({
        status: 200,
        pageName: 'login',
      });
    }
  });

  it('a user base that is down is neither a wrong password nor a failure of ours', async () => {
    const tokens = await signIn();
    const inFlight = await app.authorize(browser, { scope: 'openid email profile' }, PERSON);
    const login = await new FormBrowser(latchkey.issuer).visit(app.authorizationRequest().url);
    expect(login.pageName).to.equal('login');
    const stranger = new FormBrowser(latchkey.issuer);
    const page = await stranger.visit(app.authorizationRequest().url);
    const consent = await browser.visit(app.authorizationRequest({ prompt: 'consent' }).url);
    goDown();
    const refused = await stranger.submit(page, 'submit', { ...PERSON });
    expect(refused).to.include({ status: 503, pageName: 'login' });
    expect(await browser.visit(consent.url)).to.include({ status: 503, pageName: 'error' });
    for (const answer of [
      await app.userinfo(tokens.access_token),
      await app.introspect(tokens.access_token),
      await app.refresh(tokens.refresh_token),
      await app.redeem(inFlight),
    ]) {
      expect({ status: answer.status, error: answer.body.error }).to.deep.equal({
        status: 503,
        error: 'temporarily_unavailable',
      });
    }
    const silent = await browser.visit(app.authorizationRequest({ prompt: 'none' }).url);
    expect(answerIn(silent)).to.include({ error: 'temporarily_unavailable', state: 'a-state' });

    base.behave();
    expect((await app.redeem(inFlight)).status, 'the code was not used up').to.equal(200);
    expect((await app.refresh(tokens.refresh_token)).status, 'nor the refresh token').to.equal(200);
    expect((await app.userinfo(tokens.access_token)).status).to.equal(200);
  });

  it('a person can sign out while the user base is down', async () => {
    await signIn();
    goDown();
    const page = await browser.visit('/session/end');
    expect(page).to.include({ status: 200, pageName: 'logout' });
    expect(await browser.submit(page, 'confirm')).to.include({ status: 200, pageName: 'logged-out' });
  });

  it('that cannot be asked now end a command with the exit code for trying again', async () => {
    goDown();
    const { code, stdout, stderr } = await latchkey.command([
      'sessions',
      'list',
      '--account',
      PERSON.login,
      '--json',
    ]);
    expect({ code, stdout, error: JSON.parse(stderr).error }).to.deep.equal({
      code: 3,
      stdout: '',
      error: 'unavailable',
    });
  });

  it('the operator’s commands for people say where these are kept', async () => {
    const { code, stderr } = await latchkey.command(['users', 'list']);
    expect(code).to.not.equal(0);
    expect(stderr).to.contain('account service');
  });

  it('no request failed on our side', () => {
    const failures = latchkey.output.split('\n').filter((line) => line.includes('"level":50'));
    expect(failures.filter((line) => !line.includes('AccountsUnavailable'))).to.deep.equal([]);
  });
});
