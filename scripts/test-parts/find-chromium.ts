import { findProgram, isExecutable } from './find-program.ts';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/**
 * The Chromium that the browser tests drive: the one that `CHROMIUM_PATH` names, or else the first of its usual names in
 * `PATH`. An override that cannot be run finds nothing, rather than some other browser.
 */
export function findChromium(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  const override = environment.CHROMIUM_PATH;
  if (override) return isExecutable(override) ? override : undefined;
  return findProgram(names, environment);
}
