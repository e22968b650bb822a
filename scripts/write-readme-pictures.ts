/**
 * Writes the pictures of the README from a real run of the demo: `node scripts/write-readme-pictures.ts [folder]`, by
 * default into `docs/images`. Drives the Chromium that the browser tests use; the usual ports should be free, since the
 * consent page names one.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { launchChromium } from '../test/browser/chromium.ts';
import { DemoVisitor } from '../test/browser/demo-visitor.ts';
import { RunningDemo } from '../test/demo/running-demo.ts';

const folder = process.argv[2] ?? fileURLToPath(new URL('../docs/images', import.meta.url));
mkdirSync(folder, { recursive: true });

const demo = await RunningDemo.start(undefined, []);
const browser = await launchChromium();
try {
  const visitor = await DemoVisitor.arrive(demo, browser, {
    viewport: { width: 620, height: 640 },
    deviceScaleFactor: 1.5,
    colorScheme: 'light',
  });
  const { tab } = visitor;
  await visitor.goesToLogin(demo.singlePageApp);
  await tab.fill('#login', demo.login);
  await tab.focus('#password');
  await tab.screenshot({ path: join(folder, 'login.png'), fullPage: true });
  await visitor.entersPassword();
  await visitor.reaches('consent');
  await tab.screenshot({ path: join(folder, 'consent.png'), fullPage: true });
} finally {
  await browser.close();
  await demo.remove();
}
