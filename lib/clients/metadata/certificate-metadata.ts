import { isIP } from 'node:net';
import { z } from 'zod';
import type { Configuration } from '../../../config/configuration.ts';

const name = z.string().min(1).max(512).optional();

/** What a client's certificate must say (RFC 8705 §2.1.2), and whether its tokens are bound to it (§3.4). */
export const certificateMembers = {
  tls_client_auth_subject_dn: name,
  tls_client_auth_san_dns: name,
  tls_client_auth_san_uri: name,
  tls_client_auth_san_ip: z
    .string()
    .refine((address) => isIP(address) !== 0, 'must be an IP address')
    .optional(),
  tls_client_auth_san_email: name,
  tls_client_certificate_bound_access_tokens: z.boolean().optional(),
};

/** The members of which one names the certificate's subject. */
const SUBJECT_MEMBERS = [
  'tls_client_auth_subject_dn',
  'tls_client_auth_san_dns',
  'tls_client_auth_san_uri',
  'tls_client_auth_san_ip',
  'tls_client_auth_san_email',
] as const;

/** The members above as a registration has them, and what they go with. */
export interface CertificateMetadata
  extends Partial<Record<(typeof SUBJECT_MEMBERS)[number], string | undefined>> {
  token_endpoint_auth_method?: string | undefined;
  tls_client_certificate_bound_access_tokens?: boolean | undefined;
  dpop_bound_access_tokens?: boolean | undefined;
  jwks?: { keys: ReadonlyArray<Record<string, unknown>> } | undefined;
  jwks_uri?: string | undefined;
}

/** A way to authenticate by a certificate. */
export type CertificateMethod = 'tls_client_auth' | 'self_signed_tls_client_auth';

/**
 * The ways in which a certificate may authenticate a client here. `tls_client_auth` (RFC 8705 §2.1) needs somebody who has
 * verified the certificate: our own TLS against named authorities, or a proxy that the operator says does so.
 */
export function certificateMethods({
  mutualTls,
}: Pick<Configuration['features'], 'mutualTls'>): CertificateMethod[] {
  const { certificates, caFile, proxyVerifies } = mutualTls;
  if (certificates === 'off') return [];
  const verified = certificates === 'tls' ? caFile !== undefined : proxyVerifies;
  return verified ? ['self_signed_tls_client_auth', 'tls_client_auth'] : ['self_signed_tls_client_auth'];
}

/** Why the configuration does not allow these members. */
export function certificateConfigurationProblem(
  metadata: CertificateMetadata,
  features: Pick<Configuration['features'], 'mutualTls'>,
): string | undefined {
  const method = metadata.token_endpoint_auth_method;
  if (method?.endsWith('tls_client_auth') && !(certificateMethods(features) as string[]).includes(method)) {
    return features.mutualTls.certificates === 'off'
      ? `${method} needs features.mutual_tls.certificates, which is off`
      : `${method} needs features.mutual_tls.ca_file or features.mutual_tls.proxy_verifies`;
  }
  if (metadata.tls_client_certificate_bound_access_tokens && features.mutualTls.certificates === 'off') {
    return 'tls_client_certificate_bound_access_tokens needs features.mutual_tls.certificates, which is off';
  }
  return undefined;
}

/** Why these members do not go together, whatever is configured. */
export function certificateConsistencyProblem(metadata: CertificateMetadata): string | undefined {
  const subjects = SUBJECT_MEMBERS.filter((member) => metadata[member] !== undefined);
  const { token_endpoint_auth_method: method, jwks, jwks_uri: jwksUri } = metadata;
  if (method === 'tls_client_auth' && subjects.length !== 1) {
    return `tls_client_auth needs exactly one of ${SUBJECT_MEMBERS.join(', ')} (RFC 8705 §2.1.2)`;
  }
  if (method !== 'tls_client_auth' && subjects[0] !== undefined) {
    return `${subjects[0]} goes with token_endpoint_auth_method tls_client_auth alone`;
  }
  if (method === 'self_signed_tls_client_auth') {
    if (jwks === undefined && jwksUri === undefined) {
      return 'self_signed_tls_client_auth needs jwks or jwks_uri (RFC 8705 §2.2.2)';
    }
    const certified = (key: Record<string, unknown>) => Array.isArray(key.x5c) && key.x5c.length > 0;
    if (jwks !== undefined && !jwks.keys.some(certified)) {
      return 'self_signed_tls_client_auth needs a key with x5c, the certificate, in jwks (RFC 8705 §2.2.2)';
    }
  }
  if (metadata.tls_client_certificate_bound_access_tokens && metadata.dpop_bound_access_tokens) {
    return 'dpop_bound_access_tokens and tls_client_certificate_bound_access_tokens exclude each other';
  }
  return undefined;
}
