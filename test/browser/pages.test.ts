import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { Keyboard } from './keyboard.ts';
import { type PageServer, servePages } from './page-server.ts';

const VIEWPORTS = {
  phone: { width: 360, height: 740 },
  desktop: { width: 1280, height: 860 },
} as const;

/** The operator's links and the languages, below every page. */
const AFTER_THE_PAGE = ['privacy', 'terms', 'languages'];

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
    const keyboard = await Keyboard.at(tab);
    await tab.goto(server.url('login', 'plain', 'en'));
    await keyboard.isAt('login');
    expect(await keyboard.walk()).to.deep.equal([
      ...['login', 'password', 'Show password', 'submit', 'passkey', 'cancel'],
      ...AFTER_THE_PAGE,
    ]);
    // The login is there already.
    await tab.goto(server.url('login', 'refused', 'en'));
    await keyboard.isAt('password');
  });

  it('lead the Tab key through consent in reading order, and do not start on Allow', async () => {
    const tab = await newTab();
    await tab.goto(server.url('consent', 'full', 'en'));
    expect(await tab.evaluate('document.activeElement.localName')).to.equal('body');
    expect(await (await Keyboard.at(tab)).walk()).to.deep.equal([
      ...['switch', 'policy', 'tos', 'approve', 'deny'],
      ...AFTER_THE_PAGE,
    ]);
  });

  // Where they lead is told by the flows; those see them on a desktop.
  it('can be walked through by the keyboard alone, on a phone, in German', async () => {
    const keyboard = await Keyboard.at(await newTab({ viewport: VIEWPORTS.phone }));
    const known = new Set<string>();
    for (const { page, url } of server.pages('de').toReversed()) {
      if (known.has(page)) continue;
      known.add(page);
      await keyboard.tab.goto(url);
      await keyboard.walk();
    }
  });

  it('are really walked through: whoever has the keyboard alone sees a missing outline or name, a wrong order and a trap', async () => {
    const tab = await newTab();
    const keyboard = await Keyboard.at(tab);
    for (const [fault, words] of [
      [`document.querySelector('#approve').style.outline = 'none'`, 'does not show that it has the keyboard'],
      [`document.querySelector('#approve').replaceChildren()`, 'has no name'],
      [`document.querySelector('#approve').style.marginLeft = '-900px'`, 'not within the width'],
      [`document.querySelector('.page-end').style.cssText = 'position: fixed; inset: 0'`, 'is covered by'],
      [`document.querySelector('#deny').tabIndex = 1`, 'comes after'],
      [
        `document.querySelector('.card').style.cssText = 'display: flex; flex-direction: column-reverse'`,
        'comes after',
      ],
      [
        `document.querySelector('#switch').addEventListener('keydown', (event) => event.preventDefault())`,
        'does not let the keyboard go',
      ],
    ] as const) {
      await tab.goto(server.url('consent', 'full', 'en'));
      await tab.evaluate(fault);
      const problem = await keyboard.walk().then(String, (error: Error) => error.message);
      expect(problem, fault).to.contain(words);
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
              if (element.closest('.visually-hidden') !== null) continue;
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
