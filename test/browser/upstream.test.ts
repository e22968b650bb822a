import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADA } from '../flows/application.ts';
import { UpstreamPair } from '../upstream/upstream-pair.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { type Elsewhere, serveElsewhere } from './elsewhere.ts';
import { Keyboard } from './keyboard.ts';

describe('signing in at another provider in Chromium, by keyboard alone', function () {
  this.timeout(120_000);
  let pair: UpstreamPair;
  let elsewhere: Elsewhere;
  let browser: Browser;
  let context: BrowserContext;
  let tab: Page;
  let keyboard: Keyboard;
  const known = new Set<string>();
  const complaints: string[] = [];

  before(async () => {
    elsewhere = await serveElsewhere();
    pair = await UpstreamPair.start({
      worksHost: '127.0.0.1',
      settings: { provisioning: 'just_in_time', logout: 'offered' },
      application: { redirect_uris: [`${elsewhere.origin}/callback`] },
    });
    browser = await launchChromium();
  });
  beforeEach(async () => {
    context = await browser.newContext({ reducedMotion: 'reduce' });
    tab = await context.newPage();
    keyboard = await Keyboard.at(tab, known);
    tab.on('console', (message) => {
      // A status that is no 2xx is told there as well, and is asked for.
      if (!message.text().includes('the server responded with a status of 4'))
        complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await context.close();
    expect(complaints.splice(0), 'said in the console').to.deep.equal([]);
  });
  after(async () => {
    await browser?.close();
    await pair?.stop();
    await elsewhere?.close();
  });

  const openLogin = (): Promise<unknown> =>
    tab.goto(pair.application.authorizationRequest({ ui_locales: 'en' }).url.href);

  const isOn = (page: string, origin: string): Promise<unknown> =>
    tab.waitForURL((url) => url.origin === origin).then(() => keyboard.reaches(page));

  async function findsNothing(): Promise<void> {
    await tab.evaluate(axeSource);
    expect(await violations(tab), await tab.title()).to.deep.equal([]);
  }

  it('goes there, and back to the application', async () => {
    const worker = await pair.createWorker('ida@works.example');
    await openLogin();
    await isOn('login', pair.latchkey.issuer);
    await keyboard.press('upstream-works');
    await isOn('login', pair.works.issuer);
    await keyboard.signIn(worker);
    await isOn('consent', pair.works.issuer);
    await keyboard.press('approve');
    await isOn('consent', pair.latchkey.issuer);
    await keyboard.press('approve');
    await tab.waitForURL(/\/callback\?/);
    expect(new URL(tab.url()).searchParams.get('code')).to.be.a('string');
  });

  it('comes back without a question where there is a session, and links an account by proof', async () => {
    const worker = await pair.createWorker(ADA.login);
    await openLogin();
    await keyboard.press('upstream-works');
    await isOn('login', pair.works.issuer);
    await keyboard.signIn(worker);
    await isOn('consent', pair.works.issuer);
    await keyboard.press('approve');
    await isOn('connect', pair.latchkey.issuer);
    await findsNothing();
    await keyboard.press('sign-in');
    await isOn('login', pair.latchkey.issuer);
    expect(await tab.locator('#connecting').textContent()).to.include(ADA.login);
    await findsNothing();
    await keyboard.signIn(ADA);
    await isOn('consent', pair.latchkey.issuer);
    await tab.goBack();
    await tab.goForward();
    await openLogin();
    await isOn('consent', pair.latchkey.issuer);
    // In a new session here, the one there is enough: the form's whole way of redirects leads to the consent here.
    await context.clearCookies({ domain: 'localhost' });
    await openLogin();
    await isOn('login', pair.latchkey.issuer);
    await keyboard.press('upstream-works');
    await isOn('consent', pair.latchkey.issuer);
    expect(await tab.locator('main').textContent()).to.include(ADA.login);
  });

  it('is connected and disconnected on the account page', async () => {
    const person = { login: 'eve@example.com', password: ADA.password };
    await pair.latchkey.createPerson(person.login, person.password);
    const worker = await pair.createWorker('eve@works.example');
    await tab.goto(`${pair.latchkey.issuer}/account/identities`);
    await keyboard.signIn(person);
    await isOn('account-identities', pair.latchkey.issuer);
    await findsNothing();
    await keyboard.press('connect-works');
    await isOn('login', pair.works.issuer);
    await keyboard.signIn(worker);
    await isOn('consent', pair.works.issuer);
    await keyboard.press('approve');
    await tab.waitForSelector('#done');
    await keyboard.isAt('done');
    await isOn('account-identities', pair.latchkey.issuer);
    await findsNothing();
    await keyboard.use('change-0');
    await keyboard.walk();
    await keyboard.press('unlink-0');
    await tab.waitForSelector('#identities', { state: 'detached' });
  });
});
