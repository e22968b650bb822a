/**
 * Does in a real Chromium what the suite's own browser is told to do, so that scripts, the content security policy and the rules for
 * cookies are those of a browser that people use.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { Command, Task, Visit } from './browser-commands.ts';
import type { UnmetCondition } from './results.ts';
import type { Address, Suite } from './suite.ts';

/** Accompanies a test until `ended`, and answers what went wrong in the browser. */
export type Visitor = (
  testId: string,
  visits: readonly Visit[],
  ended: AbortSignal,
) => Promise<UnmetCondition[]>;

const POLL_MILLISECONDS = 200;
/** How long (ms) a page, or what is looked for there, may take to come. */
const PATIENCE_MILLISECONDS = 20_000;
/** `*` stands for anything. */
function matches(pattern: string, url: string): boolean {
  const parts = pattern.split('*').map((part) => part.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's').test(url);
}

export function chromiumVisitor(browser: Browser, suite: Suite, patience = PATIENCE_MILLISECONDS): Visitor {
  return async (testId, given, ended) => {
    const visits = structuredClone(given) as Visit[];
    const context = await browser.newContext({ ignoreHTTPSErrors: true, locale: 'en' });
    context.setDefaultTimeout(patience);
    const problems: UnmetCondition[] = [];
    try {
      while (!ended.aborted) {
        const addresses = await suite.addresses(testId).catch(() => []);
        const next = addresses.find(({ url }) => visitFor(visits, url) !== undefined);
        if (next === undefined) await sleep(POLL_MILLISECONDS);
        else await visit({ suite, testId, context, visits, problems }, next);
      }
    } finally {
      await context.close();
    }
    return problems;
  };
}

function visitFor(visits: readonly Visit[], url: string): Visit | undefined {
  return visits.find(({ match, ...visit }) => matches(match, url) && visit['match-limit'] !== 0);
}

interface Journey {
  suite: Suite;
  testId: string;
  context: BrowserContext;
  visits: readonly Visit[];
  problems: UnmetCondition[];
}

async function visit({ suite, testId, context, visits, problems }: Journey, { url, method }: Address) {
  const plan = visitFor(visits, url) as Visit;
  if (plan['match-limit'] !== undefined) plan['match-limit'] -= 1;
  const page = await context.newPage();
  page.on('console', (message) => {
    if (/content security policy/i.test(message.text())) {
      problems.push({ name: 'ContentSecurityPolicy', grade: 'failure', message: message.text() });
    }
  });
  const picture = async () => {
    const image = await page.screenshot({ type: 'jpeg', quality: 50 });
    for (const { upload } of await suite.log(testId)) {
      if (upload === undefined) continue;
      await suite.show(testId, upload, `data:image/jpeg;base64,${image.toString('base64')}`);
    }
  };
  try {
    await open(page, url, method);
    await suite.visited(testId, url);
    for (const task of plan.tasks) await perform(page, task, picture);
  } catch (error) {
    const message = `${(error as Error).message.split('\n')[0]} at ${page.url()}`;
    problems.push({ name: 'Chromium', grade: 'failure', message });
    // It would be offered again for ever.
    await suite.visited(testId, url).catch(() => {});
  } finally {
    await page.close();
  }
}

async function open(page: Page, url: string, method: string): Promise<void> {
  if (method !== 'POST') {
    await page.goto(url);
    return;
  }
  const target = new URL(url);
  const fields = [...target.searchParams].map(
    ([name, value]) => `<input type="hidden" name="${escaped(name)}" value="${escaped(value)}">`,
  );
  const action = escaped(target.origin + target.pathname);
  await page.setContent(
    `<form method="post" action="${action}">${fields.join('')}<button>Go</button></form>`,
  );
  await goOn(page, () => page.click('button'));
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');

/** Does what leads to another page, and waits for that page. */
async function goOn(page: Page, action: () => Promise<unknown>): Promise<void> {
  const loaded = page.waitForEvent('load');
  await Promise.all([loaded, action()]);
}

async function perform(page: Page, { match, optional, commands = [] }: Task, picture: () => Promise<void>) {
  if (optional === true) {
    if (!matches(match, page.url())) return;
  } else await page.waitForURL((url) => matches(match, url.href), { waitUntil: 'load' });
  for (const command of commands) await obey(page, command, picture);
}

async function obey(page: Page, [kind, by, target, ...more]: Command, picture: () => Promise<void>) {
  const selector = by === 'id' ? `#${target}` : String(target);
  const found = async () => more.at(-1) !== 'optional' || (await page.locator(selector).count()) > 0;
  if (kind === 'text') {
    if (await found()) await page.fill(selector, String(more[0]));
  } else if (kind === 'click') {
    if (await found()) await goOn(page, () => page.click(selector));
  } else if (by === 'contains') {
    await page.waitForURL((url) => url.href.includes(String(target)));
  } else {
    await page.waitForSelector(selector, { state: 'attached' });
    if (String(more.at(-1)).startsWith('update-image-placeholder')) await picture();
  }
}
