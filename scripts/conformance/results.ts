/** What came of the modules that were run. */

/** A condition of a module that was not met. */
export interface UnmetCondition {
  name: string;
  grade: 'failure' | 'warning';
  message: string;
}

export interface ModuleResult {
  /** The suite's name for it. */
  module: string;
  /** Only what tells it from the same module's other runs in this plan. */
  variant: Record<string, string>;
  /** The suite's result; `UNFINISHED` for a module that did not come to an end. */
  result: string;
  unmet: UnmetCondition[];
  seconds: number;
  /** Where the suite shows its log. */
  log: string;
}

export interface PlanResult {
  /** Our name for the plan (see plans.ts). */
  plan: string;
  modules: ModuleResult[];
  /** Why the plan could not be run to its end. */
  problem?: string;
}

/** Results that say what is asked for; `REVIEW` is a page that was shown as it must be, for a person to look at. */
const GOOD_RESULTS: readonly string[] = ['PASSED', 'REVIEW'];

export function isGood({ result, unmet }: Pick<ModuleResult, 'result' | 'unmet'>): boolean {
  return GOOD_RESULTS.includes(result) && unmet.length === 0;
}
