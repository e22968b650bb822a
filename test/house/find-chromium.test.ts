import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { expect } from 'chai';
import { findChromium } from '../../scripts/test-parts/find-chromium.ts';

describe('finding Chromium', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-chromium-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  function place(name: string, mode = 0o755): string {
    const file = join(directory, name);
    writeFileSync(file, '#!/bin/sh\n');
    chmodSync(file, mode);
    return file;
  }

  for (const name of ['chromium', 'chromium-browser', 'google-chrome']) {
    it(`finds it as ${name}`, () => {
      const file = place(name);
      expect(findChromium({ PATH: ['/nonexistent', directory].join(delimiter) })).to.equal(file);
    });
  }

  it('takes the one that CHROMIUM_PATH names, and no other when that cannot be run', () => {
    place('chromium');
    const own = place('my-browser');
    expect(findChromium({ PATH: directory, CHROMIUM_PATH: own })).to.equal(own);
    expect(findChromium({ PATH: directory, CHROMIUM_PATH: join(directory, 'absent') })).to.equal(undefined);
  });

  it('passes over a file that cannot be executed, and finds nothing in an empty PATH', () => {
    place('chromium', 0o644);
    expect(findChromium({ PATH: directory })).to.equal(undefined);
    expect(findChromium({ PATH: '' })).to.equal(undefined);
  });
});
