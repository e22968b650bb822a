import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { printedSettings, printedSettingsText } from '../../config/printed-settings.ts';

describe('printing the configuration', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  it('says for each value where it came from', () => {
    const file = join(directory, 'latchkey.yaml');
    writeFileSync(file, 'port: 4000\n');
    const environment = { LATCHKEY_CONFIG: file, LATCHKEY_LOG_LEVEL: 'warn' };
    const printed = new Map(printedSettings({ environment, directory }).map((entry) => [entry.key, entry]));
    expect(printed.get('port')).to.include({ value: 4000, source: 'file', from: file });
    expect(printed.get('log.level')).to.include({
      value: 'warn',
      source: 'environment',
      from: 'LATCHKEY_LOG_LEVEL',
    });
    expect(printed.get('host')).to.deep.equal({
      key: 'host',
      variable: 'LATCHKEY_HOST',
      value: '127.0.0.1',
      source: 'default',
    });
    expect(printed.get('views_dir')?.value).to.equal(null);
  });

  it('keeps lines short but for those of long values', () => {
    const printed = printedSettings({ environment: {}, directory });
    const lines = printedSettingsText(printed).trimEnd().split('\n');
    const keyWidth = Math.max(...printed.map(({ key }) => key.length));
    const long = lines.filter((line) => line.length > keyWidth + 2 + 48 + 2 + 'default'.length);
    expect(long).not.to.deep.equal([]);
    expect(long.filter((line) => !/ \S.{48,} {2}default$/.test(line))).to.deep.equal([]);
  });

  it('redacts secrets, however they came', () => {
    const keys = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
    const token = randomBytes(16).toString('hex');
    writeFileSync(join(directory, 'token'), token);
    const printed = printedSettings({
      environment: { LATCHKEY_ENCRYPTION_KEY: keys.join(','), LATCHKEY_ACCOUNTS_HTTP_TOKEN_FILE: 'token' },
      directory,
    });
    const text = printedSettingsText(printed);
    for (const secret of [...keys, token]) expect(JSON.stringify(printed) + text).not.to.contain(secret);
    expect(printed.find((entry) => entry.key === 'encryption_key')?.value).to.deep.equal([
      'redacted',
      'redacted',
    ]);
    expect(text).to.match(/^accounts\.http\.token +redacted +LATCHKEY_ACCOUNTS_HTTP_TOKEN_FILE$/m);
  });
});
