import type { Configuration as EngineConfiguration } from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import {
  CLIENT_SIGNATURE_ALGORITHMS,
  CONTENT_ENCRYPTION_ALGORITHMS,
  KEY_ENCRYPTION_ALGORITHMS,
} from '../clients/algorithms.ts';

/** What DPoP proofs may be signed with (RFC 9449 §4.3; those of FAPI 2.0 Security Profile §5.4.1). */
export const PROOF_ALGORITHMS = ['ES256', 'PS256', 'EdDSA', 'Ed25519'] as const;

/**
 * The algorithms of everything that is signed or encrypted (ASVS 5.0 11.3 and 9.1.2). The provider signs with those it
 * keeps keys for. `none` is in no list, and MACs, for which the provider would have to know a client's secret, only where a
 * client authenticates by one.
 */
export function enabledAlgorithms(
  keys: Pick<Configuration['keys'], 'algorithms'>,
): NonNullable<EngineConfiguration['enabledJWA']> {
  // The engine's types name each list's values one by one, to the same end.
  const own = [...keys.algorithms] as 'RS256'[];
  const byClients = [...CLIENT_SIGNATURE_ALGORITHMS] as unknown as 'RS256'[];
  const keyEncryption = [...KEY_ENCRYPTION_ALGORITHMS] as unknown as 'RSA-OAEP'[];
  const contentEncryption = [...CONTENT_ENCRYPTION_ALGORITHMS] as unknown as 'A128GCM'[];
  return {
    clientAuthSigningAlgValues: ['HS256', ...byClients],
    idTokenSigningAlgValues: own,
    userinfoSigningAlgValues: own,
    introspectionSigningAlgValues: own,
    authorizationSigningAlgValues: own,
    requestObjectSigningAlgValues: byClients,
    dPoPSigningAlgValues: [...PROOF_ALGORITHMS],
    attestSigningAlgValues: byClients,
    idTokenEncryptionAlgValues: keyEncryption,
    userinfoEncryptionAlgValues: keyEncryption,
    introspectionEncryptionAlgValues: keyEncryption,
    authorizationEncryptionAlgValues: keyEncryption,
    requestObjectEncryptionAlgValues: keyEncryption,
    idTokenEncryptionEncValues: contentEncryption,
    userinfoEncryptionEncValues: contentEncryption,
    introspectionEncryptionEncValues: contentEncryption,
    authorizationEncryptionEncValues: contentEncryption,
    requestObjectEncryptionEncValues: contentEncryption,
  };
}

/** What the provider signs with for a client that did not register an algorithm. */
export function defaultAlgorithms(
  keys: Pick<Configuration['keys'], 'algorithms'>,
): NonNullable<EngineConfiguration['clientDefaults']> {
  const algorithm = (keys.algorithms[0] ?? 'RS256') as 'RS256';
  return {
    id_token_signed_response_alg: algorithm,
    introspection_signed_response_alg: algorithm,
    authorization_signed_response_alg: algorithm,
  };
}
