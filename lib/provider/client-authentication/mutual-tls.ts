import type Koa from 'koa';
import type { Configuration as EngineConfiguration, KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import { certificateMethods } from '../../clients/metadata/certificate-metadata.ts';
import { alternativeNameMatches, clientCertificateOf, subjectNameMatches } from './client-certificate.ts';

type Features = NonNullable<EngineConfiguration['features']>;

const certificateOf = (ctx: KoaContextWithOIDC) => clientCertificateOf(ctx as unknown as Koa.Context);

/** Clients that authenticate by a certificate, and access tokens that are bound to one (RFC 8705). */
export function mutualTls(features: Configuration['features']): Features['mTLS'] {
  const methods = certificateMethods(features);
  if (methods.length === 0) return { enabled: false };
  return {
    enabled: true,
    certificateBoundAccessTokens: true,
    selfSignedTlsClientAuth: true,
    tlsClientAuth: methods.includes('tls_client_auth'),
    getCertificate: (ctx) => certificateOf(ctx)?.certificate,
    certificateAuthorized: (ctx) => certificateOf(ctx)?.verified === true,
    certificateSubjectMatches: (ctx, property, expected) => {
      const certificate = certificateOf(ctx)?.certificate;
      if (certificate === undefined) return false;
      switch (property) {
        case 'tls_client_auth_subject_dn':
          return subjectNameMatches(certificate, expected);
        case 'tls_client_auth_san_dns':
          return alternativeNameMatches(certificate, 'DNS', expected);
        case 'tls_client_auth_san_uri':
          return alternativeNameMatches(certificate, 'URI', expected);
        case 'tls_client_auth_san_ip':
          return alternativeNameMatches(certificate, 'IP Address', expected);
        case 'tls_client_auth_san_email':
          return alternativeNameMatches(certificate, 'email', expected);
        default:
          return false;
      }
    },
  };
}
