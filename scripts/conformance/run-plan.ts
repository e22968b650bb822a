import { announceNewKeys } from './announce-new-keys.ts';
import { browserConfiguration } from './browser-commands.ts';
import type { Visitor } from './chromium-visitor.ts';
import type { Latchkey } from './latchkey.ts';
import type { Plan } from './plans.ts';
import type { ModuleResult, PlanResult, UnmetCondition } from './results.ts';
import type { LogEntry, PlannedModule, Suite } from './suite.ts';

/** The longest (ms) that a module may take; some wait for something to expire. */
const LONGEST_MODULE = 6 * 60_000;

export interface PlanRun {
  suite: Suite;
  latchkey: Latchkey;
  /** For files of this run. */
  folder: string;
  /** Told of each module as it ends. */
  progress?: (module: ModuleResult) => void;
  /** Only modules whose name contains this. */
  only?: string;
  longestModule?: number;
  /** Does what the suite's own browser would do otherwise. */
  visitor?: Visitor;
}

/**
 * Runs a plan's modules one after another: they share its address at the suite. Whatever stops the plan is told in the
 * result, with the modules that were run before.
 */
export async function runPlan(
  plan: Plan,
  { suite, latchkey, folder, ...options }: PlanRun,
): Promise<PlanResult> {
  const modules: ModuleResult[] = [];
  try {
    const alias = `latchkey-${plan.id}`;
    const base = `${suite.address}/test/a/${alias}`;
    const { register, issuer, api, addAnsweringPerson } = latchkey;
    const members = await plan.configure({ register, issuer, base, folder, api, addAnsweringPerson });
    const browser = browserConfiguration(issuer, latchkey.person);
    const created = await suite.createPlan(plan.name, plan.variant, {
      alias,
      description: `Latchkey: ${plan.id}`,
      server: { discoveryUrl: `${issuer}/.well-known/openid-configuration` },
      ...(options.visitor === undefined ? browser : {}),
      options: { browsercontrol_css_enable: false },
      ...members,
    });
    for (const module of created.modules) {
      if (options.only !== undefined && !module.testModule.includes(options.only)) continue;
      const result = await runModule(suite, created.id, module, {
        latchkey,
        longest: options.longestModule ?? LONGEST_MODULE,
        variant: distinctVariant(module, created.modules),
        accompany: (testId, ended) =>
          options.visitor?.(testId, (browser.override[module.testModule] ?? browser).browser, ended) ??
          Promise.resolve([]),
      });
      modules.push(result);
      options.progress?.(result);
    }
    return { plan: plan.id, modules };
  } catch (error) {
    return { plan: plan.id, modules, problem: (error as Error).message };
  }
}

/** What of a module's variant tells it from its other runs in the plan; nothing where it has none. */
function distinctVariant(
  { testModule, variant }: PlannedModule,
  modules: readonly PlannedModule[],
): Record<string, string> {
  const others = modules.filter((module) => module.testModule === testModule);
  return Object.fromEntries(
    Object.entries(variant ?? {}).filter(([name, value]) =>
      others.some((other) => other.variant?.[name] !== value),
    ),
  );
}

interface ModuleRun {
  latchkey: Latchkey;
  longest: number;
  variant: Record<string, string>;
  accompany(testId: string, ended: AbortSignal): Promise<UnmetCondition[]>;
}

async function runModule(
  suite: Suite,
  planId: string,
  module: PlannedModule,
  { latchkey, longest, variant, accompany }: ModuleRun,
): Promise<ModuleResult> {
  const started = performance.now();
  const testId = await suite.createTest(planId, module);
  const ended = new AbortController();
  const accompanied = accompany(testId, ended.signal);
  let status: string | undefined;
  try {
    status = await suite.statusOf(testId, ['CONFIGURED', 'WAITING', 'FINISHED'], longest);
    if (status === 'CONFIGURED') {
      if (module.testModule === 'oidcc-server-rotate-keys') await announceNewKeys(latchkey);
      await suite.startTest(testId);
      status = undefined;
    }
    if (status !== 'FINISHED' && status !== 'INTERRUPTED') {
      status = await suite.statusOf(testId, ['FINISHED'], longest);
    }
    // The next module takes the place of one that goes on.
    if (status === undefined) await suite.cancelTest(testId);
  } finally {
    ended.abort();
    // Whatever it has met is told with the rest, or is of no account any more.
    await accompanied.catch(() => {});
  }
  const [{ result }, log] = await Promise.all([suite.information(testId), suite.log(testId)]);
  return {
    module: module.testModule,
    variant,
    result: status === undefined ? 'UNFINISHED' : (result ?? 'UNFINISHED'),
    unmet: [...unmetConditions(log), ...(await accompanied)],
    seconds: (performance.now() - started) / 1000,
    log: `${suite.address}/log-detail.html?log=${testId}`,
  };
}

function unmetConditions(log: readonly LogEntry[]): UnmetCondition[] {
  return log.flatMap(({ src, msg = '', result }) =>
    result === 'FAILURE' || result === 'WARNING'
      ? [
          {
            name: src,
            grade: result === 'FAILURE' ? ('failure' as const) : ('warning' as const),
            message: msg,
          },
        ]
      : [],
  );
}
