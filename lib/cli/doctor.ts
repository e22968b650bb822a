import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Command } from 'commander';
import type { Configuration } from '../../config/configuration.ts';
import { secretFiles } from '../../config/secret-files.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, notFound, refused } from './command-result.ts';
import { describeLogLine, findReference } from './doctor/error-reference.ts';
import type { Finding } from './doctor/finding.ts';
import { withJson } from './options.ts';

const MARK = { ok: 'ok      ', warning: 'warning ', problem: 'PROBLEM ' } as const;

function describe(findings: ReadonlyArray<Finding>): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const lines = findings.flatMap(({ check, status, message, advice }) => {
    const line = `${MARK[status]} ${check.padEnd(width)}  ${message}`;
    return advice === undefined ? [line] : [line, `${' '.repeat(MARK.ok.length + width + 3)}→ ${advice}`];
  });
  const count = (status: Finding['status']) => findings.filter((finding) => finding.status === status).length;
  return [...lines, '', `${count('problem')} problems, ${count('warning')} warnings`].join('\n');
}

async function diagnose(configuration: () => Configuration): Promise<CommandResult> {
  // Loaded only now: it looks at every room.
  const { examine } = await import('./doctor/examine.ts');
  const findings = await examine({ configuration, secretFiles });
  const healthy = findings.every(({ status }) => status !== 'problem');
  return { ...done({ healthy, findings }, describe(findings)), healthy };
}

async function lookUp(reference: string, log: Readable, source: string): Promise<CommandResult> {
  let lines: Record<string, unknown>[];
  try {
    lines = await findReference(log, reference);
  } catch (error) {
    return refused('unreadable', `${source} cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  if (lines.length === 0) return notFound(`error ${reference} in ${source}`);
  return done(lines, lines.map(describeLogLine).join('\n\n'));
}

/** `doctor`: what is wrong with this installation, and what an error page's reference means. */
export function addDoctorCommand(
  program: Command,
  context: CommandContext,
  { configuration }: { configuration: () => Configuration },
): void {
  const doctor = withJson(program.command('doctor'))
    .description(
      'look for what is wrong and say what to do; changes nothing (exit code 1 when there is a problem)',
    )
    .action((options) => context.run(options, () => diagnose(configuration)));

  withJson(doctor.command('error <reference>'))
    .description('look up the reference of an error page in the server’s log')
    .option('--log <file>', 'the log; standard input when not given')
    .action((reference: string, { log }: { log?: string }, command: Command) =>
      // `doctor` has --json too, and takes it wherever it stands.
      context.run(command.optsWithGlobals<{ json?: boolean }>(), () =>
        lookUp(
          reference,
          log === undefined ? context.terminal.stdin : createReadStream(log),
          log ?? 'standard input',
        ),
      ),
    );
}
