import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { RunningDemo } from '../demo/running-demo.ts';
import { launchChromium } from './chromium.ts';
import { DemoVisitor } from './demo-visitor.ts';
import { Keyboard } from './keyboard.ts';

describe('the demo’s web app in Chromium', function () {
  this.timeout(90_000);
  let demo: RunningDemo;
  let browser: Browser;
  const visitors: DemoVisitor[] = [];

  before(async () => {
    demo = await RunningDemo.start();
    expect(demo.ready, demo.output).to.equal(true);
    browser = await launchChromium();
  });
  afterEach(async () => {
    // The next test starts with no consent given.
    for (const { context, complaints } of visitors.splice(0)) {
      await context.close();
      expect(complaints).to.deep.equal([]);
    }
    const [grant] = await demo.operator<{ grant_id: string }[]>(['grants', 'list', '--account', demo.login]);
    // It revokes what the person allowed this app in every session.
    if (grant !== undefined) await demo.operator(['grants', 'revoke', grant.grant_id]);
  });
  after(async () => {
    await browser?.close();
    await demo?.remove();
  });

  async function arrive(options: Parameters<Browser['newContext']>[0] = {}): Promise<DemoVisitor> {
    const visitor = await DemoVisitor.arrive(demo, browser, options);
    visitors.push(visitor);
    return visitor;
  }

  it('is reached from the start page, signs in with login and consent, and without either the second time', async () => {
    const visitor = await arrive();
    const { tab, context } = visitor;
    await tab.goto(demo.startPage);
    await visitor.isAccessible();
    await tab.click('#web-app');
    await visitor.reaches('welcome');
    await visitor.isAccessible();
    await tab.click('#sign-in');
    await visitor.reaches('login');
    await visitor.isAccessible();
    await visitor.entersPassword();
    await visitor.reaches('consent');
    expect(await tab.textContent('h1')).to.contain('Book Club');
    await visitor.isAccessible();
    await tab.click('#approve');
    await visitor.reaches('member');
    await visitor.isAccessible();
    expect(await tab.textContent('#name')).to.equal('Ada Lovelace');
    expect(await tab.textContent('[data-claim="email"] td')).to.equal(demo.login);

    await context.clearCookies({ name: 'book_club_session' });
    const pagesOfTheProvider: string[] = [];
    tab.on('response', (response) => {
      if (response.url().startsWith(demo.issuer) && response.status() < 300)
        pagesOfTheProvider.push(response.url());
    });
    await tab.goto(demo.webApp);
    await visitor.reaches('welcome');
    await tab.click('#sign-in');
    await visitor.reaches('member');
    expect(pagesOfTheProvider, 'nothing was asked').to.deep.equal([]);
  });

  it('refreshes its tokens, asks userinfo, signs out at the provider too, and then asks for the login alone', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    await visitor.signsIn(demo.webApp);
    await visitor.reaches('member');
    await tab.click('#refresh');
    await tab.locator('#notice', { hasText: /^The provider gave new tokens\.$/ }).waitFor();
    await tab.click('#userinfo');
    await tab.locator('#notice', { hasText: /^The provider was asked again\.$/ }).waitFor();
    await visitor.isAccessible();

    await tab.click('#sign-out');
    await visitor.reaches('logout');
    await visitor.isAccessible();
    await tab.click('#confirm');
    await visitor.reaches('signed-out');
    await visitor.isAccessible();
    await tab.click('#sign-in');
    await visitor.reaches('login');
    await visitor.entersPassword();
    await visitor.reaches('member');
  });

  it('says in plain words that somebody cancelled at the login or denied at consent', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    await visitor.goesToLogin(demo.webApp);
    await tab.click('#cancel');
    await visitor.reaches('error');
    expect(tab.url()).to.match(new RegExp(`^${demo.webApp}/callback`));
    expect(await tab.textContent('#error')).to.contain('You stopped before you were signed in');
    await visitor.isAccessible();

    await tab.click('#sign-in');
    await visitor.reaches('login');
    await visitor.entersPassword();
    await visitor.reaches('consent');
    await tab.click('#deny');
    await visitor.reaches('error');
    expect(await tab.textContent('#error')).to.contain('You stopped before you were signed in');

    await tab.click('#sign-in');
    await visitor.reaches('consent');
    await tab.click('#approve');
    await visitor.reaches('member');
  });

  it('shows a wrong password on an accessible page, and goes on from there', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    await visitor.goesToLogin(demo.webApp);
    await tab.fill('#login', demo.login);
    await tab.fill('#password', 'not the password');
    await tab.click('#submit');
    await tab.locator('#problem').waitFor();
    await visitor.isAccessible();
    expect(await tab.inputValue('#login')).to.equal(demo.login);
    await tab.fill('#password', demo.password);
    await tab.keyboard.press('Enter');
    await visitor.reaches('consent');
  });

  it('can be signed in to by the keyboard alone', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    const keyboard = await Keyboard.at(tab);
    await tab.goto(demo.webApp);
    await keyboard.press('sign-in');
    await keyboard.signIn(demo);
    await keyboard.reaches('consent');
    await keyboard.press('approve');
    await keyboard.reaches('member');
    await keyboard.press('sign-out');
    await keyboard.reaches('logout');
    await keyboard.press('confirm');
    await visitor.reaches('signed-out');
  });

  it('signs in and out in a browser without JavaScript, on a phone', async () => {
    const visitor = await arrive({ javaScriptEnabled: false, viewport: { width: 375, height: 720 } });
    const { tab } = visitor;
    await visitor.signsIn(demo.webApp);
    await visitor.reaches('member');
    await tab.click('#sign-out');
    await visitor.reaches('logout');
    await tab.click('#confirm');
    await visitor.reaches('signed-out');
  });

  it('gets no one signed in by a reloaded or copied answer of the provider', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    const answer = tab.waitForRequest((request) => request.url().startsWith(`${demo.webApp}/callback`));
    await visitor.signsIn(demo.webApp);
    await visitor.reaches('member');
    const address = (await answer).url();
    await tab.goto(address);
    await visitor.reaches('member');
    const stranger = await arrive();
    await stranger.tab.goto(address);
    await stranger.reaches('error');
    expect(await stranger.tab.textContent('#error')).to.contain('begun elsewhere');
  });
});
