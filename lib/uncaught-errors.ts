import { createReference } from './observability/error-reference.ts';
import type { Log } from './observability/log.ts';

/** sysexits.h EX_SOFTWARE: a bug, as opposed to what an operator can mend. */
const EXIT_CODE = 70;

/**
 * Ends the process at an error that nobody caught: what it holds in memory is not to be relied on any more, and everything that was
 * promised is in the stores. It is said under a reference first; whoever supervises starts another process.
 */
export function endAtUncaughtErrors(log: Log): void {
  const end = (err: unknown, message: string): never => {
    try {
      log.fatal({ err, reference: createReference() }, message);
    } finally {
      process.exit(EXIT_CODE);
    }
  };
  process.on('uncaughtException', (error) => end(error, 'uncaught exception: this process ends'));
  process.on('unhandledRejection', (reason) => end(reason, 'unhandled rejection: this process ends'));
}
