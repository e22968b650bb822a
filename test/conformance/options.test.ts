import { expect } from 'chai';
import { parseOptions, UsageError } from '../../scripts/conformance/options.ts';
import { PLANS } from '../../scripts/conformance/plans.ts';

const SUITE = ['--suite', 'https://suite.example:8443/'];

describe('the command line of a conformance run', () => {
  it('the suite alone means every plan', () => {
    const options = parseOptions(SUITE);
    expect(options).to.include({ suite: 'https://suite.example:8443', parallel: 4 });
    expect(options).to.have.property('plans').with.length(PLANS.length);
  });

  it('plans are chosen by name, or by how their names begin', () => {
    const chosen = (plans: string) =>
      (parseOptions([...SUITE, '--plans', plans]) as { plans: string[] }).plans;
    expect(chosen('basic, config')).to.deep.equal(['basic', 'config']);
    expect(chosen('form-post-*,form-post-basic')).to.deep.equal([
      'form-post-basic',
      'form-post-hybrid',
      'form-post-implicit',
    ]);
  });

  it('refuses what cannot be followed, and says what is wrong', () => {
    for (const [words, complaint] of [
      [[], /--suite/],
      [['--suite', 'http://suite.example'], /https/],
      [['--suite', 'https://localhost:8443'], /another name than localhost/],
      [[...SUITE, '--plans', 'basics'], /unknown basics/],
      [[...SUITE, '--parallel', '0'], /--parallel/],
      [[...SUITE, '--paralel', '2'], /--paralel/],
    ] as const) {
      expect(() => parseOptions([...words]), words.join(' ')).to.throw(UsageError, complaint);
    }
  });
});
