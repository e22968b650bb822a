import { expect } from 'chai';
import { configurationSchema } from '../../config/configuration.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';

const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';
const COUNTER = { redirect_uris: [], grant_types: [CIBA_GRANT], backchannel_token_delivery_mode: 'poll' };
const WEB = { redirect_uris: ['https://app.example.com/callback'] };

const policyWith = (features: Record<string, unknown>) => configurationSchema.parse({ features });
const ON = policyWith({ ciba: { enabled: true }, frontchannelLogout: true });

function problemOf(metadata: Record<string, unknown>, policy = ON): string | undefined {
  const checked = checkMetadata(metadata, policy);
  return checked.outcome === 'valid' ? undefined : checked.description;
}

describe('registrations that are told of something', () => {
  it('are taken when they are whole', () => {
    for (const metadata of [
      COUNTER,
      {
        ...COUNTER,
        backchannel_token_delivery_mode: 'ping',
        backchannel_client_notification_endpoint: 'https://app.example.com/ping',
        backchannel_user_code_parameter: false,
      },
      {
        ...WEB,
        backchannel_logout_uri: 'https://elsewhere.example.com/logout?from=here',
        backchannel_logout_session_required: true,
        frontchannel_logout_uri: 'https://app.example.com/logout?from=here',
        frontchannel_logout_session_required: true,
      },
    ]) {
      expect(problemOf(metadata)).to.equal(undefined);
    }
  });

  const ping = { ...COUNTER, backchannel_token_delivery_mode: 'ping' };
  const refusals: [metadata: Record<string, unknown>, problem: string][] = [
    [{ ...COUNTER, backchannel_token_delivery_mode: undefined }, 'needs backchannel_token_delivery_mode'],
    [ping, 'backchannel_client_notification_endpoint goes with'],
    [{ ...COUNTER, backchannel_token_delivery_mode: 'push' }, 'must be one of poll, ping'],
    [{ ...ping, backchannel_client_notification_endpoint: 'http://localhost:9/ping' }, 'must use https'],
    [{ ...COUNTER, token_endpoint_auth_method: 'none' }, 'needs a confidential client'],
    [{ ...COUNTER, backchannel_user_code_parameter: true }, 'must be one of false'],
    [{ ...COUNTER, grant_types: ['client_credentials'] }, `go with ${CIBA_GRANT} alone`],
    [{ ...COUNTER, backchannel_authentication_request_signing_alg: 'ES256' }, 'needs jwks or jwks_uri'],
    [
      { ...COUNTER, subject_type: 'pairwise', sector_identifier_uri: 'https://a.example/s' },
      'needs private_key_jwt',
    ],
    [{ ...WEB, backchannel_logout_uri: 'http://app.example.com/logout' }, 'must use https'],
    [{ ...WEB, backchannel_logout_uri: 'https://app.example.com/logout#here' }, 'must not have a fragment'],
    [{ ...WEB, backchannel_logout_session_required: true }, 'needs backchannel_logout_uri'],
    [{ ...WEB, frontchannel_logout_session_required: true }, 'needs frontchannel_logout_uri'],
    [
      { ...WEB, frontchannel_logout_uri: 'https://elsewhere.example.com/logout' },
      'must have the scheme, host and port',
    ],
  ];
  for (const [metadata, problem] of refusals) {
    it(`are refused otherwise: ${problem}`, () => {
      expect(problemOf(metadata)).to.contain(problem);
    });
  }

  it('are refused while what they need is off', () => {
    expect(problemOf(COUNTER, policyWith({}))).to.contain('features.ciba.enabled, which is off');
    const signed = {
      ...COUNTER,
      backchannel_authentication_request_signing_alg: 'ES256',
      jwks_uri: 'https://a.example/',
    };
    expect(problemOf(signed, policyWith({ ciba: { enabled: true }, requestObjects: 'off' }))).to.contain(
      'features.request_objects, which is off',
    );
    const logout = { ...WEB, backchannel_logout_uri: 'https://app.example.com/logout' };
    expect(problemOf(logout, policyWith({ backchannelLogout: false }))).to.contain(
      'features.backchannel_logout, which is off',
    );
  });
});
