/**
 * The configuration cannot be used. `problems` holds one line for each thing that is wrong; each names its key, and
 * none repeats a secret. Whoever starts the program prints them and stops; a stack trace would tell nothing more.
 */
export class ConfigurationError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    // A file or key name may hold a line break; a problem may not.
    const lines = problems.map((problem) => problem.replace(/\s*[\r\n]+\s*/g, ' '));
    super(lines.join('\n'));
    this.name = 'ConfigurationError';
    this.problems = lines;
  }
}
