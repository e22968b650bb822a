import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Application } from '../flows/application.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { linkIn, type ReadMail, readOutbox } from '../mail/read-mail.ts';
import { launchChromium } from './chromium.ts';

const EMAIL = 'nell@example.com';
const PASSWORD = 'seven quiet otters';
const NEXT_PASSWORD = 'eight louder otters';

describe('links of mails in Chromium, by keyboard alone', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let callback: Server;
  let app: Application;
  let browser: Browser;
  let context: BrowserContext;
  let tab: Page;

  before(async () => {
    callback = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<title>Application</title>');
    });
    callback.listen(0, '127.0.0.1');
    await once(callback, 'listening');
    const { port } = callback.address() as { port: number };
    latchkey = await LatchkeyProcess.start({ LATCHKEY_REGISTRATION_MODE: 'open' });
    app = await Application.register(latchkey, { redirect_uris: [`http://localhost:${port}/callback`] });
    browser = await launchChromium();
    context = await browser.newContext();
    tab = await context.newPage();
  });
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
    callback.closeAllConnections();
    callback.close();
  });

  const pageName = (page = tab): Promise<string> => page.evaluate('document.body.dataset.page');

  /** Goes to an element by the Tab key, as somebody without a mouse does. */
  async function tabTo(id: string, page = tab): Promise<void> {
    for (let step = 0; step < 30; step += 1) {
      if ((await page.evaluate('document.activeElement.id')) === id) return;
      await page.keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not reach #${id} on ${await pageName(page)}`);
  }

  async function press(id: string, page = tab): Promise<void> {
    await tabTo(id, page);
    await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  }

  async function type(id: string, text: string, page = tab): Promise<void> {
    await tabTo(id, page);
    await page.keyboard.press('Control+A');
    await page.keyboard.type(text);
  }

  async function linkOf(subject: string): Promise<string> {
    const find = (): ReadMail | undefined =>
      readOutbox(latchkey.dataDir).find(({ headers }) => headers.get('subject') === subject);
    await eventually(`a mail “${subject}”`, () => find() !== undefined);
    return linkIn(find() as ReadMail).href;
  }

  async function consentAndReturn(): Promise<void> {
    if (tab.url().startsWith(latchkey.issuer)) await press('approve');
    expect(tab.url()).to.contain('/callback?code=');
    expect(await tab.title()).to.equal('Application');
  }

  it('a new person registers in two tabs of one browser, and ends at the application', async () => {
    await tab.goto(app.authorizationRequest().url.href);
    await press('register');
    expect(await pageName()).to.equal('register');
    await type('email', EMAIL);
    await press('submit');
    expect(await pageName()).to.equal('mail-sent');
    // A mail opens in a tab of its own.
    await tab.close();
    tab = await context.newPage();
    await tab.goto(await linkOf('Confirm your e-mail address'));
    expect(await pageName()).to.equal('complete-registration');
    await type('name', 'Nell Fenwick');
    await type('password', PASSWORD);
    await press('submit');
    await consentAndReturn();
  });

  it('a forgotten password is replaced, and the person ends at the application', async () => {
    await context.clearCookies();
    await tab.goto(app.authorizationRequest().url.href);
    await press('forgotten');
    await type('login', EMAIL);
    await press('submit');
    expect(await pageName()).to.equal('mail-sent');
    await tab.goto(await linkOf('Choose a new password'));
    await type('password', NEXT_PASSWORD);
    await press('submit');
    expect(await pageName()).to.equal('login');
    expect(await tab.textContent('#password-changed')).to.contain('Your password was changed');
    await type('login', EMAIL);
    await type('password', NEXT_PASSWORD);
    await press('submit');
    await consentAndReturn();
  });
});
