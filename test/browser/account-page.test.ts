import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { Application, type Credentials } from '../flows/application.ts';
import { ask, ON, outcomeOf, POLLING, poll } from '../flows/ciba-requests.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { AuthenticatorApp } from '../flows/second-factor.ts';
import { linkIn } from '../mail/read-mail.ts';
import { mailTo, newcomer } from '../self-service/own-account.ts';
import { launchChromium } from './chromium.ts';
import type { Keyboard } from './keyboard.ts';
import { KeyboardVisitors } from './keyboard-visitors.ts';
import { VirtualAuthenticator } from './virtual-authenticator.ts';

const NEXT_PASSWORD = 'seven quiet otters';

describe('the account page in Chromium, by keyboard alone', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let counter: Application;
  let browser: Browser;
  let visitors: KeyboardVisitors;

  before(async () => {
    latchkey = await LatchkeyProcess.start(ON);
    app = await Application.register(latchkey);
    counter = await Application.register(latchkey, POLLING);
    browser = await launchChromium();
    visitors = new KeyboardVisitors(browser);
  });
  afterEach(() => visitors?.leave());
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
  });

  /** Somebody in a browser of their own. */
  async function visit(path: string): Promise<Keyboard> {
    const keyboard = await visitors.next();
    await keyboard.tab.goto(`${latchkey.issuer}${path}`);
    return keyboard;
  }

  /** Somebody who signs in at one of their pages. */
  async function arrive(section: string, person: Credentials): Promise<Keyboard> {
    const keyboard = await visit(`/account/${section}`);
    await keyboard.signIn(person);
    await keyboard.tab.waitForSelector(`body[data-page="account-${section}"]`);
    return keyboard;
  }

  /** The page tells what was done, that has the keyboard, and Tab goes on below it, not at the top of the page. */
  async function isDone(keyboard: Keyboard, page: string, next: string): Promise<void> {
    await keyboard.tab.waitForSelector('#done');
    await keyboard.isAt('done');
    await keyboard.tab.keyboard.press('Tab');
    await keyboard.isAt(next);
    await keyboard.reaches(page);
  }

  it('leads from the home page to every section, past the navigation, and out again', async () => {
    const person = await newcomer(latchkey);
    const keyboard = await visit('/');
    const { tab } = keyboard;
    await keyboard.reaches('home');
    await keyboard.press('account');
    await keyboard.signIn(person);
    await keyboard.reaches('account');
    const sections = (await keyboard.walk()).filter((id) => id.startsWith('to-'));
    expect(sections).to.have.length(10);
    for (const id of sections) {
      await keyboard.press(id);
      await keyboard.reaches(id.replace('to', 'account'));
      await tab.goBack();
    }
    await keyboard.press('to-data');
    await tab.keyboard.press('Tab');
    await keyboard.isAt('skip');
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Tab');
    await keyboard.isAt('export');

    await keyboard.press('Overview');
    await keyboard.press('logout');
    await keyboard.reaches('logout');
    await keyboard.press('confirm');
    await keyboard.reaches('logged-out');
    await tab.goto(`${latchkey.issuer}/account`);
    await keyboard.reaches('login');
  });

  it('changes the profile, where a bad time zone has the keyboard', async () => {
    const keyboard = await arrive('profile', await newcomer(latchkey));
    await keyboard.type('zoneinfo', 'Atlantis');
    await keyboard.press('zoneinfo');
    await keyboard.tab.waitForSelector('#problem');
    await keyboard.isAt('zoneinfo');
    await keyboard.reaches('account-profile');
    await keyboard.type('zoneinfo', 'Europe/London');
    await keyboard.reach('locale');
    await keyboard.tab.keyboard.press('ArrowDown');
    const language = await keyboard.tab.inputValue('#locale');
    expect(language).not.to.equal('');
    await keyboard.press('submit', 'Space');
    await isDone(keyboard, 'account-profile', 'name');
    expect(await keyboard.tab.inputValue('#locale')).to.equal(language);
  });

  it('changes the e-mail address, by a link to the new one', async () => {
    const person = await newcomer(latchkey);
    const keyboard = await arrive('email', person);
    await keyboard.type('email', person.login);
    await keyboard.press('email');
    expect(await keyboard.tab.textContent('#problem')).to.contain('This is your address already');
    await keyboard.isAt('email');
    await keyboard.reaches('account-email');
    await keyboard.type('email', `new.${person.login}`);
    await keyboard.press('submit');
    await isDone(keyboard, 'account-email', 'verify');
    const to = `new.${person.login}`;
    await keyboard.tab.goto(
      linkIn(await mailTo(latchkey.dataDir, to, 'Confirm your new e-mail address')).href,
    );
    await keyboard.reaches('account-email-confirm');
    await keyboard.press('confirm', 'Space');
    await keyboard.reaches('link-result');
  });

  it('changes the password, where one that is too common has the keyboard', async () => {
    const person = await newcomer(latchkey);
    await app.signIn(new FormBrowser(latchkey.issuer), {}, person);
    const keyboard = await arrive('password', person);
    await keyboard.type('password', 'password123');
    await keyboard.press('submit');
    await keyboard.tab.waitForSelector('#problem');
    await keyboard.isAt('password');
    await keyboard.reaches('account-password');
    await keyboard.type('password', NEXT_PASSWORD);
    await keyboard.use('Show password', 'Space');
    await keyboard.isAt('Hide password');
    await keyboard.press('submit');
    await isDone(keyboard, 'account-password', 'password');
  });

  it('ends one session, and then all others', async () => {
    const person = await newcomer(latchkey);
    for (let count = 0; count < 3; count += 1) {
      await app.signIn(new FormBrowser(latchkey.issuer), {}, person);
    }
    const keyboard = await arrive('sessions', person);
    const entries = keyboard.tab.locator('.entry');
    const firstEnd = () => keyboard.tab.locator('form[action$="/end"] button').first().getAttribute('id');
    expect(await entries.count()).to.equal(4);
    await keyboard.reaches('account-sessions');
    await keyboard.press(String(await firstEnd()));
    await isDone(keyboard, 'account-sessions', String(await firstEnd()));
    expect(await entries.count()).to.equal(3);
    await keyboard.press('end-others');
    await keyboard.tab.waitForSelector('#done');
    expect(await entries.count()).to.equal(1);
  });

  it('takes access back from an application', async () => {
    const person = await newcomer(latchkey);
    const notes = await Application.register(latchkey);
    for (const each of [app, notes]) await each.signIn(new FormBrowser(latchkey.issuer), {}, person);
    const keyboard = await arrive('applications', person);
    await keyboard.reaches('account-applications');
    await keyboard.press('remove-1');
    await isDone(keyboard, 'account-applications', 'remove-0');
    await keyboard.press('remove-0');
    await keyboard.tab.waitForSelector('.entry', { state: 'detached' });
    await keyboard.reaches('account-applications');
  });

  it('adds a passkey after a cancelled prompt, names it anew and removes it', async () => {
    const keyboard = await arrive('passkeys', await newcomer(latchkey));
    const { tab } = keyboard;
    const authenticator = await VirtualAuthenticator.of(tab);
    await authenticator.recognises(false);
    await keyboard.type('passkey-name', 'Phone');
    await keyboard.use('passkey');
    await tab.waitForSelector('[data-outcome="cancelled"]:visible');
    await keyboard.isAt('passkey');
    await authenticator.recognises(true);
    await keyboard.press('passkey', 'Space');
    await keyboard.reaches('account-recovery-codes');
    await keyboard.press('back');
    // It was made, but not used: whoever changes anything further uses it.
    await keyboard.reaches('second-step');
    await keyboard.press('passkey');
    await keyboard.reaches('account-two-step');
    await tab.goto(`${latchkey.issuer}/account/passkeys`);
    await keyboard.reaches('account-passkeys');
    await keyboard.use('change-0');
    await keyboard.walk();
    await keyboard.type('name-0', 'Old phone');
    await keyboard.press('rename-0');
    await isDone(keyboard, 'account-passkeys', 'change-0');
    expect(await tab.textContent('#passkeys')).to.contain('Old phone');
    await keyboard.use('change-0', 'Space');
    await keyboard.press('remove-0');
    await isDone(keyboard, 'account-passkeys', 'passkey-name');
    expect(await authenticator.credentials()).to.have.length(0);
  });

  it('sets up an authenticator app, makes recovery codes anew, forgets a browser and takes the app away', async () => {
    const person = await newcomer(latchkey);
    const keyboard = await arrive('two-step', person);
    const { tab } = keyboard;
    await keyboard.press('add-app');
    await keyboard.reaches('account-two-step-app');
    const phone = new AuthenticatorApp((await tab.textContent('#secret')) ?? '');
    await keyboard.type('code', '000000');
    await keyboard.press('submit');
    await tab.waitForSelector('#problem');
    await keyboard.isAt('code');
    await keyboard.reaches('account-two-step-app');
    await keyboard.type('code', phone.code());
    await keyboard.press('code');
    await keyboard.reaches('account-recovery-codes');
    const [code = ''] = await tab.locator('.codes code').allTextContents();
    await keyboard.press('back');

    const elsewhere = new FormBrowser(latchkey.issuer);
    const begun = await app.authorize(elsewhere, {}, person);
    await elsewhere.submit(begun.landing, 'submit', { way: 'recovery-code', code, remember: 'yes' });
    await tab.reload();
    await keyboard.reaches('account-two-step');
    await keyboard.press('forget-0');
    await tab.waitForSelector('#devices', { state: 'detached' });
    await keyboard.press('new-codes');
    await keyboard.reaches('account-recovery-codes');
    await keyboard.press('back');
    await keyboard.press('remove-app');
    await isDone(keyboard, 'account-two-step', 'add-app');
  });

  it('exports what is kept, keeps the account after all, asks for its deletion, and takes that back', async () => {
    const person = await newcomer(latchkey);
    const keyboard = await arrive('data', person);
    const { tab } = keyboard;
    const [download] = await Promise.all([tab.waitForEvent('download'), keyboard.use('export')]);
    expect(download.suggestedFilename()).to.match(/\.json$/);
    await keyboard.press('delete');
    await keyboard.reaches('account-delete');
    await keyboard.press('cancel');
    await keyboard.press('delete');
    await keyboard.press('confirm');
    await keyboard.reaches('link-result');
    await tab.goto(`${latchkey.issuer}/account/activity`);
    await keyboard.signIn(person);
    await eventually('it is told', async () => {
      await tab.reload();
      return (await tab.textContent('main'))?.includes('Deletion cancelled') === true;
    });
  });

  it('confirms one sign-in elsewhere and refuses another', async () => {
    const person = await newcomer(latchkey);
    const keyboard = await arrive('requests', person);
    for (const [button, outcome] of [
      ['approve-0', 'tokens'],
      ['deny-0', 'access_denied'],
    ] as const) {
      const asked = await ask(counter, { login_hint: person.login, binding_message: 'KX-17' });
      await keyboard.tab.goto(`${latchkey.issuer}/account/requests`);
      await keyboard.reaches('account-requests');
      await keyboard.press(button);
      await keyboard.tab.waitForSelector('#done');
      expect(outcomeOf(await poll(counter, asked))).to.equal(outcome);
      await keyboard.reaches('account-requests');
    }
  });

  it('is read in another language, and on a phone leads back to the overview by its first link', async () => {
    const keyboard = await arrive('activity', await newcomer(latchkey));
    const { tab } = keyboard;
    await keyboard.use('languages', 'Space');
    await keyboard.press('de');
    await tab.waitForSelector('html[lang="de"] body[data-page="account-activity"]');
    const visible = (): Promise<number> => tab.locator('.sections a:visible').count();
    expect(await visible()).to.be.greaterThan(6);
    await tab.setViewportSize({ width: 390, height: 844 });
    expect(await visible()).to.equal(1);
    expect((await keyboard.walk())[0]).to.equal('Übersicht');
    await keyboard.press('Übersicht');
    await keyboard.walk();
  });
});
