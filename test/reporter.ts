import Mocha from 'mocha';

const { EVENT_RUN_END, EVENT_TEST_RETRY } = Mocha.Runner.constants;

/**
 * Prints a run as mocha's own reporter does, and names at its end each test that passed at its second try alone: it
 * depends on something that it does not wait for, and is to be mended as if it had failed.
 */
class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options: Mocha.MochaOptions) {
    super(runner, options);
    const retried: string[] = [];
    runner.on(EVENT_TEST_RETRY, (test: Mocha.Test, error: Error) => {
      retried.push(`  ${test.fullTitle()}\n    ${error.message.replaceAll('\n', '\n    ')}`);
    });
    runner.on(EVENT_RUN_END, () => {
      if (retried.length > 0) process.stdout.write(`  tried again:\n\n${retried.join('\n\n')}\n\n`);
    });
  }
}

// Mocha loads a reporter by `require`.
export { Reporter as 'module.exports' };
