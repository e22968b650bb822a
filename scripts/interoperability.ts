/**
 * `npm run interoperability`: builds small applications on well-known libraries of other languages, signs in to them as a person with a
 * browser, and prints what worked. Ends with 1 when anything did not. test/interoperability/README.md tells more.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { freePort } from './demo/ports.ts';
import { build } from './interoperability/build.ts';
import { type Latchkey, startLatchkey } from './interoperability/latchkey.ts';
import { PROGRAMS, type Program } from './interoperability/programs.ts';
import { formatTable, type ProgramResult } from './interoperability/report.ts';
import { startProgram } from './interoperability/running-program.ts';
import {
  type Application,
  deniedFlow,
  type Person,
  refusedFlow,
  type StepResult,
  usualFlow,
} from './interoperability/usual-flow.ts';

const USAGE = `usage: npm run interoperability -- [options]

  --only a,b     only these programs: ${PROGRAMS.map(({ name }) => name).join(', ')}
  --folder DIR   keep there what is built, and the logs
`;

interface Run {
  flow: (application: Application, person: Person) => Promise<StepResult[]>;
  algorithm: 'RS256' | 'ES256';
  /** With another secret than it was given. */
  wrongly?: boolean;
}

/** A registration and a process of the program for each. */
const RUNS: readonly Run[] = [
  { flow: usualFlow, algorithm: 'RS256' },
  { flow: usualFlow, algorithm: 'ES256' },
  { flow: deniedFlow, algorithm: 'RS256' },
  { flow: refusedFlow, algorithm: 'RS256', wrongly: true },
];

const random = () => randomBytes(16).toString('base64url');

/** Adds what came of each step to `steps`. */
async function tryOut(
  program: Program,
  folder: string,
  latchkey: Latchkey,
  steps: StepResult[],
): Promise<void> {
  const { issuer } = latchkey;
  for (const { flow, algorithm, wrongly } of RUNS) {
    const person = { login: `${random()}@example.com`, password: random(), name: 'Ada Lovelace' };
    await latchkey.createPerson(person);
    const origin = `http://127.0.0.1:${await freePort()}`;
    const client = await latchkey.register(origin, { id_token_signed_response_alg: algorithm });
    const running = await startProgram(program.run, folder, {
      ORIGIN: origin,
      ISSUER: issuer,
      CLIENT_ID: client.client_id,
      CLIENT_SECRET: wrongly ? random() : client.client_secret,
      ID_TOKEN_ALGORITHM: algorithm,
    });
    try {
      const application = { ...program, origin, issuer, clientId: client.client_id, algorithm };
      const results = await flow(application, person);
      steps.push(...results);
      if (results.some(({ problem }) => problem !== undefined)) console.error(running.output());
    } finally {
      await running.stop();
    }
  }
}

async function resultOf(program: Program, folder: string, latchkey: Latchkey): Promise<ProgramResult> {
  const { library } = program;
  const steps: StepResult[] = [];
  try {
    console.error(`${library}: building`);
    await build(program, folder);
    console.error(`${library}: signing in`);
    await tryOut(program, folder, latchkey, steps);
  } catch (error) {
    steps.push({ step: 'build and start', problem: (error as Error).message });
  }
  return { library, steps };
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { only: { type: 'string' }, folder: { type: 'string' } } });
  const names = values.only?.split(',') ?? PROGRAMS.map(({ name }) => name);
  const unknown = names.find((name) => !PROGRAMS.some((program) => program.name === name));
  if (unknown !== undefined) throw new Error(`--only: there is no ${unknown}`);
  const folder = path.resolve(
    values.folder ?? mkdtempSync(path.join(tmpdir(), 'latchkey-interoperability-')),
  );
  if (values.folder === undefined) process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(130));
  mkdirSync(folder, { recursive: true });
  const own = mkdtempSync(path.join(folder, 'latchkey-'));
  const latchkey = await startLatchkey(own);
  try {
    const results: ProgramResult[] = [];
    for (const program of PROGRAMS.filter(({ name }) => names.includes(name))) {
      results.push(await resultOf(program, path.join(folder, program.name), latchkey));
    }
    console.log(formatTable(results));
    const failed = results.some(({ steps }) => steps.some(({ problem }) => problem !== undefined));
    process.exitCode = failed ? 1 : 0;
  } finally {
    await latchkey.stop();
  }
}

try {
  await main();
} catch (error) {
  console.error(`${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = 2;
}
