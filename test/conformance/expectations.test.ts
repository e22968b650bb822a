import { expect } from 'chai';
import { isAsExpected, judge } from '../../scripts/conformance/expectations.ts';
import expected from '../../scripts/conformance/expected.json' with { type: 'json' };
import { PLANS } from '../../scripts/conformance/plans.ts';
import type { ModuleResult } from '../../scripts/conformance/results.ts';

const passed: ModuleResult = {
  module: 'a-module',
  variant: {},
  result: 'PASSED',
  unmet: [],
  seconds: 1,
  log: 'https://suite.example/log',
};
const warned: ModuleResult = {
  ...passed,
  result: 'WARNING',
  unmet: [{ name: 'CheckSomething', grade: 'warning', message: 'is not so' }],
};

describe('results of the conformance suite compared with what is expected', () => {
  const verdictOf = (module: ModuleResult, expectations: Parameters<typeof judge>[1], plan = 'basic') =>
    judge([{ plan, modules: [module] }], expectations)[0]?.modules[0]?.verdict;

  it('a module that passed, or showed its page, needs no expectation', () => {
    expect(verdictOf(passed, [])).to.equal('passed');
    expect(verdictOf({ ...passed, result: 'REVIEW' }, [])).to.equal('passed');
  });

  it('a warning, a failure, a skipped and an unfinished module are unexpected unless they are expected', () => {
    for (const result of ['WARNING', 'FAILED', 'SKIPPED', 'UNFINISHED']) {
      expect(verdictOf({ ...passed, result }, []), result).to.equal('unexpected');
      expect(
        verdictOf({ ...passed, result }, [{ module: 'a-module', result, reason: 'r' }]),
        result,
      ).to.equal('expected');
    }
    expect(verdictOf({ ...warned, result: 'REVIEW' }, []), 'a page with a warning').to.equal('unexpected');
  });

  it('an expectation counts for its plans and its condition alone', () => {
    const expectation = { module: 'a-module', result: 'WARNING', reason: 'r' };
    expect(verdictOf(warned, [{ ...expectation, plans: ['basic'] }])).to.equal('expected');
    expect(verdictOf(warned, [{ ...expectation, plans: ['hybrid'] }])).to.equal('unexpected');
    expect(verdictOf(warned, [{ ...expectation, condition: 'CheckSomething' }])).to.equal('expected');
    expect(verdictOf(warned, [{ ...expectation, condition: 'CheckOther' }])).to.equal('unexpected');
    const more = [...warned.unmet, { name: 'CheckOther', grade: 'warning' as const, message: 'nor this' }];
    expect(verdictOf({ ...warned, unmet: more }, [{ ...expectation, condition: 'CheckSomething' }])).to.equal(
      'unexpected',
    );
    expect(verdictOf(warned, [{ ...expectation, result: 'FAILED' }])).to.equal('unexpected');
  });

  it('a module that does better than expected, and a plan that broke off, are differences too', () => {
    const expectation = { module: 'a-module', result: 'WARNING', reason: 'r' };
    expect(verdictOf(passed, [expectation])).to.equal('better than expected');
    const plan = { plan: 'basic', modules: [passed] };
    expect(isAsExpected(judge([plan], []))).to.equal(true);
    expect(isAsExpected(judge([plan], [expectation]))).to.equal(false);
    expect(isAsExpected(judge([{ ...plan, problem: 'the suite is gone' }], []))).to.equal(false);
    expect(isAsExpected(judge([{ plan: 'basic', modules: [warned] }], [expectation]))).to.equal(true);
  });

  it('the committed list gives a reason for each, names plans that there are, and nothing twice', () => {
    const known = PLANS.map(({ id }) => id);
    const seen = new Set<string>();
    for (const { module, result, reason, ...rest } of expected as Parameters<typeof judge>[1][number][]) {
      expect(reason, module).to.match(/^[A-Z].{20,}\.$/);
      expect(result, module).to.be.oneOf(['WARNING', 'FAILED', 'SKIPPED']);
      for (const plan of rest.plans ?? ['']) {
        if (plan !== '') expect(known, module).to.include(plan);
        const key = `${module} ${plan} ${rest.condition}`;
        expect(seen.has(key), key).to.equal(false);
        seen.add(key);
      }
    }
  });
});
