import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { type PageServer, servePages } from './page-server.ts';

const VIEWPORTS = {
  phone: { width: 360, height: 740 },
  desktop: { width: 1280, height: 860 },
} as const;

/** The operator's links and the languages, below every page. */
const AFTER_THE_PAGE = ['privacy', 'terms', 'languages'];

/** What the Tab key reaches, in order, from where the page puts the keyboard. */
async function tabOrder(tab: Page): Promise<string[]> {
  const reached: string[] = [];
  const active = `(({ id, className, localName }) => id || className || localName)(document.activeElement)`;
  let name = await tab.evaluate<string>(active);
  if (name !== 'body') reached.push(name);
  for (;;) {
    await tab.keyboard.press('Tab');
    name = await tab.evaluate<string>(active);
    if (name === 'body' || reached.includes(name)) return reached;
    reached.push(name);
  }
}

/**
 * Shows a page that the server has. Where no script of its own has to begin with it, it is put in the place of the page before, which
 * takes a tenth of the time; answers whether it was opened, so that what the tab was given before is gone.
 */
async function show(tab: Page, url: string): Promise<'opened' | 'placed'> {
  const html = await (await fetch(url)).text();
  if (tab.url() === 'about:blank' || html.includes('<script')) {
    await tab.goto(url);
    return 'opened';
  }
  await tab.evaluate(`new Promise((resolve) => {
    document.open();
    document.write(${JSON.stringify(html)});
    document.close();
    if (document.readyState === 'complete') resolve();
    else addEventListener('load', () => resolve(), { once: true });
  })`);
  return 'placed';
}

