import type { Configuration } from '../../../config/configuration.ts';
import { ConfigurationError } from '../../../config/configuration-error.ts';
import { DENIED_ADVICE, directoryProblem } from '../../database/directory-problem.ts';
import { type InspectedDatabase, inspectSqlite } from '../../database/inspection.ts';
import { claimDataDirectory } from '../../database/sqlite/data-directory-lock.ts';
import { ldapCheck } from './directory-checks.ts';
import { externalKeyCheck } from './external-key-check.ts';
import { type Check, type Finding, fine, type Patient, problem } from './finding.ts';
import { diskCheck, fileModeCheck, leftoverCheck, runtimeCheck } from './installation-checks.ts';
import { certificateCheck, issuerCheck, proxyCheck, readinessCheck } from './issuer-checks.ts';
import { encryptionKeyCheck, signingKeyCheck } from './key-checks.ts';
import { mailCheck } from './mail-check.ts';
import { registrationCheck } from './registration-checks.ts';
import { postgresFindings, redisCheck, schemaCheck, sqliteCheck } from './store-checks.ts';
import { upstreamCheck } from './upstream-checks.ts';

type NamedCheck = readonly [name: string, check: Check];

/** Made before the database is opened, for which SQLite makes files of its own. */
const CHECKS_OF_FILES: ReadonlyArray<NamedCheck> = [
  ['runtime', runtimeCheck],
  ['file_modes', fileModeCheck],
  ['disk', diskCheck],
  ['restores', leftoverCheck],
];

/** In the order in which they are told. */
const CHECKS: ReadonlyArray<NamedCheck> = [
  ['sqlite', sqliteCheck],
  ['schema', schemaCheck],
  ['redis', redisCheck],
  ['ldap', ldapCheck],
  ['encryption_key', encryptionKeyCheck],
  ['signing_keys', signingKeyCheck],
  ['external_keys', externalKeyCheck],
  ['registrations', registrationCheck],
  ['trusted_proxies', proxyCheck],
  ['readiness', readinessCheck],
  ['tls', certificateCheck],
  ['issuer', issuerCheck],
  ['upstream', upstreamCheck],
  ['mail', mailCheck],
];

const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/**
 * Looks at everything, changes nothing. A check that cannot be made is a problem itself; the others are made all the same.
 */
export async function examine(sources: {
  configuration: () => Configuration;
  secretFiles: () => string[];
}): Promise<Finding[]> {
  let configuration: Configuration;
  try {
    configuration = sources.configuration();
    if (configuration.viewsDir !== undefined) {
      const { openViews } = await import('../../http/pages/open-views.ts');
      openViews(configuration);
    }
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems.map((each) =>
      problem('configuration', each, 'docs/configuration.md describes every setting; then look again'),
    );
  }
  const findings = [fine('configuration', 'it can be used')];
  const patient: Patient = {
    configuration,
    secretFiles: sources.secretFiles(),
    database: undefined,
    inUse: isInUse(configuration.dataDir),
    now: Date.now(),
  };
  for (const [name, check] of CHECKS_OF_FILES) findings.push(...(await run(name, check, patient)));
  patient.database = await openDirectory(configuration, findings);
  try {
    for (const [name, check] of CHECKS) findings.push(...(await run(name, check, patient)));
  } finally {
    await patient.database?.close();
  }
  return findings;
}

async function run(name: string, check: Check, patient: Patient): Promise<Finding[]> {
  try {
    return await check(patient);
  } catch (error) {
    const isDenied = directoryProblem(error, patient.configuration.dataDir)?.isDenied === true;
    const advice = isDenied ? DENIED_ADVICE : 'see to the other problems first';
    return [problem(name, `could not be looked at: ${wordsOf(error)}`, advice)];
  }
}

/** Only who has the directory for itself for a moment knows that nobody else has it open. */
function isInUse(dataDir: string): boolean {
  try {
    const claim = claimDataDirectory(dataDir);
    claim?.release();
    return claim === undefined;
  } catch {
    return false;
  }
}

/** Undefined when there is none yet, when it cannot be opened (a finding then), or when it was never migrated. */
async function openDirectory(
  configuration: Configuration,
  findings: Finding[],
): Promise<InspectedDatabase | undefined> {
  const { databaseUrl, dataDir } = configuration;
  try {
    if (databaseUrl === undefined) return inspectSqlite(dataDir);
    // Loaded by those who have a PostgreSQL alone, like its driver.
    const { inspectPostgres } = await import('../../database/postgres/postgres-inspection.ts');
    const inspected = await inspectPostgres(databaseUrl, configuration.database);
    findings.push(...postgresFindings(inspected.facts, configuration));
    if (inspected.facts.hasSchema) return inspected;
    await inspected.close();
    return undefined;
  } catch (error) {
    const ofDirectory = databaseUrl === undefined ? directoryProblem(error, dataDir) : undefined;
    if (ofDirectory?.isDenied) {
      findings.push(problem('sqlite', ofDirectory.line, DENIED_ADVICE));
      return undefined;
    }
    const [check, advice] =
      databaseUrl === undefined
        ? [
            'sqlite',
            'make room where the disk is full; if the file is damaged, stop the server and restore a backup',
          ]
        : [
            'postgres',
            'until it answers, what is remembered serves for database.staleness, then answers are 503',
          ];
    findings.push(
      problem(check as string, `the database cannot be opened: ${wordsOf(error)}`, advice as string),
    );
    return undefined;
  }
}
