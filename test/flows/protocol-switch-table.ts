import { exportJWK, generateKeyPair } from 'jose';

/** Every switch off, and every one on. */
export const OFF = {
  LATCHKEY_FEATURES_REQUEST_OBJECTS: 'off',
  LATCHKEY_FEATURES_REQUEST_URIS: 'false',
  LATCHKEY_FEATURES_CLAIMS_PARAMETER: 'false',
  LATCHKEY_FEATURES_JWT_RESPONSES: 'false',
  LATCHKEY_FEATURES_JWT_USERINFO: 'false',
  LATCHKEY_FEATURES_JWT_INTROSPECTION: 'false',
  LATCHKEY_FEATURES_ENCRYPTION: 'false',
  LATCHKEY_FEATURES_WEB_MESSAGE: 'false',
  LATCHKEY_FEATURES_PAIRWISE_SUBJECTS: 'false',
  LATCHKEY_FEATURES_DPOP_NONCES: 'off',
  LATCHKEY_FEATURES_BACKCHANNEL_LOGOUT: 'false',
  LATCHKEY_FEATURES_FRONTCHANNEL_LOGOUT: 'false',
  LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'off',
};
export const ON = {
  LATCHKEY_FEATURES_REQUEST_OBJECTS: 'optional',
  LATCHKEY_FEATURES_REQUEST_URIS: 'true',
  LATCHKEY_FEATURES_CLAIMS_PARAMETER: 'true',
  LATCHKEY_FEATURES_JWT_RESPONSES: 'true',
  LATCHKEY_FEATURES_JWT_USERINFO: 'true',
  LATCHKEY_FEATURES_JWT_INTROSPECTION: 'true',
  LATCHKEY_FEATURES_ENCRYPTION: 'true',
  LATCHKEY_FEATURES_WEB_MESSAGE: 'true',
  LATCHKEY_FEATURES_PAIRWISE_SUBJECTS: 'true',
  LATCHKEY_FEATURES_DPOP_NONCES: 'optional',
  LATCHKEY_FEATURES_BACKCHANNEL_LOGOUT: 'true',
  LATCHKEY_FEATURES_FRONTCHANNEL_LOGOUT: 'true',
  LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy',
  LATCHKEY_TRUSTED_PROXIES: 'loopback',
};

export type Metadata = Record<string, unknown>;

const jwksOf = async (...algorithms: string[]) => ({
  keys: await Promise.all(
    algorithms.map(async (alg) => {
      const { publicKey } = await generateKeyPair(alg, { extractable: true });
      return { ...(await exportJWK(publicKey)), alg, use: alg.startsWith('RSA') ? 'enc' : 'sig' };
    }),
  ),
});

/** What each switch allows to register, and what the provider then says of itself. */
export const SWITCHES: {
  setting: string;
  registration: () => Promise<Metadata> | Metadata;
  told: (metadata: Metadata) => unknown;
}[] = [
  {
    setting: 'request_objects',
    registration: async () => ({ require_signed_request_object: true, jwks: await jwksOf('ES256') }),
    told: (metadata) => metadata.request_object_signing_alg_values_supported,
  },
  {
    setting: 'request_uris',
    registration: () => ({ request_uris: ['https://app.example/request'] }),
    told: (metadata) => metadata.request_uri_parameter_supported,
  },
  {
    setting: 'backchannel_logout',
    registration: () => ({ backchannel_logout_uri: 'http://localhost:9/logout' }),
    told: (metadata) => metadata.backchannel_logout_supported,
  },
  {
    setting: 'frontchannel_logout',
    registration: () => ({ frontchannel_logout_uri: 'http://localhost:9/logout' }),
    told: (metadata) => metadata.frontchannel_logout_supported,
  },
  {
    setting: 'jwt_responses',
    registration: () => ({ response_modes: ['jwt'] }),
    told: (metadata) => (metadata.response_modes_supported as string[]).includes('jwt'),
  },
  {
    setting: 'jwt_userinfo',
    registration: () => ({ userinfo_signed_response_alg: 'ES256' }),
    told: (metadata) => metadata.userinfo_signing_alg_values_supported,
  },
  {
    setting: 'jwt_introspection',
    registration: () => ({ introspection_signed_response_alg: 'ES256' }),
    told: (metadata) => metadata.introspection_signing_alg_values_supported,
  },
  {
    setting: 'encryption',
    registration: async () => ({
      id_token_encrypted_response_alg: 'RSA-OAEP-256',
      jwks: await jwksOf('RSA-OAEP-256'),
    }),
    told: (metadata) => metadata.id_token_encryption_alg_values_supported,
  },
  {
    setting: 'web_message',
    registration: () => ({ response_modes: ['web_message'] }),
    told: (metadata) => (metadata.response_modes_supported as string[]).includes('web_message'),
  },
  {
    setting: 'pairwise_subjects',
    registration: () => ({ subject_type: 'pairwise' }),
    told: (metadata) => (metadata.subject_types_supported as string[]).includes('pairwise'),
  },
  {
    setting: 'mutual_tls',
    registration: () => ({ tls_client_certificate_bound_access_tokens: true }),
    told: (metadata) => metadata.tls_client_certificate_bound_access_tokens,
  },
];
