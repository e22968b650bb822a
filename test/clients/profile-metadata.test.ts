import { expect } from 'chai';
import { configurationSchema } from '../../config/configuration.ts';
import type { MetadataPolicy } from '../../lib/clients/configuration-problem.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';

const { keys, features } = configurationSchema.parse({});
const policy: MetadataPolicy = {
  keys,
  features: {
    ...features,
    responseTypes: 'all',
    mutualTls: { certificates: 'proxy', proxyVerifies: true },
    ciba: { ...features.ciba, enabled: true },
  },
};
const serverWide = (profile: MetadataPolicy['features']['profile']): MetadataPolicy => ({
  ...policy,
  features: { ...policy.features, responseTypes: 'code', profile },
});

const given = {
  redirect_uris: ['https://app.example/cb'],
  jwks: { keys: [{ kty: 'EC', crv: 'P-256', x: 'AQAB', y: 'AQAB' }] },
};
const SECURITY = { ...given, profile: 'fapi2-security' };
const SIGNING = { ...given, profile: 'fapi2-message-signing' };
const ADVANCED = { ...given, profile: 'fapi1-advanced' };
const CIBA = {
  ...given,
  redirect_uris: [],
  profile: 'fapi-ciba',
  grant_types: ['urn:openid:params:grant-type:ciba'],
  backchannel_token_delivery_mode: 'poll',
};
const hybrid = { response_types: ['code id_token'], grant_types: ['authorization_code', 'implicit'] };

