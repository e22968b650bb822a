import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADA, Application } from '../flows/application.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';

const NEXT_PASSWORD = 'seven quiet otters';

describe('the account page in Chromium, by keyboard alone', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let browser: Browser;
  let context: BrowserContext;
  let tab: Page;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    const app = await Application.register(latchkey);
    await app.signIn();
    browser = await launchChromium();
    context = await browser.newContext();
    tab = await context.newPage();
  });
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
  });

  const pageName = (): Promise<string> => tab.evaluate('document.body.dataset.page');

  async function tabTo(id: string): Promise<void> {
    for (let step = 0; step < 60; step += 1) {
      if ((await tab.evaluate('document.activeElement.id')) === id) return;
      await tab.keyboard.press('Tab');
    }
    throw new Error(`the keyboard does not reach #${id} on ${await pageName()}`);
  }

  async function press(id: string): Promise<void> {
    await tabTo(id);
    await Promise.all([tab.waitForNavigation(), tab.keyboard.press('Enter')]);
  }

  async function type(id: string, text: string): Promise<void> {
    await tabTo(id);
    await tab.keyboard.type(text);
  }

  async function judge(): Promise<void> {
    await tab.evaluate(axeSource);
    expect(await violations(tab), await pageName()).to.deep.equal([]);
  }

  it('signs in, goes everywhere from the overview, changes the password and signs another browser out', async () => {
    await tab.goto(`${latchkey.issuer}/`);
    await press('account');
    await type('login', ADA.login);
    await type('password', ADA.password);
    await press('submit');
    expect(await pageName()).to.equal('account');
    await judge();
    for (const section of ['profile', 'email', 'password', 'sessions', 'applications', 'activity', 'data']) {
      await press(`to-${section}`);
      expect(await pageName()).to.equal(`account-${section}`);
      await judge();
      await tab.goBack();
    }

    await press('to-sessions');
    await press('end-others');
    expect(await tab.locator('#done').isVisible()).to.equal(true);
    expect(await tab.locator('.entry').count()).to.equal(1);

    await tab.goto(`${latchkey.issuer}/account/password`);
    await type('password', NEXT_PASSWORD);
    await press('submit');
    expect(await tab.locator('#done').isVisible()).to.equal(true);

    await tab.goto(`${latchkey.issuer}/account`);
    await press('logout');
    await press('confirm');
    expect(await pageName()).to.equal('logged-out');
    await tab.goto(`${latchkey.issuer}/account`);
    expect(await pageName()).to.equal('login');
  });

  it('shows the way back to the overview on a phone, and all sections on a wide screen', async () => {
    await tab.goto(`${latchkey.issuer}/account/activity`);
    await type('login', ADA.login);
    await type('password', NEXT_PASSWORD);
    await press('submit');
    expect(await pageName()).to.equal('account-activity');
    const visible = (): Promise<number> => tab.locator('.sections a:visible').count();
    await tab.setViewportSize({ width: 390, height: 844 });
    expect(await visible()).to.equal(1);
    const overflow = 'document.documentElement.scrollWidth > document.documentElement.clientWidth';
    expect(await tab.evaluate(overflow)).to.equal(false);
    await tab.setViewportSize({ width: 1280, height: 860 });
    expect(await visible()).to.be.greaterThan(6);
  });
});
