import { expect } from 'chai';
import { judge } from '../../scripts/conformance/expectations.ts';
import { formatJunit, formatTable } from '../../scripts/conformance/report.ts';
import type { ModuleResult } from '../../scripts/conformance/results.ts';

const module = (name: string, changes: Partial<ModuleResult> = {}): ModuleResult => ({
  module: name,
  variant: {},
  result: 'PASSED',
  unmet: [],
  seconds: 1.25,
  log: `https://suite.example/log-detail.html?log=${name}`,
  ...changes,
});

const judged = judge(
  [
    {
      plan: 'basic',
      modules: [
        module('login'),
        module('picture', { result: 'REVIEW' }),
        module('unsigned', { result: 'SKIPPED' }),
        module('codes', {
          result: 'FAILED',
          variant: { response_type: 'code' },
          unmet: [{ name: 'CheckCode', grade: 'failure', message: 'got "<nothing>" & more\u0007' }],
        }),
      ],
    },
    { plan: 'hybrid', modules: [], problem: 'POST /api/plan: 400 no such plan' },
  ],
  [{ module: 'unsigned', result: 'SKIPPED', reason: 'There are no unsigned ID tokens.' }],
);

describe('reports of a conformance run', () => {
  it('the table counts plan by plan, and tells below it what did not pass and why', () => {
    const lines = formatTable(judged).split('\n');
    expect(lines[0]?.split(/ {2,}/)).to.deep.equal([
      'plan',
      'modules',
      'passed',
      'review',
      'warning',
      'skipped',
      'failed',
      'unexpected',
    ]);
    expect(lines[1]?.split(/ +/)).to.deep.equal(['basic', '4', '1', '1', '0', '1', '1', '1']);
    expect(lines[2]?.split(/ +/)).to.deep.equal(['hybrid', '0', '0', '0', '0', '0', '0', '0']);
    const text = lines.slice(3).join('\n');
    expect(text).to.include('basic: unsigned: SKIPPED, expected\n  There are no unsigned ID tokens.');
    expect(text).to.include(
      'basic: codes (response_type=code): FAILED, unexpected\n  failure: CheckCode: got',
    );
    expect(text).to.include('hybrid: could not be run to its end: POST /api/plan: 400 no such plan');
    expect(text).to.not.include('login');
  });

  it('JUnit has a case for each module, fails for what is unexpected, and is well-formed XML', () => {
    const xml = formatJunit(judged);
    expect(xml).to.match(/^<\?xml version="1.0" encoding="UTF-8"\?>\n<testsuites>/);
    expect(xml).to.include(
      '<testsuite name="basic" tests="4" failures="1" errors="0" skipped="1" time="5.0">',
    );
    expect(xml).to.include('<testcase classname="basic" name="login" time="1.3"/>');
    expect(xml).to.include('<skipped message="There are no unsigned ID tokens."/>');
    expect(xml).to.include(
      'failure: CheckCode: got &quot;&lt;nothing&gt;&quot; &amp; more\nhttps://suite.example/',
    );
    expect(xml).to.include('<error message="POST /api/plan: 400 no such plan"/>');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: XML 1.0 has no place for these.
    expect(xml).to.not.match(/[\u0000-\u0008]/);
    expect(xml.match(/<(testsuite|testcase|failure|skipped|error)\b/g)?.length).to.equal(2 + 5 + 3);
  });
});
