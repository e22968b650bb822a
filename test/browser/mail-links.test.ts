import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { Application } from '../flows/application.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { linkIn, type ReadMail, readOutbox } from '../mail/read-mail.ts';
import { launchChromium } from './chromium.ts';
import { type Elsewhere, serveElsewhere } from './elsewhere.ts';
import type { Keyboard } from './keyboard.ts';
import { KeyboardVisitors } from './keyboard-visitors.ts';

const EMAIL = 'nell@example.com';
const PASSWORD = 'seven quiet otters';
const NEXT_PASSWORD = 'eight louder otters';

describe('links of mails in Chromium, by keyboard alone', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let elsewhere: Elsewhere;
  let app: Application;
  let browser: Browser;
  let keyboard: Keyboard;
  let visitors: KeyboardVisitors;

  before(async () => {
    elsewhere = await serveElsewhere();
    latchkey = await LatchkeyProcess.start({ LATCHKEY_REGISTRATION_MODE: 'open' });
    app = await Application.register(latchkey, { redirect_uris: [`${elsewhere.origin}/callback`] });
    browser = await launchChromium();
    visitors = new KeyboardVisitors(browser);
  });
  beforeEach(async () => {
    keyboard = await visitors.next();
  });
  afterEach(() => visitors?.leave());
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
    await elsewhere?.close();
  });

  const openLogin = (): Promise<unknown> => keyboard.tab.goto(app.authorizationRequest().url.href);

  /** A mail opens in a tab of its own. */
  async function follow(subject: string): Promise<void> {
    const { tab } = keyboard;
    keyboard = await visitors.inNewTab(tab.context());
    await tab.close();
    await keyboard.tab.goto(await linkOf(subject));
  }

  async function linkOf(subject: string): Promise<string> {
    const find = (): ReadMail | undefined =>
      readOutbox(latchkey.dataDir).find(({ headers }) => headers.get('subject') === subject);
    await eventually(`a mail “${subject}”`, () => find() !== undefined);
    return linkIn(find() as ReadMail).href;
  }

  async function consentAndReturn(): Promise<void> {
    if (keyboard.tab.url().startsWith(latchkey.issuer)) await keyboard.press('approve');
    expect(keyboard.tab.url()).to.contain('/callback?code=');
    expect(await keyboard.tab.title()).to.equal('Elsewhere');
  }

  /** Takes the way of a newcomer who has just got the mail. */
  async function complete(): Promise<void> {
    await keyboard.reaches('complete-registration');
    await keyboard.isAt('name');
    await keyboard.type('name', 'Nell Fenwick');
    await keyboard.type('password', 'password123');
    await keyboard.press('submit');
    await keyboard.tab.waitForSelector('#problem');
    await keyboard.isAt('password');
    await keyboard.reaches('complete-registration');
    await keyboard.type('password', PASSWORD);
    await keyboard.press('submit');
  }

  it('a new person registers in two tabs of one browser, and ends at the application', async () => {
    await openLogin();
    await keyboard.press('register');
    await keyboard.reaches('register');
    await keyboard.type('email', EMAIL);
    await keyboard.press('submit');
    await keyboard.reaches('mail-sent');
    await follow('Confirm your e-mail address');
    await complete();
    await consentAndReturn();
  });

  it('a forgotten password is replaced, and the person ends at the application', async () => {
    const login = 'forgetful@example.com';
    await latchkey.createPerson(login, PASSWORD);
    await openLogin();
    await keyboard.press('forgotten');
    await keyboard.reaches('reset');
    await keyboard.type('login', login);
    await keyboard.press('submit');
    await keyboard.reaches('mail-sent');
    await keyboard.tab.goto(await linkOf('Choose a new password'));
    await keyboard.reaches('choose-password');
    await keyboard.type('password', NEXT_PASSWORD);
    await keyboard.press('submit');
    await keyboard.tab.waitForSelector('#password-changed');
    await keyboard.signIn({ login, password: NEXT_PASSWORD });
    await consentAndReturn();
  });

  it('somebody who is invited makes their account', async () => {
    await latchkey.json(['users', 'invite', 'guest@example.com']);
    await follow('You are invited');
    await complete();
    await keyboard.reaches('link-result');
  });
});
