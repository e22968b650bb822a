import type { Browser, BrowserContext } from 'playwright-core';
import { Keyboard } from './keyboard.ts';

/** People who come to the same pages by keyboard, each with a browser of their own; every state of a page is walked through once. */
export class KeyboardVisitors {
  readonly #browser: Browser;
  readonly #open: BrowserContext[] = [];
  readonly #known = new Set<string>();

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** One with an empty tab. */
  async next(): Promise<Keyboard> {
    const context = await this.#browser.newContext({ reducedMotion: 'reduce' });
    this.#open.push(context);
    return this.inNewTab(context);
  }

  /** One who opens a tab of a browser that is there. */
  async inNewTab(context: BrowserContext): Promise<Keyboard> {
    return Keyboard.at(await context.newPage(), this.#known);
  }

  /** All of them leave. */
  async leave(): Promise<void> {
    for (const context of this.#open.splice(0)) await context.close();
  }
}