describe('pages in Chromium', function () {
  this.timeout(240_000);
  let server: PageServer;
  let browser: Browser;
  const open: BrowserContext[] = [];

  before(async () => {
    server = await servePages();
    browser = await launchChromium();
  });
  afterEach(async () => {
    for (const context of open.splice(0)) await context.close();
  });
  after(async () => {
    await browser?.close();
    await server?.close();
  });

  async function newTab(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    open.push(context);
    return context.newPage();
  }

  // What is judged does not depend on the language; that words fit in each is judged below.
  for (const [device, locale] of [
    ['phone', 'de'],
    ['desktop', 'en'],
  ] as const) {
    it(`have no accessibility violation, light and dark, on a ${device}, in ${locale}`, async () => {
      const queue = server.pages(locale);
      const workThrough = async (): Promise<void> => {
        const tab = await newTab({ viewport: VIEWPORTS[device] });
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
          const { page, sample, url } = next;
          if ((await show(tab, url)) === 'opened') await tab.evaluate(axeSource);
          for (const details of await tab.locator('summary').all()) await details.click();
          for (const [colorScheme, rules] of [
            ['light', 'all'],
            ['dark', 'colours'],
          ] as const) {
            await tab.emulateMedia({ colorScheme });
            expect(await violations(tab, rules), `${page} ${sample} ${colorScheme}`).to.deep.equal([]);
          }
          const overflow = await tab.evaluate('document.documentElement.scrollWidth - innerWidth');
          expect(overflow, `${page} ${sample} scrolls sideways`).to.equal(0);
        }
      };
      await Promise.all(Array.from({ length: 3 }, workThrough));
    });
  }

  it('are really checked: axe sees a missing label and a faint text', async () => {
    const tab = await newTab();
    await tab.goto(server.url('login', 'plain', 'en'));
    await tab.evaluate(axeSource);
    await tab.evaluate(`document.querySelector('label').remove();
      document.querySelector('.lead').style.setProperty('color', '#ccc')`);
    const found = async () => (await violations(tab)).map((line) => line.split(':')[0]);
    expect(await found()).to.include.members(['label', 'color-contrast']);
    // Also on a page that took the place of another.
    expect(await show(tab, server.url('consent', 'full', 'en'))).to.equal('placed');
    expect(await found()).to.deep.equal([]);
    await tab.evaluate(`document.querySelector('.lead').style.setProperty('color', '#ccc')`);
    expect(await found()).to.deep.equal(['color-contrast']);
  });

  it('break no rule of the strict content security policy, and log nothing', async () => {
    const tab = await newTab();
    const complaints: string[] = [];
    tab.on('console', (message) => complaints.push(`${tab.url()} ${message.text()}`));
    tab.on('pageerror', (error) => complaints.push(`${tab.url()} ${error.message}`));
    for (const { url } of server.pages('en')) await tab.goto(url);
    expect(complaints).to.deep.equal([]);

    await tab.evaluate(`document.body.insertAdjacentHTML('beforeend', '<p style="color:red">x</p>')`);
    expect(complaints.join(), 'the policy is in force and violations are seen').to.contain(
      'Content Security Policy',
    );
  });

  it('lead the Tab key through the login form in reading order', async () => {
    const tab = await newTab();
    await tab.goto(server.url('login', 'plain', 'en'));
    expect(await tab.evaluate('document.activeElement.id'), 'ready to type').to.equal('login');
    expect(await tabOrder(tab)).to.deep.equal([
      ...['login', 'password', 'quiet reveal', 'submit', 'passkey', 'cancel'],
      ...AFTER_THE_PAGE,
    ]);
    await tab.goto(server.url('login', 'refused', 'en'));
    expect(await tab.evaluate('document.activeElement.id'), 'the login is there already').to.equal(
      'password',
    );
  });

  it('lead the Tab key through consent in reading order, and do not start on Allow', async () => {
    const tab = await newTab();
    await tab.goto(server.url('consent', 'full', 'en'));
    expect(await tab.evaluate('document.activeElement.localName')).to.equal('body');
    expect(await tabOrder(tab)).to.deep.equal([
      ...['switch', 'policy', 'tos', 'approve', 'deny'],
      ...AFTER_THE_PAGE,
    ]);
  });

  it('show where the keyboard is', async () => {
    const tab = await newTab();
    await tab.goto(server.url('consent', 'full', 'en'));
    for (const _ of ['switch', 'policy', 'tos', 'approve', 'deny']) {
      await tab.keyboard.press('Tab');
      const outline = await tab.evaluate('getComputedStyle(document.activeElement).outlineWidth');
      expect(outline).to.equal('3px');
    }
  });

  it('have touch targets of at least 44 pixels for everything that decides', async () => {
    const tab = await newTab({ viewport: VIEWPORTS.phone });
    for (const { page, sample, url } of server.pages('en')) {
      await show(tab, url);
      const small = await tab.evaluate<string[]>(
        `document.querySelector('.languages').open = true,
        Array.from(document.querySelectorAll('button, .button, #languages, input:not([type=hidden], [hidden])'))
          .filter((target) => target.getBoundingClientRect().height < 44).map((target) => target.outerHTML)`,
      );
      expect(small, `${page} ${sample}`).to.deep.equal([]);
    }
  });

  it('show and hide the password with the script, and send it as a password', async () => {
    const tab = await newTab();
    await tab.goto(server.url('login', 'plain', 'en'));
    await tab.fill('#password', 'correct horse');
    const reveal = tab.locator('.reveal');
    await reveal.click();
    expect(await tab.getAttribute('#password', 'type')).to.equal('text');
    expect(await reveal.textContent()).to.equal('Hide password');
    await tab.evaluate(
      `document.querySelector('.fields').addEventListener('submit', (event) => event.preventDefault())`,
    );
    await tab.fill('#login', 'ada');
    await tab.click('#submit');
    expect(await tab.getAttribute('#password', 'type')).to.equal('password');
  });

  it('are whole without JavaScript: the form is sent as it is', async () => {
    const tab = await newTab({ javaScriptEnabled: false });
    await tab.goto(server.url('login', 'plain', 'en'));
    expect(await tab.locator('.reveal').count()).to.equal(0);
    await tab.fill('#login', 'ada');
    await tab.fill('#password', 'correct horse & battery');
    const [sent] = await Promise.all([tab.waitForRequest('**/login'), tab.press('#password', 'Enter')]);
    expect(sent.method()).to.equal('POST');
    expect(Object.fromEntries(new URLSearchParams(sent.postData() ?? ''))).to.deep.equal({
      csrf: 'sample',
      login: 'ada',
      password: 'correct horse & battery',
    });
  });

  it('send logout=yes from the confirm button only', async () => {
    const tab = await newTab();
    for (const [button, sentFields] of [
      ['#confirm', { xsrf: 'sample', logout: 'yes' }],
      ['#cancel', { xsrf: 'sample' }],
    ] as const) {
      await tab.goto(server.url('logout', 'client', 'en'));
      const [sent] = await Promise.all([tab.waitForRequest('**/session/end/confirm'), tab.click(button)]);
      expect(Object.fromEntries(new URLSearchParams(sent.postData() ?? ''))).to.deep.equal(sentFields);
    }
  });

  it('have words that fit on a phone, in every language, and right to left as well', async () => {
    const tab = await newTab({ viewport: VIEWPORTS.phone });
    await tab.goto(server.url('home', 'plain', 'en'));
    for (const locale of server.locales) {
      const urls = server.pages(locale).map(({ url }) => url);
      const direction = locale === 'de' ? 'rtl' : 'ltr';
      // Put in place rather than navigated to, which takes a tenth of the time.
      const tooWide = await tab.evaluate<string[]>(
        `(async ({ urls, locale, direction }) => {
          const found = [];
          document.documentElement.lang = locale;
          document.documentElement.dir = direction;
          for (const url of urls) {
            const page = new DOMParser().parseFromString(await (await fetch(url)).text(), 'text/html');
            document.body.innerHTML = page.body.innerHTML;
            for (const details of document.querySelectorAll('details')) details.open = true;
            for (const element of document.querySelectorAll('main *, footer *')) {
              const { left, right, width } = element.getBoundingClientRect();
              if (width > 1 && (left < -1 || right > innerWidth + 1)) found.push(url + ' ' + element.outerHTML);
            }
            if (document.documentElement.scrollWidth > innerWidth) found.push(url + ' scrolls sideways');
          }
          return found;
        })(${JSON.stringify({ urls, locale, direction })})`,
      );
      expect(tooWide, locale).to.deep.equal([]);
    }
  });

  it('stay readable at 320 pixels and with text twice as large', async () => {
    const tab = await newTab({ viewport: { width: 320, height: 640 } });
    for (const { page, sample, url } of server.pages('de')) {
      await show(tab, url);
      await tab.evaluate(`document.documentElement.style.fontSize = '200%'`);
      const overflow = await tab.evaluate('document.documentElement.scrollWidth - innerWidth');
      expect(overflow, `${page} ${sample} scrolls sideways`).to.equal(0);
    }
  });
});
