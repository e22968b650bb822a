import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADA, type Credentials } from '../flows/application.ts';
import { UpstreamPair } from '../upstream/upstream-pair.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';

describe('signing in at another provider in Chromium', function () {
  this.timeout(120_000);
  let pair: UpstreamPair;
  let elsewhere: Server;
  let browser: Browser;
  let context: BrowserContext;
  let tab: Page;
  const complaints: string[] = [];

  before(async () => {
    elsewhere = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Elsewhere</title>');
    });
    elsewhere.listen(0, '127.0.0.1');
    await once(elsewhere, 'listening');
    const { port } = elsewhere.address() as { port: number };
    pair = await UpstreamPair.start({
      worksHost: '127.0.0.1',
      settings: { provisioning: 'just_in_time', logout: 'offered' },
      application: { redirect_uris: [`http://localhost:${port}/callback`] },
    });
    browser = await launchChromium();
  });
  beforeEach(async () => {
    context = await browser.newContext({ reducedMotion: 'reduce' });
    tab = await context.newPage();
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
    elsewhere.closeAllConnections();
    elsewhere.close();
  });

  const openLogin = (): Promise<unknown> =>
    tab.goto(pair.application.authorizationRequest({ ui_locales: 'en' }).url.href);

  /** By keyboard alone. */
  async function press(id: string): Promise<void> {
    for (let steps = 0; steps < 40; steps += 1) {
      if ((await tab.evaluate('document.activeElement?.id')) === id) {
        await tab.keyboard.press('Enter');
        return;
      }
      await tab.keyboard.press('Tab');
    }
    throw new Error(`#${id} cannot be reached by keyboard on ${tab.url()}`);
  }

  async function fillIn({ login, password }: Credentials): Promise<void> {
    await tab.locator('#login').fill(login);
    await tab.locator('#password').fill(password);
    await press('submit');
  }

  const isOn = (page: string, origin: string): Promise<unknown> =>
    tab
      .waitForURL((url) => url.origin === origin)
      .then(() => tab.waitForSelector(`body[data-page="${page}"]`));

  async function findsNothing(): Promise<void> {
    await tab.evaluate(axeSource);
    expect(await violations(tab), await tab.title()).to.deep.equal([]);
  }

  it('goes there, and back to the application', async () => {
    const worker = await pair.createWorker('ida@works.example');
    await openLogin();
    await isOn('login', pair.latchkey.issuer);
    await press('upstream-works');
    await isOn('login', pair.works.issuer);
    await fillIn(worker);
    await isOn('consent', pair.works.issuer);
    await press('approve');
    await isOn('consent', pair.latchkey.issuer);
    await press('approve');
    await tab.waitForURL(/\/callback\?/);
    expect(new URL(tab.url()).searchParams.get('code')).to.be.a('string');
  });

  it('comes back without a question where there is a session, and links an account by proof', async () => {
    const worker = await pair.createWorker(ADA.login);
    await openLogin();
    await press('upstream-works');
    await isOn('login', pair.works.issuer);
    await fillIn(worker);
    await isOn('consent', pair.works.issuer);
    await press('approve');
    await isOn('connect', pair.latchkey.issuer);
    await findsNothing();
    await press('sign-in');
    await isOn('login', pair.latchkey.issuer);
    expect(await tab.locator('#connecting').textContent()).to.include(ADA.login);
    await findsNothing();
    await fillIn(ADA);
    await isOn('consent', pair.latchkey.issuer);
    await tab.goBack();
    await tab.goForward();
    await openLogin();
    await isOn('consent', pair.latchkey.issuer);
    // In a new session here, the one there is enough: the form's whole way of redirects leads to the consent here.
    await context.clearCookies({ domain: 'localhost' });
    await openLogin();
    await isOn('login', pair.latchkey.issuer);
    await press('upstream-works');
    await isOn('consent', pair.latchkey.issuer);
    expect(await tab.locator('main').textContent()).to.include(ADA.login);
  });

  it('is connected and disconnected on the account page', async () => {
    const person = { login: 'eve@example.com', password: ADA.password };
    await pair.latchkey.createPerson(person.login, person.password);
    const worker = await pair.createWorker('eve@works.example');
    await tab.goto(`${pair.latchkey.issuer}/account/identities`);
    await fillIn(person);
    await isOn('account-identities', pair.latchkey.issuer);
    await findsNothing();
    await press('connect-works');
    await isOn('login', pair.works.issuer);
    await fillIn(worker);
    await isOn('consent', pair.works.issuer);
    await press('approve');
    await isOn('account-identities', pair.latchkey.issuer);
    await tab.waitForSelector('#done');
    await findsNothing();
    await press('change-0');
    await press('unlink-0');
    await tab.waitForSelector('#identities', { state: 'detached' });
  });
});
