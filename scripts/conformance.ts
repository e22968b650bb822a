/**
 * `npm run conformance -- --suite URL`: puts Latchkey to the test of a running OpenID conformance suite. Starts Latchkey in
 * each variant that the chosen plans need, registers their clients, runs the plans side by side, and compares what came
 * with `conformance/expected.json`. Ends with 1 when anything differs. docs/conformance.md tells more.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import tls from 'node:tls';
import { launchChromium } from '../test/browser/chromium.ts';
import { chromiumVisitor, type Visitor } from './conformance/chromium-visitor.ts';
import { isAsExpected, judge } from './conformance/expectations.ts';
import expected from './conformance/expected.json' with { type: 'json' };

import { type Latchkey, type ServerVariant, startLatchkey } from './conformance/latchkey.ts';
import { type Options, parseOptions, UsageError, usage } from './conformance/options.ts';
import { PLANS, type Plan } from './conformance/plans.ts';
import { formatJunit, formatTable, titleOf } from './conformance/report.ts';
import type { PlanResult } from './conformance/results.ts';
import { runPlan } from './conformance/run-plan.ts';
import { createSuite, type Suite } from './conformance/suite.ts';

async function runPlans(
  plans: readonly Plan[],
  suite: Suite,
  servers: ReadonlyMap<ServerVariant, Latchkey>,
  {
    folder,
    parallel,
    only,
    visitor,
  }: { folder: string; visitor?: Visitor } & Pick<Options, 'parallel' | 'only'>,
): Promise<PlanResult[]> {
  const results = new Map<string, PlanResult>();
  const waiting = [...plans];
  const work = async () => {
    for (let plan = waiting.shift(); plan !== undefined; plan = waiting.shift()) {
      const { id, server } = plan;
      const result = await runPlan(plan, {
        suite,
        latchkey: servers.get(server) as Latchkey,
        folder,
        ...(only === undefined ? {} : { only }),
        ...(visitor === undefined ? {} : { visitor }),
        progress: (module) => {
          console.error(`${id}: ${titleOf(module)}: ${module.result} (${module.seconds.toFixed(0)} s)`);
        },
      });
      results.set(id, result);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return plans.flatMap(({ id }) => results.get(id) ?? []);
}

async function main(options: Options): Promise<void> {
  const { suiteCertificate } = options;
  if (suiteCertificate !== undefined) {
    const own = readFileSync(suiteCertificate, 'utf8');
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), own]);
  }
  const token = process.env.CONFORMANCE_TOKEN;
  const suite = createSuite(options.suite, token === undefined ? {} : { token });
  const plans = PLANS.filter(({ id }) => options.plans.includes(id));
  const folder = options.folder ?? mkdtempSync(join(tmpdir(), 'latchkey-conformance-'));
  mkdirSync(folder, { recursive: true });
  if (readdirSync(folder).length > 0) throw new UsageError('--folder: must be a new or an empty folder');
  // Also where the run is broken off; the servers end with this process.
  if (options.folder === undefined)
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));
  const servers = new Map<ServerVariant, Latchkey>();
  const chromium = options.browser === 'chromium' ? await launchChromium() : undefined;
  try {
    for (const variant of new Set(plans.map(({ server }) => server))) {
      servers.set(variant, await startLatchkey(variant, folder, suiteCertificate));
    }
    const visitor = chromium === undefined ? {} : { visitor: chromiumVisitor(chromium, suite) };
    const results = await runPlans(plans, suite, servers, { ...options, ...visitor, folder });
    const judged = judge(results, expected);
    mkdirSync(dirname(options.junit), { recursive: true });
    writeFileSync(options.junit, formatJunit(judged));
    console.log(`\n${formatTable(judged)}\n\nJUnit: ${options.junit}`);
    process.exitCode = isAsExpected(judged) ? 0 : 1;
  } finally {
    await chromium?.close();
    for (const server of servers.values()) await server.stop();
  }
}

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === 'help') console.log(usage);
  else if (options === 'list') console.log(PLANS.map(({ id, name }) => `${id}  ${name}`).join('\n'));
  else await main(options);
} catch (error) {
  console.error(error instanceof UsageError ? `${error.message}\n\n${usage}` : (error as Error).message);
  process.exitCode = 2;
}
