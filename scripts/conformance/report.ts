import type { JudgedModule, JudgedPlan } from './expectations.ts';

const COLUMNS = ['passed', 'review', 'warning', 'skipped', 'failed', 'unexpected'] as const;

/** Plan by plan, how many modules came to what; below it, one line for each that did not pass, with its reason or what was not met. */
export function formatTable(plans: readonly JudgedPlan[]): string {
  const head = ['plan', 'modules', ...COLUMNS];
  const rows = plans.map(({ plan, modules }) => [
    plan,
    String(modules.length),
    ...COLUMNS.map((column) => String(modules.filter((module) => belongs(module, column)).length)),
  ]);
  const all = [head, ...rows];
  const widths = head.map((_, index) => Math.max(...all.map((row) => row[index]?.length ?? 0)));
  const lines = all.map((row) =>
    row
      .map((cell, index) =>
        index === 0 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
      )
      .join('  '),
  );
  return [...lines, ...plans.flatMap(remarks)].join('\n');
}

function belongs({ result, verdict }: JudgedModule, column: (typeof COLUMNS)[number]): boolean {
  if (column === 'unexpected') return verdict === 'unexpected' || verdict === 'better than expected';
  if (column === 'failed') return result === 'FAILED' || result === 'UNFINISHED';
  return result === column.toUpperCase();
}

function remarks({ plan, modules, problem }: JudgedPlan): string[] {
  const lines = problem === undefined ? [] : ['', `${plan}: could not be run to its end: ${problem}`];
  for (const module of modules) {
    if (module.verdict === 'passed') continue;
    lines.push('', `${plan}: ${titleOf(module)}: ${module.result}, ${module.verdict}`);
    if (module.reason !== undefined) lines.push(`  ${module.reason}`);
    if (module.verdict !== 'unexpected') continue;
    for (const { name, grade, message } of module.unmet) lines.push(`  ${grade}: ${name}: ${message}`);
    lines.push(`  ${module.log}`);
  }
  return lines;
}

/** A module's name, with what tells it from its other runs. */
export function titleOf({ module, variant }: Pick<JudgedModule, 'module' | 'variant'>): string {
  const parts = Object.entries(variant).map(([name, value]) => `${name}=${value}`);
  return parts.length === 0 ? module : `${module} (${parts.join(', ')})`;
}

/** The same as JUnit's XML, which CI services read: a suite for each plan, a case for each module. */
export function formatJunit(plans: readonly JudgedPlan[]): string {
  const suites = plans.map((plan) => {
    const cases = plan.modules.map((module) => caseOf(plan.plan, module));
    if (plan.problem !== undefined) {
      cases.push(
        `<testcase classname="${escapeXml(plan.plan)}" name="plan"><error message="${escapeXml(plan.problem)}"/></testcase>`,
      );
    }
    const failures = plan.modules.filter((module) => belongs(module, 'unexpected')).length;
    const skipped = plan.modules.filter(isSkipped).length;
    const seconds = plan.modules.reduce((sum, module) => sum + module.seconds, 0);
    return [
      `<testsuite name="${escapeXml(plan.plan)}" tests="${cases.length}" failures="${failures}" errors="${plan.problem === undefined ? 0 : 1}" skipped="${skipped}" time="${seconds.toFixed(1)}">`,
      ...cases,
      '</testsuite>',
    ].join('\n');
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

const isSkipped = ({ result, verdict }: JudgedModule) => result === 'SKIPPED' && verdict === 'expected';

function caseOf(plan: string, module: JudgedModule): string {
  const { seconds, result, verdict, reason, unmet, log } = module;
  const open = `<testcase classname="${escapeXml(plan)}" name="${escapeXml(titleOf(module))}" time="${seconds.toFixed(1)}"`;
  if (isSkipped(module)) return `${open}><skipped message="${escapeXml(reason ?? '')}"/></testcase>`;
  if (verdict === 'passed' || verdict === 'expected') return `${open}/>`;
  const details = [...unmet.map(({ name, grade, message }) => `${grade}: ${name}: ${message}`), log];
  return `${open}><failure message="${escapeXml(`${result}, ${verdict}`)}">${escapeXml(details.join('\n'))}</failure></testcase>`;
}

/** Characters that XML 1.0 cannot hold, escaped or not, are left out. */
function escapeXml(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: it is these that must go.
      .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
  );
}
