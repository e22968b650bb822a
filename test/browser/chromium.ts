import { type Browser, chromium } from 'playwright-core';
import { findChromium } from '../../scripts/test-parts/find-chromium.ts';

/** Starts the system's Chromium, headless and without any traffic of its own. */
export function launchChromium(): Promise<Browser> {
  const executablePath = findChromium();
  if (executablePath === undefined) {
    throw new Error('no Chromium found: install one (apt-get install chromium) or name it in CHROMIUM_PATH');
  }
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
