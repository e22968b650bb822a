import { expect } from 'chai';
import { configurationSchema } from '../../config/configuration.ts';
import type { MetadataPolicy } from '../../lib/clients/configuration-problem.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';

const redirect_uris = ['https://app.example/cb'];
const { keys, features } = configurationSchema.parse({});
const everything: MetadataPolicy = {
  keys,
  features: {
    ...features,
    encryption: true,
    webMessage: true,
    requestUris: true,
    mutualTls: { certificates: 'proxy', proxyVerifies: true },
  },
};
const rsa = { keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB' }] };
const ec = { keys: [{ kty: 'EC', crv: 'P-256', x: 'AQAB', y: 'AQAB' }] };
const ed25519 = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AQAB' }] };
const certified = { keys: [{ ...ec.keys[0], x5c: ['MIIB'] }] };
const dn = { tls_client_auth_subject_dn: 'CN=app' };

const problemOf = (metadata: object, policy = everything): string | undefined => {
  const checked = checkMetadata({ redirect_uris, ...metadata }, policy);
  return checked.outcome === 'refused' ? `${checked.error}: ${checked.description}` : undefined;
};

describe('metadata of signed and encrypted messages, certificates and sectors', () => {
  for (const [what, metadata] of [
    ['encrypted ID tokens', { id_token_encrypted_response_alg: 'RSA-OAEP-256', jwks: rsa }],
    [
      'an encryption by name',
      { id_token_encrypted_response_alg: 'ECDH-ES', id_token_encrypted_response_enc: 'A256GCM', jwks: ec },
    ],
    [
      'encrypted userinfo',
      { userinfo_signed_response_alg: 'ES256', userinfo_encrypted_response_alg: 'ECDH-ES+A256KW', jwks: ec },
    ],
    [
      'keys elsewhere',
      { authorization_encrypted_response_alg: 'RSA-OAEP', jwks_uri: 'https://app.example/jwks' },
    ],
    [
      'signed requests',
      { require_signed_request_object: true, request_object_signing_alg: 'EdDSA', jwks: ed25519 },
    ],
    ['no signed requests', { require_signed_request_object: false }],
    ['signed introspection', { introspection_signed_response_alg: 'RS256' }],
    [
      'signed answers',
      { response_modes: ['jwt', 'form_post.jwt', 'web_message'], authorization_signed_response_alg: 'ES256' },
    ],
    ['a certificate by name', { token_endpoint_auth_method: 'tls_client_auth', ...dn }],
    [
      'a certificate by address',
      { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_ip: '2001:db8::1' },
    ],
    ['a certificate by key', { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: certified }],
    ['bound tokens', { tls_client_certificate_bound_access_tokens: true }],
    [
      'one sector',
      { subject_type: 'pairwise', redirect_uris: [...redirect_uris, 'https://app.example/other'] },
    ],
    [
      'a sector by its URI',
      {
        subject_type: 'pairwise',
        redirect_uris: [...redirect_uris, 'https://b.example/cb'],
        sector_identifier_uri: 'https://app.example/sector',
      },
    ],
    ['scope claims in ID tokens', { id_token_scope_claims: true }],
    ['addresses of requests', { request_uris: ['https://app.example/request#version'] }],
  ] as const) {
    it(`takes ${what}`, () => {
      expect(problemOf(metadata)).to.equal(undefined);
    });
  }

  for (const [what, metadata, words] of [
    [
      'encryption by a secret',
      { id_token_encrypted_response_alg: 'A128KW', jwks: rsa },
      'must be one of RSA-OAEP',
    ],
    ['RSA1_5', { id_token_encrypted_response_alg: 'RSA1_5', jwks: rsa }, 'must be one of'],
    ['encryption to nobody', { id_token_encrypted_response_alg: 'RSA-OAEP-256' }, 'needs jwks or jwks_uri'],
    [
      'encryption to a key of another kind',
      { id_token_encrypted_response_alg: 'RSA-OAEP-256', jwks: ec },
      'needs a key for it',
    ],
    [
      'encryption to a key that only signs',
      { id_token_encrypted_response_alg: 'ECDH-ES', jwks: ed25519 },
      'needs a key for it',
    ],
    [
      'a way to encrypt without a key’s',
      { id_token_encrypted_response_enc: 'A128GCM' },
      'needs id_token_encrypted_response_alg',
    ],
    [
      'encrypted userinfo that is not signed',
      { userinfo_encrypted_response_alg: 'RSA-OAEP', jwks: rsa },
      'needs userinfo_signed_response_alg',
    ],
    [
      'userinfo signed with what is not configured',
      { userinfo_signed_response_alg: 'EdDSA' },
      'must be one of RS256, ES256',
    ],
    [
      'answers that are not signed',
      { authorization_signed_response_alg: 'none' },
      'must be one of RS256, ES256',
    ],
    ['signed requests without a key', { require_signed_request_object: true }, 'needs jwks or jwks_uri'],
    [
      'requests signed with the secret',
      { request_object_signing_alg: 'HS256', jwks: ec },
      'must be one of RS256',
    ],
    ['addresses of requests in the clear', { request_uris: ['http://localhost/request'] }, 'must use https'],
    ['unsigned requests', { request_object_signing_alg: 'none', jwks: ec }, 'must be one of RS256'],
    ['a certificate by no name', { token_endpoint_auth_method: 'tls_client_auth' }, 'exactly one of'],
    [
      'a certificate by two names',
      { token_endpoint_auth_method: 'tls_client_auth', ...dn, tls_client_auth_san_dns: 'a' },
      'exactly one of',
    ],
    ['a name without its method', dn, 'goes with token_endpoint_auth_method tls_client_auth'],
    [
      'an address that is none',
      { token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_san_ip: 'a' },
      'must be an IP address',
    ],
    [
      'a certificate that is not registered',
      { token_endpoint_auth_method: 'self_signed_tls_client_auth', jwks: ec },
      'needs a key with x5c',
    ],
    [
      'a certificate without keys',
      { token_endpoint_auth_method: 'self_signed_tls_client_auth' },
      'needs jwks or jwks_uri',
    ],
    [
      'tokens bound twice',
      { tls_client_certificate_bound_access_tokens: true, dpop_bound_access_tokens: true },
      'exclude each other',
    ],
    [
      'two sectors',
      { subject_type: 'pairwise', redirect_uris: [...redirect_uris, 'https://b.example/cb'] },
      'needs sector_identifier_uri',
    ],
    [
      'a sector that no URI names',
      { subject_type: 'pairwise', application_type: 'native', redirect_uris: ['com.example.app:/cb'] },
      'needs sector_identifier_uri',
    ],
    [
      'a sector over http',
      { subject_type: 'pairwise', sector_identifier_uri: 'http://localhost/sector' },
      'must use https',
    ],
    [
      'a sector for public subjects',
      { sector_identifier_uri: 'https://app.example/sector' },
      'goes with subject_type pairwise',
    ],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(problemOf(metadata))
        .to.match(/^invalid_client_metadata: /)
        .and.to.contain(words);
    });
  }

  it('says which setting would allow what is off', () => {
    const nothing = {
      keys,
      features: {
        ...everything.features,
        requestObjects: 'off' as const,
        requestUris: false,
        jwtResponses: false,
        encryption: false,
        mutualTls: { certificates: 'off' as const, proxyVerifies: false },
      },
    };
    for (const [metadata, setting] of [
      [{ request_object_signing_alg: 'ES256', jwks: ec }, 'features.request_objects'],
      [{ request_uris: ['https://app.example/request'] }, 'features.request_uris'],
      [{ response_modes: ['query.jwt'] }, 'features.jwt_responses'],
      [{ id_token_encrypted_response_alg: 'RSA-OAEP', jwks: rsa }, 'features.encryption'],
      [{ token_endpoint_auth_method: 'tls_client_auth', ...dn }, 'features.mutual_tls.certificates'],
    ] as const) {
      expect(problemOf(metadata, nothing)).to.contain(`needs ${setting}, which is off`);
    }
    const untold = { redirect_uris, request_uris: ['https://app.example/request'] };
    const checked = checkMetadata(untold, nothing, 'ignore');
    expect(checked, 'left out where it is not understood').to.have.property('outcome', 'valid');
    expect(checked).to.not.have.nested.property('metadata.request_uris');
  });
});
