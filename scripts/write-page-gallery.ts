/**
 * Writes pictures of every page, light and dark, phone and desktop, in two languages, for looking at them:
 * `node scripts/write-page-gallery.ts <folder> [language…]`, by default English and German. Each picture is
 * `<language>/<page>-<sample>-<scheme>-<device>.png`. Drives the Chromium that the browser tests use.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { launchChromium } from '../test/browser/chromium.ts';
import { servePages } from '../test/browser/page-server.ts';

const DEVICES = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 860 } } as const;

const [folder, ...given] = process.argv.slice(2);
const languages = given.length === 0 ? ['en', 'de'] : given;
const server = await servePages();
const unknown = languages.find((language) => !server.locales.includes(language));
if (folder === undefined || unknown !== undefined) {
  console.error('usage: node scripts/write-page-gallery.ts <folder> [language…]');
  console.error(`languages: ${server.locales.join(' ')}`);
  await server.close();
  process.exit(2);
}

const browser = await launchChromium();
let written = 0;
try {
  for (const language of languages) {
    mkdirSync(join(folder, language), { recursive: true });
    for (const [device, viewport] of Object.entries(DEVICES)) {
      const context = await browser.newContext({ viewport, reducedMotion: 'reduce' });
      const tab = await context.newPage();
      for (const { page, sample, url } of server.pages(language)) {
        await tab.goto(url);
        for (const colorScheme of ['light', 'dark'] as const) {
          await tab.emulateMedia({ colorScheme });
          const name = `${page}-${sample}-${colorScheme}-${device}.png`;
          await tab.screenshot({ path: join(folder, language, name), fullPage: true });
          written += 1;
        }
      }
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server.close();
}
console.log(`${written} pictures in ${folder}`);