describe('a registration with a profile', () => {
  for (const [what, metadata, filled] of [
    [
      'FAPI 2.0 Security Profile',
      SECURITY,
      {
        token_endpoint_auth_method: 'private_key_jwt',
        dpop_bound_access_tokens: true,
        require_pushed_authorization_requests: true,
        id_token_signed_response_alg: 'ES256',
      },
    ],
    [
      'FAPI 2.0 Security Profile with certificates',
      { ...SECURITY, token_endpoint_auth_method: 'tls_client_auth', tls_client_auth_subject_dn: 'CN=a' },
      { tls_client_certificate_bound_access_tokens: true },
    ],
    [
      'FAPI 2.0 Message Signing',
      SIGNING,
      {
        require_signed_request_object: true,
        require_pushed_authorization_requests: true,
        response_modes: ['jwt'],
        authorization_signed_response_alg: 'ES256',
        introspection_signed_response_alg: 'ES256',
      },
    ],
    [
      'FAPI 1.0 Advanced',
      ADVANCED,
      {
        require_signed_request_object: true,
        tls_client_certificate_bound_access_tokens: true,
        response_modes: ['jwt'],
      },
    ],
    [
      'FAPI-CIBA',
      CIBA,
      {
        token_endpoint_auth_method: 'private_key_jwt',
        tls_client_certificate_bound_access_tokens: true,
        require_signed_request_object: true,
        id_token_signed_response_alg: 'ES256',
      },
    ],
    [
      'FAPI-CIBA beside a flow through the browser',
      {
        ...CIBA,
        redirect_uris: given.redirect_uris,
        grant_types: [...CIBA.grant_types, 'authorization_code'],
      },
      { response_modes: ['jwt'] },
    ],
    [
      'FAPI 1.0 Advanced with detached signatures',
      { ...ADVANCED, ...hybrid },
      { require_signed_request_object: true },
    ],
  ] as const) {
    it(`is given what the profile asks for: ${what}`, () => {
      const checked = checkMetadata(metadata, policy);
      expect(checked, JSON.stringify(checked)).to.include({ outcome: 'valid' });
      if (checked.outcome === 'valid') expect(checked.metadata).to.deep.include(filled);
    });
  }

  it('has no defaults of a profile where a client asks for no code', () => {
    const checked = checkMetadata(
      { ...SIGNING, redirect_uris: [], grant_types: ['client_credentials'] },
      policy,
    );
    if (checked.outcome !== 'valid') throw new Error(checked.description);
    expect(checked.metadata).to.include({ dpop_bound_access_tokens: true });
    expect(checked.metadata).to.not.have.any.keys(
      'require_pushed_authorization_requests',
      'require_signed_request_object',
    );
  });

  const shortKey = { keys: [{ kty: 'RSA', n: Buffer.alloc(128, 1).toString('base64url'), e: 'AQAB' }] };
  for (const [what, metadata, words, under = policy] of [
    ['a public client', { ...SECURITY, token_endpoint_auth_method: 'none' }, 'items 3 and 6'],
    ['a client secret', { ...SECURITY, token_endpoint_auth_method: 'client_secret_basic' }, 'items 3 and 6'],
    [
      'bearer tokens',
      { ...SECURITY, dpop_bound_access_tokens: false, tls_client_certificate_bound_access_tokens: false },
      'dpop_bound_access_tokens or',
    ],
    ['requests that are not pushed', { ...SECURITY, require_pushed_authorization_requests: false }, 'item 3'],
    ['a hybrid flow', { ...SECURITY, ...hybrid }, 'response_types must be code (FAPI 2.0'],
    ['plain http', { ...SECURITY, redirect_uris: ['http://localhost/cb'] }, 'redirect_uris must use https'],
    ['ID tokens by RS256', { ...SECURITY, id_token_signed_response_alg: 'RS256' }, 'must be one of PS256'],
    [
      'assertions by RS256',
      { ...SECURITY, token_endpoint_auth_signing_alg: 'RS256' },
      'token_endpoint_auth_signing_alg must',
    ],
    [
      'requests by RS256',
      { ...SECURITY, request_object_signing_alg: 'RS256' },
      'request_object_signing_alg must',
    ],
    ['a short RSA key', { ...SECURITY, jwks: shortKey }, 'less than 2048 bits'],
    [
      'unsigned requests',
      { ...SIGNING, require_signed_request_object: false },
      'needs require_signed_request_object',
    ],
    [
      'answers signed by RS256',
      { ...SIGNING, authorization_signed_response_alg: 'RS256' },
      'authorization_signed_response_alg must',
    ],
    ['FAPI 1.0 with DPoP', { ...ADVANCED, dpop_bound_access_tokens: true }, 'needs tls_client_certificate'],
    [
      'FAPI 1.0 with a secret',
      { ...ADVANCED, token_endpoint_auth_method: 'client_secret_jwt' },
      'token_endpoint_auth_method must be',
    ],
    [
      'FAPI 1.0 with plain answers',
      { ...ADVANCED, response_modes: ['query'] },
      'response_modes that are signed',
    ],
    [
      'FAPI 1.0 with tokens in the front channel',
      { ...ADVANCED, ...hybrid, response_types: ['code id_token token'] },
      'code or code id_token',
    ],
    ['FAPI 1.0 with plain http', { ...ADVANCED, redirect_uris: ['http://localhost/cb'] }, 'must use https'],
    [
      'FAPI 1.0 with unsigned requests',
      { ...ADVANCED, require_signed_request_object: false },
      'needs require_signed_request_object',
    ],
    [
      'FAPI-CIBA with unsigned requests',
      { ...CIBA, require_signed_request_object: false },
      'needs require_signed_request_object',
    ],
    [
      'FAPI-CIBA with requests by RS256',
      { ...CIBA, backchannel_authentication_request_signing_alg: 'RS256' },
      'backchannel_authentication_request_signing_alg must',
    ],
    ['FAPI-CIBA with DPoP', { ...CIBA, dpop_bound_access_tokens: true }, 'needs tls_client_certificate'],
    [
      'FAPI-CIBA with a secret',
      { ...CIBA, token_endpoint_auth_method: 'client_secret_basic' },
      'must be one',
    ],
    [
      'FAPI-CIBA in public',
      { ...CIBA, token_endpoint_auth_method: 'none' },
      'must be one of private_key_jwt',
    ],
    [
      'FAPI-CIBA with plain answers in the browser',
      {
        ...CIBA,
        redirect_uris: given.redirect_uris,
        grant_types: [...CIBA.grant_types, 'authorization_code'],
        response_modes: ['query'],
      },
      'response_modes that are signed',
    ],
    [
      'FAPI 1.0 with EdDSA',
      { ...ADVANCED, request_object_signing_alg: 'EdDSA' },
      'must be one of PS256, ES256',
    ],
    [
      'a server that signs with RS256 alone',
      SECURITY,
      'in keys.algorithms',
      { ...policy, keys: { ...keys, algorithms: ['RS256'] } },
    ],
    [
      'a client beside the server’s profile',
      ADVANCED,
      'features.profile is fapi2-security',
      serverWide('fapi2-security'),
    ],
    [
      'a client below the server’s profile',
      SECURITY,
      'features.profile is fapi2-message-signing',
      serverWide('fapi2-message-signing'),
    ],
    [
      'a secret, by the server’s profile',
      { ...given, token_endpoint_auth_method: 'client_secret_basic' },
      'profile fapi2-security',
      serverWide('fapi2-security'),
    ],
  ] as [string, object, string, MetadataPolicy?][]) {
    it(`is refused with one line: ${what}`, () => {
      const checked = checkMetadata(metadata, under);
      expect(checked).to.include({ outcome: 'refused', error: 'invalid_client_metadata' });
      if (checked.outcome !== 'refused') return;
      expect(checked.description)
        .to.match(/^profile [\w-]+: /)
        .and.to.include(words);
      expect(checked.description.split('\n')).to.have.length(1);
    });
  }

  it('may go beyond the server’s, and its response types are there', () => {
    expect(checkMetadata(SIGNING, serverWide('fapi2-security'))).to.include({ outcome: 'valid' });
    expect(checkMetadata({ ...given, ...hybrid }, serverWide('fapi1-advanced'))).to.include({
      outcome: 'valid',
    });
    expect(checkMetadata({ ...given, ...hybrid }, serverWide('fapi2-security'))).to.include({
      outcome: 'refused',
    });
    const { profile: _named, ...backchannel } = CIBA;
    for (const server of ['fapi1-advanced', 'fapi-ciba'] as const) {
      expect(checkMetadata(CIBA, serverWide(server)), server).to.include({ outcome: 'valid' });
      expect(checkMetadata({ ...given, ...hybrid }, serverWide(server)), server).to.include({
        outcome: 'valid',
      });
    }
    expect(checkMetadata(backchannel, serverWide('fapi-ciba'))).to.have.nested.property(
      'metadata.require_signed_request_object',
      true,
    );
    expect(checkMetadata(ADVANCED, serverWide('fapi-ciba'))).to.include({ outcome: 'refused' });
  });
});
