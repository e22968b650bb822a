import { createHmac } from 'node:crypto';
import type { Configuration as EngineConfiguration } from 'oidc-provider';

/**
 * Subjects that differ from sector to sector (OpenID Connect Core §8.1): a MAC over sector and person, so that nobody without
 * the key can tell whose it is, or match those of two sectors. `key` must outlive every key rotation, since
 * applications know people by these names. A sector identifier URI is the operator's word, who registers clients: it is not
 * fetched, and no client depends on whether that address answers.
 */
export function pairwiseSubjects(
  enabled: boolean,
  key: Buffer,
): Pick<EngineConfiguration, 'subjectTypes' | 'pairwiseIdentifier' | 'sectorIdentifierUriValidate'> {
  return {
    subjectTypes: enabled ? ['public', 'pairwise'] : ['public'],
    sectorIdentifierUriValidate: () => false,
    pairwiseIdentifier: async (_ctx, sub, client) =>
      createHmac('sha256', key).update(`${client.sectorIdentifier}\n${sub}`).digest('base64url'),
  };
}
