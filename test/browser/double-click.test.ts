import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Credentials } from '../flows/application.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { AuthenticatorApp } from '../flows/second-factor.ts';
import { launchChromium } from './chromium.ts';

const PASSWORD = 'a lantern on the pier';

describe('a double click in Chromium', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  let browser: Browser;
  let context: BrowserContext;
  let tab: Page;
  let sent: string[];
  let count = 0;
  let person: Credentials;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    browser = await launchChromium();
  });
  beforeEach(async () => {
    count += 1;
    person = { login: `person-${count}@example.com`, password: PASSWORD };
    await latchkey.createPerson(person.login, person.password);
    context = await browser.newContext({ reducedMotion: 'reduce' });
    tab = await context.newPage();
    sent = [];
    tab.on('request', (request) => {
      if (request.method() === 'POST') sent.push(new URL(request.url()).pathname);
    });
    await tab.goto(`${latchkey.issuer}/account/two-step/app`);
    await tab.fill('#login', person.login);
    await tab.fill('#password', person.password);
    await tab.click('#submit');
    await tab.waitForSelector('body[data-page="account-two-step-app"]');
    sent.length = 0;
  });

  /** Two clicks, the second while the answer to the first is on its way. */
  async function clickTwice(selector: string): Promise<void> {
    let answer = (): void => undefined;
    const clicked = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await tab.route('**', async (route) => {
      const response = await route.fetch({ maxRedirects: 0 });
      await clicked;
      await route.fulfill({ response });
    });
    const already = sent.length;
    await tab.locator(selector).scrollIntoViewIfNeeded();
    const { x = 0, y = 0 } = (await tab.locator(selector).boundingBox()) ?? {};
    await tab.mouse.click(x + 5, y + 5);
    await eventually('the first was sent', async () => sent.length > already);
    await tab.mouse.click(x + 5, y + 5);
    await sleep(100);
    answer();
    await tab.unrouteAll({ behavior: 'wait' });
  }
  afterEach(() => context?.close());
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
  });

  it('on what sets an app up shows its recovery codes, and on what makes others anew those', async () => {
    const phone = new AuthenticatorApp((await tab.textContent('#secret')) ?? '');
    await tab.fill('#code', phone.code());
    await clickTwice('#submit');
    await tab.waitForSelector('body[data-page="account-recovery-codes"]');
    expect(await tab.locator('.codes li').count()).to.equal(10);
    await tab.click('#back');
    await clickTwice('#new-codes');
    await tab.waitForSelector('body[data-page="account-recovery-codes"]');
    expect(await tab.locator('.codes li').count()).to.equal(10);
    expect(sent).to.deep.equal(['/account/two-step/app', '/account/two-step/recovery-codes']);
  });

  it('on the log-out is one, and the same form can be sent later, also after the Back button', async () => {
    await tab.goto(`${latchkey.issuer}/session/end`);
    await clickTwice('#cancel');
    await tab.waitForSelector('body[data-page="logged-out"]');
    expect(sent).to.have.lengthOf(1);
    await tab.goBack();
    await tab.waitForSelector('body[data-page="logout"]');
    await clickTwice('#confirm');
    await tab.waitForSelector('body[data-page="logged-out"]');
    expect(sent).to.have.lengthOf(2);
    await eventually('nobody is signed in', async () => {
      await tab.goto(`${latchkey.issuer}/account`);
      return (await tab.getAttribute('body', 'data-page')) === 'login';
    });
  });
});
