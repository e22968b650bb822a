/**
 * The operator's command line: the same functions of the rooms that the server uses, on the same data directory, while
 * the server runs. It refuses secrets in arguments (other users of the machine see them): passwords come by standard
 * input. It prints for people, or JSON with --json; exit codes are those of command-context.ts. It answers for the output of RFC 7591 §3.2.1 in `clients`.
 */
import { CommanderError } from 'commander';
import type { Configuration } from '../../config/configuration.ts';
import { addApiCommands } from './apis.ts';
import { addBackupCommand } from './backup.ts';
import { addClientCommands } from './clients.ts';
import { CommandContext, EXIT } from './command-context.ts';
import { addConfigCommands } from './config.ts';
import { addDoctorCommand } from './doctor.ts';
import { addGrantCommands } from './grants.ts';
import { addKeyCommands } from './keys.ts';
import { addNotificationCommands } from './notifications.ts';
import { OperatorCommand } from './operator-command.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { withJson } from './options.ts';
import { addRegistrationTokenCommands } from './registration-tokens.ts';
import { addRestoreCommand } from './restore.ts';
import { addSessionCommands } from './sessions.ts';
import type { Terminal } from './terminal.ts';
import { addTransferCommands } from './transfer.ts';
import { addUserCommands } from './users.ts';

export interface ProgramOptions {
  /** Opens the rooms; called only by commands that need them. */
  open(): Promise<OperatorRooms>;
  /** Reads the configuration, for commands that work while the rooms cannot be opened. Throws ConfigurationError. */
  configuration(): Configuration;
  /** Serves until it is told to stop, and answers the exit code; `quiet` leaves everything to the log. */
  serve(options: { quiet: boolean }): Promise<number>;
  version?: string;
  /** Default: the process's own streams. */
  terminal?: Terminal;
}

export interface Program {
  /** Runs one command line (without the interpreter and the script) and answers its exit code. Never throws. */
  run(commandLine: ReadonlyArray<string>): Promise<number>;
}

function ignore(): void {}

/** Builds the command line. Nothing is read or opened before a command needs it. */
export function createProgram(options: ProgramOptions): Program {
  const terminal = options.terminal ?? process;
  return {
    async run(commandLine) {
      const context = new CommandContext(terminal, options.open);
      // Whoever reads the output may stop reading (`… | head -1`); what a write came to is looked at where it is made.
      const streams = [terminal.stdout, terminal.stderr];
      for (const stream of streams) stream.on('error', ignore);
      const json = commandLine.includes('--json');
      try {
        await createCommands(options, context).parseAsync([...commandLine], { from: 'user' });
      } catch (error) {
        if (!(error instanceof CommanderError)) context.fail(error, json, EXIT.misused);
        else if (error.code === 'commander.help') context.exitCode = EXIT.misused;
        else if (error.exitCode !== 0) context.misuse(complaintOf(error), json);
      }
      return context.exitCode;
    },
  };
}

/** Commander's words, without the value of `--unknown=value`: it may be a secret that does not belong there. */
function complaintOf({ message }: CommanderError): string {
  const complaint = message.replace(/^error: /, '').replace(/^(unknown option '[^'=]*)=.*$/s, "$1'");
  return complaint.startsWith("unknown option '--password'")
    ? `${complaint} (passwords come by standard input: --password-stdin)`
    : complaint;
}

function createCommands(options: ProgramOptions, context: CommandContext): OperatorCommand {
  const { stdout, stderr } = context.terminal;
  const program = new OperatorCommand('latchkey')
    .description('OAuth 2 and OpenID Connect provider')
    .helpOption('-h, --help', 'show help')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // Said by CommandContext, in one line or as JSON.
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 refused (not found, conflict, invalid), 2 wrong usage or configuration,\n3 a store stopped answering in the middle (asking again is safe).',
    );
  if (options.version !== undefined) program.version(options.version, '--version', 'show the version');
  withJson(program.command('serve'))
    .description('start the provider and serve until SIGTERM or SIGINT')
    .action(async ({ json = false }: { json?: boolean }) => {
      context.exitCode = await options.serve({ quiet: json });
    });
  addConfigCommands(program, context);
  addUserCommands(program, context);
  addClientCommands(program, context);
  addRegistrationTokenCommands(program, context);
  addApiCommands(program, context);
  addKeyCommands(program, context);
  addSessionCommands(program, context);
  addGrantCommands(program, context);
  addNotificationCommands(program, context);
  const { configuration, version = 'unknown' } = options;
  addBackupCommand(program, context, { configuration, version });
  addRestoreCommand(program, context, { configuration });
  addTransferCommands(program, context);
  addDoctorCommand(program, context, { configuration });
  return program;
}
