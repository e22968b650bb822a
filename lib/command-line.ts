/**
 * The command line over the rooms. Composition only; what commands do is in lib/cli. What a command does not need is not
 * loaded: the protocol engine and the pages take most of the time that a start takes.
 */
import type { Configuration } from '../config/configuration.ts';
import { loadConfiguration } from '../config/load.ts';
import packageJson from '../package.json' with { type: 'json' };
import { createProgram } from './cli/program.ts';
import { createLog } from './observability/log.ts';
import { configurationOfPrimary } from './processes/worker-link.ts';

/** Runs one command line (without the interpreter and the script); answers its exit code. */
export function runCommandLine(commandLine: ReadonlyArray<string>): Promise<number> {
  return createProgram({
    version: packageJson.version,
    configuration: () => loadConfiguration(),
    // Commands print their answer; what the rooms would log beside it is for the server's log.
    open: async () => {
      const configuration = loadConfiguration();
      const { openRooms } = await import('./rooms.ts');
      return openRooms(configuration, createLog('silent'));
    },
    serve: async (options) => {
      const configuration =
        ((await configurationOfPrimary()) as Configuration | undefined) ?? loadConfiguration();
      const { serve } = await import('./serve.ts');
      return serve(configuration, { ...options, read: () => loadConfiguration() });
    },
  }).run(commandLine);
}
