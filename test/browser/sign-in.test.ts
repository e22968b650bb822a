import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { Application, type Credentials } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { AuthenticatorApp, codesOn, secretOn } from '../flows/second-factor.ts';
import { mailTo, newcomer, openPage } from '../self-service/own-account.ts';
import { launchChromium } from './chromium.ts';
import { type Elsewhere, serveElsewhere } from './elsewhere.ts';
import type { Keyboard } from './keyboard.ts';
import { KeyboardVisitors } from './keyboard-visitors.ts';
import { VirtualAuthenticator, type VirtualCredential } from './virtual-authenticator.ts';

describe('signing in and out in Chromium, by keyboard alone', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let elsewhere: Elsewhere;
  let app: Application;
  let browser: Browser;
  let visitors: KeyboardVisitors;

  before(async () => {
    elsewhere = await serveElsewhere();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_SECOND_FACTOR_MAIL_CODE: 'true',
      LATCHKEY_SECOND_FACTOR_GROUPS: 'staff',
    });
    app = await Application.register(latchkey, {
      redirect_uris: [`${elsewhere.origin}/callback`],
      post_logout_redirect_uris: [`${elsewhere.origin}/bye`],
      policy_uri: `${elsewhere.origin}/policy`,
    });
    browser = await launchChromium();
    visitors = new KeyboardVisitors(browser);
  });
  afterEach(() => visitors?.leave());
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
    await elsewhere?.close();
  });

  /** Somebody at the application, in a browser of their own or in that of `former`. */
  async function ask(parameters: Record<string, string> = {}, former?: Keyboard): Promise<Keyboard> {
    const keyboard = former ?? (await visitors.next());
    await keyboard.tab.goto(app.authorizationRequest(parameters).url.href);
    return keyboard;
  }

  /** What the application was told. */
  async function answered({ tab }: Keyboard): Promise<Record<string, string>> {
    await tab.waitForURL(`${elsewhere.origin}/callback?**`);
    return Object.fromEntries(new URL(tab.url()).searchParams);
  }

  async function consent(keyboard: Keyboard): Promise<void> {
    await keyboard.reaches('consent');
    await keyboard.press('approve', 'Space');
    expect(await answered(keyboard)).to.have.property('code');
  }

  it('mistypes the password, refuses consent, gives it, and signs out from the application', async () => {
    const person = await newcomer(latchkey);
    let keyboard = await ask({ scope: 'openid email' });
    await keyboard.isAt('login');
    await keyboard.signIn({ ...person, password: 'something else' });
    await keyboard.tab.waitForSelector('#problem');
    await keyboard.isAt('password');
    await keyboard.reaches('login');
    await keyboard.type('password', person.password);
    await keyboard.press('submit', 'Space');
    await keyboard.reaches('consent');
    await keyboard.press('deny');
    expect(await answered(keyboard)).to.include({ error: 'access_denied' });

    keyboard = await ask({ scope: 'openid email' }, keyboard);
    await consent(keyboard);
    const { tab } = keyboard;
    const leave = new URL('/session/end', latchkey.issuer);
    leave.searchParams.set('client_id', app.clientId);
    leave.searchParams.set('post_logout_redirect_uri', `${elsewhere.origin}/bye`);
    await tab.goto(leave.href);
    await keyboard.reaches('logout');
    await keyboard.press('cancel');
    await tab.goto(leave.href);
    await keyboard.press('confirm');
    await tab.waitForURL(`${elsewhere.origin}/bye`);
    keyboard = await ask({}, keyboard);
    await keyboard.reaches('login');
    await keyboard.press('cancel');
    expect(await answered(keyboard)).to.include({ error: 'access_denied' });
  });

  it('goes on as who is signed in, or as somebody else', async () => {
    const person = await newcomer(latchkey);
    let keyboard = await ask();
    await keyboard.signIn(person);
    await consent(keyboard);
    keyboard = await ask({ prompt: 'select_account' }, keyboard);
    await keyboard.reaches('select-account');
    await keyboard.press('continue');
    expect(await answered(keyboard)).to.have.property('code');
    keyboard = await ask({ prompt: 'select_account' }, keyboard);
    await keyboard.press('switch');
    await keyboard.reaches('login');
    await keyboard.signIn(await newcomer(latchkey));
    await keyboard.reaches('consent');
    await keyboard.press('switch');
    await keyboard.reaches('login');
  });

  /** Somebody who has an authenticator app, and their recovery codes. */
  async function withApp(): Promise<{ person: Credentials; phone: AuthenticatorApp; codes: string[] }> {
    const person = await newcomer(latchkey);
    const form = new FormBrowser(latchkey.issuer);
    const page = await openPage(form, '/account/two-step/app', person);
    const phone = new AuthenticatorApp(secretOn(page));
    return { person, phone, codes: codesOn(await form.submit(page, 'submit', { code: phone.code() })) };
  }

  it('by an authenticator app, and is remembered', async () => {
    const { person, phone } = await withApp();
    let keyboard = await ask();
    await keyboard.signIn(person);
    await keyboard.reaches('second-step');
    await keyboard.isAt('code');
    await keyboard.type('code', '000000');
    await keyboard.press('code');
    await keyboard.tab.waitForSelector('#problem');
    await keyboard.isAt('code');
    await keyboard.reaches('second-step');
    await keyboard.type('code', phone.code());
    await keyboard.use('remember', 'Space');
    expect(await keyboard.tab.isChecked('#remember')).to.equal(true);
    await keyboard.press('submit');
    await consent(keyboard);
    keyboard = await ask({ prompt: 'login' }, keyboard);
    await keyboard.signIn(person);
    expect(await answered(keyboard)).to.have.property('code');
  });

  it('by an authenticator app that has to be set up first', async () => {
    const person = await newcomer(latchkey);
    await latchkey.json(['users', 'update', person.login, '--claim', 'groups:=["staff"]']);
    const keyboard = await ask();
    await keyboard.signIn(person);
    await keyboard.reaches('set-up-two-step');
    const phone = new AuthenticatorApp((await keyboard.tab.textContent('#secret')) ?? '');
    await keyboard.type('code', '000000');
    await keyboard.press('submit');
    await keyboard.tab.waitForSelector('#problem');
    await keyboard.isAt('code');
    await keyboard.type('code', phone.code());
    await keyboard.press('code');
    await keyboard.reaches('recovery-codes');
    await keyboard.press('submit');
    await consent(keyboard);
  });

  it('by a recovery code in place of the app', async () => {
    const { person, codes } = await withApp();
    const keyboard = await ask();
    await keyboard.signIn(person);
    await keyboard.press('way-recovery-code');
    await keyboard.reaches('second-step');
    await keyboard.isAt('code');
    await keyboard.type('code', String(codes[0]));
    await keyboard.press('submit');
    await consent(keyboard);
  });

  it('by a code that comes by mail', async () => {
    const person = await newcomer(latchkey);
    const claims = ['--claim', 'email_verified:=true', '--claim', 'groups:=["staff"]'];
    await latchkey.json(['users', 'update', person.login, ...claims]);
    const keyboard = await ask();
    await keyboard.signIn(person);
    await keyboard.reaches('second-step');
    await keyboard.press('send');
    const mail = await mailTo(latchkey.dataDir, person.login, 'Your code to sign in');
    await keyboard.isAt('code');
    await keyboard.walk();
    await keyboard.type('code', /^\d{6}$/m.exec(mail.text)?.[0] ?? '');
    await keyboard.press('code');
    await consent(keyboard);
  });

  /** Somebody with a passkey, which they made on the account page. */
  async function withPasskey(): Promise<{ person: Credentials; credential: VirtualCredential }> {
    const person = await newcomer(latchkey);
    const keyboard = await visitors.next();
    const authenticator = await VirtualAuthenticator.of(keyboard.tab);
    await keyboard.tab.goto(`${latchkey.issuer}/account/passkeys`);
    await keyboard.signIn(person);
    await keyboard.press('passkey');
    const [credential] = await authenticator.credentials();
    if (credential === undefined) throw new Error('the passkey is there');
    return { person, credential: { ...credential, signCount: 100 } };
  }

  /** Their authenticator in another browser, which is touched when it is told to be. */
  async function carry({ tab }: Keyboard, credential: VirtualCredential): Promise<VirtualAuthenticator> {
    const authenticator = await VirtualAuthenticator.of(tab);
    await authenticator.isTouched(false);
    await authenticator.add(credential);
    return authenticator;
  }

  it('by a passkey: after a cancelled prompt, from what the browser fills in, and as a second step', async () => {
    const { person, credential } = await withPasskey();
    let keyboard = await visitors.next();
    const authenticator = await carry(keyboard, credential);
    keyboard = await ask({}, keyboard);
    await keyboard.reaches('login');
    await authenticator.recognises(false);
    await keyboard.reach('passkey');
    await authenticator.isTouched(true);
    await keyboard.tab.keyboard.press('Enter');
    await keyboard.tab.waitForSelector('[data-outcome="cancelled"]:visible');
    await keyboard.isAt('passkey');
    await authenticator.recognises(true);
    await keyboard.tab.keyboard.press('Space');
    await consent(keyboard);

    // From what it fills in there is nothing to press: the authenticator is touched while the name has the keyboard.
    keyboard = await ask({ prompt: 'login' }, keyboard);
    expect(await answered(keyboard)).to.have.property('code');

    await authenticator.isTouched(false);
    keyboard = await ask({ prompt: 'login' }, keyboard);
    await keyboard.signIn(person);
    await keyboard.reaches('second-step');
    await keyboard.reach('passkey');
    await authenticator.isTouched(true);
    await keyboard.tab.keyboard.press('Enter');
    expect(await answered(keyboard)).to.have.property('code');
  });
});
