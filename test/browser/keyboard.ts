import { expect } from 'chai';
import type { CDPSession, Page } from 'playwright-core';
import type { Credentials } from '../flows/application.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { type FocusedControl, focusedControl, startAtTop } from './focused-control.ts';

/** More stops than any page has. */
const MANY = 80;

/**
 * Somebody who has a keyboard and nothing else: Tab, Shift+Tab, Enter, Space, arrows and letters. Wherever they come on their way, the
 * control must be in sight, show that it has the keyboard, have a name and follow the one before, or the test fails.
 */
export class Keyboard {
  readonly tab: Page;
  readonly #session: CDPSession;
  /** States of pages that were walked through. */
  readonly #known: Set<string>;

  private constructor(tab: Page, session: CDPSession, known: Set<string>) {
    this.tab = tab;
    this.#session = session;
    this.#known = known;
  }

  /** `known` is of those who look at the same pages: each is walked through once. */
  static async at(tab: Page, known = new Set<string>()): Promise<Keyboard> {
    return new Keyboard(tab, await tab.context().newCDPSession(tab), known);
  }

  /** The id of what has the keyboard; nothing when the page itself has it. */
  async focus(): Promise<string> {
    return (await this.#look(false))?.id ?? '';
  }

  /** Waits until the control has the keyboard without any key: a page gives it away some time after it was loaded. */
  async isAt(id: string): Promise<void> {
    await eventually(`${id} has the keyboard on ${this.tab.url()}`, async () => (await this.focus()) === id);
  }

  /** Goes to the control by Tab. */
  async reach(id: string): Promise<void> {
    const passed: string[] = [];
    for (let now = await this.#look(false); passed.length < MANY; now = await this.#step('Tab')) {
      if (now?.id === id) return;
      passed.push(now?.id ?? '(page)');
    }
    throw new Error(`Tab does not reach ${id} on ${this.tab.url()}, but ${passed.join(', ')}`);
  }

  /** Goes to the control and presses the key; the page stays. */
  async use(id: string, key = 'Enter'): Promise<void> {
    await this.reach(id);
    await this.tab.keyboard.press(key);
  }

  /** Goes to the control, presses the key and waits for the page that it leads to. */
  async press(id: string, key = 'Enter'): Promise<void> {
    await this.reach(id);
    await Promise.all([this.tab.waitForNavigation(), this.tab.keyboard.press(key)]);
  }

  /** Goes to the field and types in place of what is there. */
  async type(id: string, text: string): Promise<void> {
    await this.reach(id);
    await this.tab.keyboard.press('ControlOrMeta+A');
    await this.tab.keyboard.type(text);
  }

  /** At the login page: by password, which Enter sends. */
  async signIn({ login, password }: Credentials): Promise<void> {
    await this.reaches('login');
    await this.type('login', login);
    await this.type('password', password);
    await this.press('password');
  }

  /** Waits for the page; the first time that it is there in this state, walks through it, and once through what pages share. */
  async reaches(page: string): Promise<void> {
    await this.tab.waitForSelector(`body[data-page="${page}"]`);
    const state = `${page} ${await this.tab.locator('#problem, #done, .entry:first-child').count()}`;
    if (this.#known.has(state)) return;
    this.#known.add(state);
    const isOwnPage = (await this.tab.locator('#section').count()) > 0;
    await this.walk(isOwnPage && this.#known.has('navigation') ? '#section' : 'body');
    if (isOwnPage) this.#known.add('navigation');
  }

  /** Walks through all of the page, or of its part, by Tab, and back by Shift+Tab the same way. Answers what was passed, from the top. */
  async walk(part = 'body'): Promise<string[]> {
    const count = await startAtTop(this.tab, part);
    const forwards = [await this.focus()];
    while (forwards.length < count) forwards.push((await this.#step('Tab'))?.id ?? '(page)');
    const backwards = [await this.focus()];
    while (backwards.length < count) backwards.push((await this.#step('Shift+Tab'))?.id ?? '(page)');
    expect(backwards.toReversed(), `back by Shift+Tab on ${this.tab.url()}`).to.deep.equal(forwards);
    return forwards;
  }

  async #step(key: string): Promise<FocusedControl | undefined> {
    await this.tab.keyboard.press(key);
    return this.#look(key === 'Tab');
  }

  async #look(isStepForwards: boolean): Promise<FocusedControl | undefined> {
    const control = await focusedControl(this.tab, this.#session, isStepForwards);
    const { id, faults } = control ?? { id: '', faults: [] };
    if (faults.length > 0) throw new Error(`${id} on ${this.tab.url()} ${faults.join(' and ')}`);
    return control;
  }
}
