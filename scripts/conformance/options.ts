/** The command line of `npm run conformance`. */
import { parseArgs } from 'node:util';
import { PLANS } from './plans.ts';

export interface Options {
  suite: string;
  /** PEM file: the certificate of the suite, or of who signed it. */
  suiteCertificate: string | undefined;
  plans: string[];
  /** Only modules whose name contains this. */
  only: string | undefined;
  parallel: number;
  browser: 'suite' | 'chromium';
  junit: string;
  /** Where the run's data and logs stay; a temporary folder that goes when undefined. */
  folder: string | undefined;
}

export const usage = `usage: npm run conformance -- --suite URL [options]

  --suite URL               the conformance suite's public address; its host must not be localhost
  --suite-certificate FILE  PEM file with the suite's certificate, if no public authority signed it
  --plans a,b               only these plans, each a name or the beginning of names with a * (default: all)
  --module TEXT             only modules whose name contains this
  --parallel N              plans run at once (default 4)
  --browser NAME            whose browser clicks: the suite's own (suite, default) or a real one (chromium)
  --junit FILE              where to write the results as JUnit XML (default conformance-results/junit.xml)
  --folder DIR              keep the run's data and logs there; a new or an empty folder
  --list                    print the names of the plans

The suite's bearer token, where it wants one, is read from the variable CONFORMANCE_TOKEN.
`;

/** Thrown for a command line that cannot be followed; its message is meant for the person who typed it. */
export class UsageError extends Error {}

/** `help` and `list` when these were asked for. Throws UsageError. */
export function parseOptions(commandLine: string[]): Options | 'help' | 'list' {
  const { values } = parse(commandLine);
  if (values.help) return 'help';
  if (values.list) return 'list';
  return {
    suite: suiteAddress(values.suite),
    suiteCertificate: values['suite-certificate'],
    plans: chosenPlans(values.plans),
    only: values.module,
    parallel: whole(values.parallel),
    browser: browserName(values.browser),
    junit: values.junit,
    folder: values.folder,
  };
}

function parse(commandLine: string[]) {
  try {
    return parseArgs({
      args: commandLine,
      options: {
        suite: { type: 'string' },
        'suite-certificate': { type: 'string' },
        plans: { type: 'string', default: '*' },
        module: { type: 'string' },
        parallel: { type: 'string', default: '4' },
        browser: { type: 'string', default: 'suite' },
        junit: { type: 'string', default: 'conformance-results/junit.xml' },
        folder: { type: 'string' },
        list: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function suiteAddress(given: string | undefined): string {
  const url = URL.parse(given ?? '');
  if (url === null || url.protocol !== 'https:') {
    throw new UsageError('--suite: the https address of a running conformance suite');
  }
  // Redirect URIs of web applications with implicit response types must not be on localhost
  // (OpenID Connect Dynamic Client Registration §2).
  if (url.hostname === 'localhost') {
    throw new UsageError('--suite: the suite must be known by another name than localhost');
  }
  return url.href.replace(/\/+$/, '');
}

function chosenPlans(names: string): string[] {
  const chosen = names.split(',').map((name) => {
    const wanted = name.trim();
    const matches = PLANS.map(({ id }) => id).filter((id) =>
      wanted.endsWith('*') ? id.startsWith(wanted.slice(0, -1)) : id === wanted,
    );
    if (matches.length === 0) throw new UsageError(`--plans: unknown ${wanted}; --list prints them`);
    return matches;
  });
  return [...new Set(chosen.flat())];
}

function whole(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1 || number > 64) {
    throw new UsageError(`--parallel: a whole number from 1 to 64, not ${value}`);
  }
  return number;
}

function browserName(value: string): Options['browser'] {
  if (value === 'suite' || value === 'chromium') return value;
  throw new UsageError(`--browser: suite or chromium, not ${value}`);
}
