/**
 * Writes pictures of every page, light and dark, phone and desktop, for looking at them:
 * `node scripts/write-page-gallery.ts <folder> [language]`. Drives the Chromium that the browser tests use.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchChromium } from '../test/browser/chromium.ts';
import { servePages } from '../test/browser/page-server.ts';

const [folder, language = 'en'] = process.argv.slice(2);
if (folder === undefined) {
  console.error('usage: node scripts/write-page-gallery.ts <folder> [language]');
  process.exit(2);
}
mkdirSync(folder, { recursive: true });

const server = await servePages();
const browser = await launchChromium();
try {
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const [device, viewport] of [
      ['phone', { width: 390, height: 844 }],
      ['desktop', { width: 1280, height: 860 }],
    ] as const) {
      const context = await browser.newContext({ colorScheme, viewport, reducedMotion: 'reduce' });
      const tab = await context.newPage();
      for (const { page, sample, url } of server.pages(language)) {
        await tab.goto(url);
        await tab.screenshot({
          path: join(folder, `${page}-${sample}-${colorScheme}-${device}.png`),
          fullPage: true,
        });
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server.close();
}
