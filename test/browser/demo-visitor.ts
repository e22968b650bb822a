import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { RunningDemo } from '../demo/running-demo.ts';
import { axeSource, violations } from './accessibility.ts';

/** Somebody with a browser of their own, who visits the demo's programs. */
export class DemoVisitor {
  readonly demo: RunningDemo;
  readonly context: BrowserContext;
  readonly tab: Page;
  /** What browsers report when a page breaks its own content security policy. */
  readonly complaints: string[] = [];

  private constructor(demo: RunningDemo, context: BrowserContext, tab: Page) {
    this.demo = demo;
    this.context = context;
    this.tab = tab;
    context.on('console', (message) => {
      if (/content security policy/i.test(message.text())) this.complaints.push(message.text());
    });
  }

  static async arrive(
    demo: RunningDemo,
    browser: Browser,
    options: Parameters<Browser['newContext']>[0] = {},
  ): Promise<DemoVisitor> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    return new DemoVisitor(demo, context, await context.newPage());
  }

  /** Waits until the tab shows this page. */
  async reaches(pageName: string, tab = this.tab): Promise<void> {
    await tab.locator(`body[data-page="${pageName}"]`).waitFor({ timeout: 45_000 });
  }

  /** The page that the tab shows has no accessibility violation. */
  async isAccessible(): Promise<void> {
    await this.tab.evaluate(axeSource);
    expect(await violations(this.tab), this.tab.url()).to.deep.equal([]);
  }

  /** Goes from an app's page to the provider and to its login. */
  async goesToLogin(app: string): Promise<void> {
    await this.tab.goto(app);
    await this.tab.click('#sign-in');
    await this.reaches('login');
  }

  async entersPassword(): Promise<void> {
    await this.tab.fill('#login', this.demo.login);
    await this.tab.fill('#password', this.demo.password);
    await this.tab.click('#submit');
  }

  /** Signs in at an app for the first time: login and consent. */
  async signsIn(app: string): Promise<void> {
    await this.goesToLogin(app);
    await this.entersPassword();
    await this.reaches('consent');
    await this.tab.click('#approve');
    await this.tab.waitForURL(`${app}/**`);
  }
}
