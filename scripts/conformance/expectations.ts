import { isGood, type ModuleResult, type PlanResult } from './results.ts';

/** A result other than "passed" that is expected, and why. */
export interface Expectation {
  module: string;
  /** Plans that it is expected in, by our names; every one when left out. */
  plans?: readonly string[];
  result: string;
  /** The condition that is not met; any when left out. */
  condition?: string;
  reason: string;
}

/** How a module's result compares with what is expected of it. */
export type Verdict = 'passed' | 'expected' | 'unexpected' | 'better than expected';

export interface JudgedModule extends ModuleResult {
  verdict: Verdict;
  reason?: string;
}

export interface JudgedPlan {
  plan: string;
  modules: JudgedModule[];
  problem?: string;
}

/**
 * Compares results with what is expected. A plan that could not be run, an unexpected result, and one that is better than
 * expected are all differences: the list is to stay true.
 */
export function judge(plans: readonly PlanResult[], expected: readonly Expectation[]): JudgedPlan[] {
  return plans.map((plan) => ({
    ...plan,
    modules: plan.modules.map((module) => judgeModule(plan.plan, module, expected)),
  }));
}

/** Whether everything came as expected. */
export function isAsExpected(plans: readonly JudgedPlan[]): boolean {
  return plans.every(
    ({ modules, problem }) =>
      problem === undefined && modules.every(({ verdict }) => verdict === 'passed' || verdict === 'expected'),
  );
}

function judgeModule(plan: string, module: ModuleResult, expected: readonly Expectation[]): JudgedModule {
  const own = expected.filter(
    (one) => one.module === module.module && (one.plans === undefined || one.plans.includes(plan)),
  );
  const met = own.find((one) => matches(module, one));
  if (met !== undefined) return { ...module, verdict: 'expected', reason: met.reason };
  if (!isGood(module)) return { ...module, verdict: 'unexpected' };
  const [missed] = own;
  if (missed === undefined) return { ...module, verdict: 'passed' };
  return { ...module, verdict: 'better than expected', reason: missed.reason };
}

/** An expectation about one condition allows no other. */
function matches({ result, unmet }: ModuleResult, expectation: Expectation): boolean {
  if (result !== expectation.result) return false;
  const { condition } = expectation;
  return condition === undefined || (unmet.length > 0 && unmet.every(({ name }) => name === condition));
}
