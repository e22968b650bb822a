import { expect } from 'chai';
import { ADA, Application } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const REFRESH_SECONDS = 1000;
const SESSION_SECONDS = 4;
const SHORT_SECONDS = 5;

describe('what lives for a while', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let unredeemed: { code: string; verifier: string };
  let openLogin: Landing;
  let browserAtLogin: FormBrowser;
  let begun: number;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_LIFETIMES_REFRESH_TOKEN: String(REFRESH_SECONDS),
      LATCHKEY_LIFETIMES_SESSION: String(SESSION_SECONDS),
      LATCHKEY_LIFETIMES_AUTHORIZATION_CODE: String(SHORT_SECONDS),
      LATCHKEY_LIFETIMES_INTERACTION: String(SHORT_SECONDS),
    });
    [app] = await Promise.all([
      Application.register(latchkey),
      latchkey.createPerson(ADA.login, ADA.password),
    ]);
    browserAtLogin = new FormBrowser(latchkey.issuer);
    openLogin = await browserAtLogin.visit(app.authorizationRequest().url);
    unredeemed = await app.authorize(new FormBrowser(latchkey.issuer));
    begun = Date.now();
  });
  after(() => latchkey.stop());

  const secondsSince = (time: number) => (Date.now() - time) / 1000;

  it('a session that is used lives on, and its grant outlives each refresh token issued in it', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);
    const signedInAt = Date.now();
    let tokens = await app.signIn(browser);
    // Longer than the session's own life after the sign-in: the grant's first expiry is then too early.
    while (secondsSince(signedInAt) < SESSION_SECONDS + 2) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      tokens = await app.signIn(browser);
    }
    const { body } = await app.introspect(tokens.refresh_token);
    const grants = await latchkey.json<{ expires_at: string }[]>([
      'grants',
      'list',
      '--client',
      app.clientId,
    ]);
    const latest = Math.max(...grants.map(({ expires_at }) => Date.parse(expires_at)));
    expect(latest).to.be.at.least(body.exp * 1000);
  });

  it('rotation does not prolong a family of refresh tokens', async () => {
    const first = await app.signIn(undefined, { scope: 'openid offline_access', prompt: 'consent' });
    const issued = (await app.introspect(first.refresh_token)).body;
    expect(issued.exp - issued.iat).to.equal(REFRESH_SECONDS);
    await eventually('a later second', () => Date.now() / 1000 > issued.iat + 2);
    const { body } = await app.refresh(first.refresh_token);
    const rotated = (await app.introspect(body.refresh_token)).body;
    expect(rotated.iat).to.be.above(issued.iat);
    expect(rotated.exp).to.be.within(issued.exp - 1, issued.exp);
  });

  it('a code and an open login page end', async () => {
    await eventually('their time is over', () => secondsSince(begun) > SHORT_SECONDS + 1, 15_000);
    const { status, body } = await app.redeem(unredeemed);
    expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_grant' });
    const landing = await browserAtLogin.submit(openLogin, 'submit', { ...ADA });
    expect(landing).to.include({ status: 410, pageName: 'expired' });
  });

  it('a session that nobody uses ends, and so do the refresh tokens that were to end with it', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { refresh_token } = await app.signIn(browser);
    const signedInAt = Date.now();
    await eventually('the session is over', () => secondsSince(signedInAt) > SESSION_SECONDS + 1, 15_000);
    const { landing } = await app.authorize(browser, { prompt: 'none' });
    expect(landing.url.searchParams.get('error')).to.equal('login_required');
    expect((await app.refresh(refresh_token)).body.error).to.equal('invalid_grant');
  });
});
