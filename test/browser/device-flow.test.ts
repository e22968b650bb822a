import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADA, Application } from '../flows/application.ts';
import { askForDevice, DEVICE_CLIENT, poll } from '../flows/device-application.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { Keyboard } from './keyboard.ts';

describe('letting a device in, in Chromium', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  let television: Application;
  let browser: Browser;
  const open: BrowserContext[] = [];

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    television = await Application.register(latchkey, DEVICE_CLIENT);
    browser = await launchChromium();
  });
  afterEach(async () => {
    for (const context of open.splice(0)) await context.close();
  });
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
  });

  async function newTab(
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<{ tab: Page; complaints: string[] }> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    open.push(context);
    const tab = await context.newPage();
    const complaints: string[] = [];
    // A status that is no 2xx is told there as well, and is asked for.
    tab.on('console', (message) => {
      if (!message.text().includes('the server responded with a status of 4'))
        complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(error.message));
    return { tab, complaints };
  }

  async function reaches(tab: Page, page: string): Promise<void> {
    await tab.waitForSelector(`body[data-page="${page}"]`);
    await tab.evaluate(axeSource);
    expect(await violations(tab), page).to.deep.equal([]);
  }

  it('by keyboard alone types the code, compares, signs in, consents; no page has a fault, and the policy is kept', async () => {
    const asked = await askForDevice(television, { scope: 'openid email' });
    const { tab, complaints } = await newTab();
    await tab.goto(asked.verification_uri);
    await reaches(tab, 'device');
    expect(await tab.evaluate('document.activeElement.id'), 'ready to type').to.equal('user_code');
    const keyboard = await Keyboard.at(tab);
    await keyboard.walk();
    await keyboard.type('user_code', 'bcdf ghjk');
    await keyboard.press('submit');
    await tab.waitForSelector('#problem');
    await keyboard.isAt('user_code');
    await reaches(tab, 'device');
    expect(await tab.inputValue('#user_code')).to.equal('bcdf ghjk');
    await keyboard.type('user_code', asked.user_code.toLowerCase());
    await keyboard.press('user_code');
    await reaches(tab, 'device-confirm');
    expect(await tab.textContent('#code')).to.equal(asked.user_code);
    expect(await keyboard.focus(), 'does not start on Allow').to.equal('');
    await keyboard.walk();
    await keyboard.press('approve');
    await reaches(tab, 'login');
    await keyboard.signIn(ADA);
    await reaches(tab, 'consent');
    await keyboard.press('approve');
    await reaches(tab, 'device-ended');
    expect(complaints).to.deep.equal([]);
    expect((await poll(television, asked)).status).to.equal(200);
  });

  it('follows the complete address without JavaScript, in German, and refuses', async () => {
    const asked = await askForDevice(television);
    const { tab } = await newTab({ javaScriptEnabled: false, locale: 'de-DE' });
    await tab.goto(asked.verification_uri_complete);
    await tab.waitForSelector('body[data-page="device"]');
    expect(await tab.inputValue('#user_code')).to.equal(asked.user_code);
    expect(await tab.getAttribute('html', 'lang')).to.equal('de');
    await tab.click('#submit');
    await tab.waitForSelector('body[data-page="device-confirm"]');
    expect(await tab.textContent('#warning')).to.contain('selbst begonnen');
    await tab.click('#deny');
    await tab.waitForSelector('body[data-page="device-ended"]');
    expect((await poll(television, asked)).body.error).to.equal('access_denied');
  });
});
