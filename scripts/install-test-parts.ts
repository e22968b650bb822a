/**
 * Runs before the tests: the browser tests need a Chromium, which is a part of the system rather than a package. It is
 * installed where that is possible without asking; otherwise the command is printed, and the tests do not start.
 */
import { spawnSync } from 'node:child_process';
import { findChromium } from './test-parts/find-chromium.ts';

const update = ['apt-get', 'update', '--quiet'];
const install = ['apt-get', 'install', '--yes', '--no-install-recommends', 'chromium'];

if (findChromium() === undefined && canInstall()) {
  console.log('The browser tests need Chromium; installing it with apt-get.');
  for (const [command = '', ...options] of [update, install]) {
    spawnSync(command, options, {
      stdio: 'inherit',
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  }
}
if (findChromium() === undefined) {
  console.error(explanation());
  process.exitCode = 1;
}

function canInstall(): boolean {
  if (process.env.CHROMIUM_PATH || process.getuid?.() !== 0) return false;
  return spawnSync('apt-get', ['--version'], { stdio: 'ignore' }).status === 0;
}

function explanation(): string {
  if (process.env.CHROMIUM_PATH)
    return `CHROMIUM_PATH names ${process.env.CHROMIUM_PATH}, which cannot be run.`;
  return [
    'The browser tests need Chromium, and none was found. Install it:',
    '  Debian, Ubuntu:  sudo apt-get install --yes --no-install-recommends chromium',
    '  Fedora:          sudo dnf install --assumeyes chromium',
    '  macOS:           brew install --cask chromium',
    'or name one that is installed elsewhere: CHROMIUM_PATH=/path/to/chromium npm test',
  ].join('\n');
}
