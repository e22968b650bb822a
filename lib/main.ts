/**
 * The program: a command line whose `serve` is the provider. Composition only; what things do is in the rooms.
 */
import { loadConfiguration } from '../config/load.ts';
import packageJson from '../package.json' with { type: 'json' };
import { createProgram } from './cli/program.ts';
import { createLog } from './observability/log.ts';
import { openRooms } from './rooms.ts';
import { serve } from './serve.ts';

const program = createProgram({
  version: packageJson.version,
  // Commands print their answer; what the rooms would log beside it is for the server's log.
  open: () => openRooms(loadConfiguration(), createLog('silent')),
  serve: () => serve(loadConfiguration()),
});

process.exitCode = await program.run(process.argv.slice(2));
