import { externalKeyNames } from '../../../config/external-key-settings.ts';
import { createExternalSigner } from '../../keys/external/external-signer.ts';
import { UnusableExternalKey } from '../../keys/external/external-signer-errors.ts';
import { tryExternalKeys } from '../../keys/external/try-external-keys.ts';
import { isKnown } from '../../keys/key-life.ts';
import { readRecords } from '../../keys/key-store.ts';
import { createLog } from '../../observability/log.ts';
import { type Check, type Finding, fine, problem, warning } from './finding.ts';

/** Keys that are kept elsewhere: each signs, and what is configured is what is used. */
export const externalKeyCheck: Check = async ({ configuration, database }) => {
  const { external } = configuration.keys;
  const names = externalKeyNames(external);
  const records = database === undefined ? [] : await readRecords(database.query);
  if (names.size === 0 && records.every(({ externalKey }) => externalKey === null)) return [];
  const findings: Finding[] = [];
  for (const [algorithm, name] of names) {
    const usable = records.some(
      (each) => each.externalKey === name && (each.state === 'active' || each.state === 'announced'),
    );
    if (usable || !isKnown(records, algorithm, name)) continue;
    findings.push(
      warning(
        'external_keys',
        `${algorithm}: ${name} was replaced or withdrawn, and does not come back by that name`,
        'make another key there and name it in keys.external.keys',
      ),
    );
  }
  const signer = createExternalSigner(external, createLog('silent'));
  try {
    await tryExternalKeys({ rules: { external: names }, signer }, records);
    return [...findings, fine('external_keys', 'each of them signs')];
  } catch (error) {
    if (!(error instanceof UnusableExternalKey)) throw error;
    const advice = 'the server does not start, or answers 503, until it is mended; see docs/external-keys.md';
    return [...findings, problem('external_keys', error.message, advice)];
  } finally {
    await signer?.close();
  }
};
