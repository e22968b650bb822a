import { existsSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { settings } from '../../config/settings.ts';

const tests = new URL('../', import.meta.url);
const document = readFileSync(new URL('../docs/protocol.md', tests), 'utf8');

/** The cells of every row of the tables. */
const rows = document
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| section |'))
  .map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );

describe('the table of the protocol', () => {
  it('says of each section what there is, and why there is not', () => {
    expect(rows.length).to.be.above(60);
    for (const row of rows) {
      expect(row, row[0]).to.have.length(5);
      expect(row[2], row[0]).to.match(/^(yes\b|part: .|no: .)/);
      if (!row[2]?.startsWith('no')) expect(row[4], row[0]).to.not.equal('');
    }
  });

  it('names tests that exist', () => {
    for (const [section, , , , test = ''] of rows) {
      if (test === '') continue;
      const [, file = '', title = ''] = /^`([\w/.-]+\.test\.ts)`: (.+)$/.exec(test) ?? [];
      expect(existsSync(new URL(file, tests)), `${section}: ${test}`).to.equal(true);
      const source = readFileSync(new URL(file, tests), 'utf8').replaceAll("\\'", "'");
      expect(source.includes(title), `${section}: no test "${title}" in ${file}`).to.equal(true);
    }
  });

  it('names settings that exist', () => {
    const keys = settings.map(({ key }) => key);
    for (const [section, , , names = ''] of rows) {
      for (const [, name = ''] of names.matchAll(/`(features\.[\w.]+)`/g)) {
        const known = keys.some((key) => key === name || key.startsWith(`${name}.`));
        expect(known, `${section}: ${name}`).to.equal(true);
      }
    }
  });
});
