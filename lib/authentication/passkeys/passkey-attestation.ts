import { readFileSync } from 'node:fs';
import type { RegistrationResponseJSON } from '@simplewebauthn/server';
import type { Configuration } from '../../../config/configuration.ts';

/** What makers of authenticators sign in; SafetyNet is not among them any more. */
const FORMATS = ['packed', 'tpm', 'android-key', 'apple', 'fido-u2f'] as const;

/** What the operator wants to know about authenticators (WebAuthn Level 3 §6.5). */
export interface AttestationPolicy {
  /** What the browser is asked for. */
  readonly conveyance: 'none' | 'direct';
  /** The answer as it is to be verified. */
  prepare(response: RegistrationResponseJSON): Promise<RegistrationResponseJSON>;
  /** Whether an authenticator whose answer was verified may be used. */
  accepts(attestation: { aaguid: string; attestationObject: Uint8Array }): Promise<boolean>;
}

/** No questions asked: statements are left out before anything is verified, so that no certificate of a stranger is ever looked at. */
const WITHOUT: AttestationPolicy = {
  conveyance: 'none',
  async prepare(given) {
    const { decodeAttestationObject, isoBase64URL, isoCBOR } = await import('@simplewebauthn/server/helpers');
    const { response } = given;
    const authData = decodeAttestationObject(isoBase64URL.toBuffer(response.attestationObject)).get(
      'authData',
    );
    const stripped = isoCBOR.encode(
      new Map<string, string | Map<string, string> | Uint8Array>([
        ['fmt', 'none'],
        ['attStmt', new Map<string, string>()],
        ['authData', authData],
      ]),
    );
    return { ...given, response: { ...response, attestationObject: isoBase64URL.fromBuffer(stripped) } };
  },
  accepts: async () => true,
};

/** The policy of this configuration. Reads the makers' certificates now. */
export function attestationPolicy(configuration: Configuration['passkeys']): AttestationPolicy {
  const { attestation, attestationRootsFile, allowedAaguids } = configuration;
  if (attestation === 'none' || attestationRootsFile === undefined) return WITHOUT;
  const certificates = certificatesIn(readFileSync(attestationRootsFile, 'utf8'));
  const allowed = new Set(allowedAaguids);
  let told = false;
  return {
    conveyance: 'direct',
    async prepare(response) {
      const { SettingsService } = await import('@simplewebauthn/server');
      // In place of the library's own: who is trusted is the operator's choice alone.
      if (!told)
        for (const identifier of FORMATS) SettingsService.setRootCertificates({ identifier, certificates });
      told = true;
      return response;
    },
    async accepts({ aaguid, attestationObject }) {
      const { decodeAttestationObject } = await import('@simplewebauthn/server/helpers');
      const decoded = decodeAttestationObject(Uint8Array.from(attestationObject));
      // Without a chain the authenticator vouches for itself, which any program can do.
      const isVouchedFor =
        FORMATS.some((format) => format === decoded.get('fmt')) &&
        decoded.get('attStmt').get('x5c') !== undefined;
      return isVouchedFor && (allowed.size === 0 || allowed.has(aaguid));
    },
  };
}

function certificatesIn(pem: string): string[] {
  return pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
}
