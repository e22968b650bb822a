import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';

const tests = new URL('../', import.meta.url);

interface Row {
  readonly requirement: string;
  readonly file: string;
  readonly title: string;
}

function rowsOf(markdown: string): Row[] {
  const table = markdown.slice(markdown.indexOf('| requirement |'));
  return table
    .split('\n')
    .slice(2)
    .filter((line) => line.startsWith('|'))
    .map((line) => {
      const [, requirement = '', , file = '', title = ''] = line.split('|').map((cell) => cell.trim());
      return { requirement, file: file.replaceAll('`', ''), title };
    });
}

/** Whether a string in the source holds the title, at whatever it is given to: `it`, or a table of cases. */
function hasTitle(source: string, title: string): boolean {
  const strings = [...source.matchAll(/'((?:[^'\\\n]|\\.)*)'|"((?:[^"\\\n]|\\.)*)"|`([^`]*)`/g)];
  return strings.some(([, single, double, template]) =>
    (single ?? double ?? template ?? '').replaceAll("\\'", "'").includes(title),
  );
}

describe('the table of requirements', () => {
  const rows = rowsOf(readFileSync(new URL('README.md', tests), 'utf8'));

  it('names its sources precisely', () => {
    expect(rows).not.to.have.lengthOf(0);
    for (const { requirement } of rows) {
      expect(requirement).to.match(
        /^(?:(?:RFC \d{4}|OpenID Connect .+|FAPI \d\.\d .+|WebAuthn Level 3|NIST SP 800-63B-4) section [\d.]+|ASVS \d+\.\d+\.\d+|WCAG 2\.2 success criterion [\d.]+)$/,
      );
    }
  });

  it('names tests that exist', () => {
    for (const { requirement, file, title } of rows) {
      expect(file, requirement).to.match(/\.test\.ts$/);
      expect(existsSync(new URL(file, tests)), `${requirement}: ${file}`).to.equal(true);
      expect(title, requirement).not.to.equal('');
      const found = hasTitle(readFileSync(new URL(file, tests), 'utf8'), title);
      expect(found, `${requirement}: no test "${title}" in ${file}`).to.equal(true);
    }
  });

  it('is read row by row, so that a wrong one is noticed', () => {
    expect(
      rowsOf('| requirement | a | b | c |\n|---|---|---|---|\n| X | y | `f.test.ts` | does it |\n'),
    ).to.deep.equal([{ requirement: 'X', file: 'f.test.ts', title: 'does it' }]);
    expect(hasTitle("it('does it', () => {})", 'does it')).to.equal(true);
    expect(hasTitle('// does it', 'does it')).to.equal(false);
  });
});
