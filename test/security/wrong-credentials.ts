import { generateKeyPair } from 'jose';
import { DEVICE, now, type WrongRequestSenders, type WrongRow } from './wrong-request-senders.ts';

/** What is wrong with how a client asks for a token, and with what it shows for itself. */
export function wrongCredentials(senders: WrongRequestSenders): WrongRow[] {
  const { app, to, post, basic, token, own, assertion, asserting, twice, issuer } = senders;
  return [
    ['no grant_type', 'invalid_request', 'grant_type_missing', () => token({})],
    [
      'an unknown grant_type',
      'unsupported_grant_type',
      'grant_type_unknown',
      () => token({ grant_type: 'password' }),
    ],
    [
      'a grant_type that is not registered',
      'unauthorized_client',
      'grant_type_not_registered',
      () => token({ grant_type: DEVICE, device_code: 'x' }),
    ],
    ['a wrong secret', 'invalid_client', 'client_secret_wrong', () => token(own, app, basic(app, 'wrong'))],
    [
      'an unknown client at the token endpoint',
      'invalid_client',
      'client_unknown',
      () => post('/token', { ...own, client_id: 'nobody' }),
    ],
    ['no authentication', 'invalid_request', 'authentication_missing', () => post('/token', own)],
    [
      'authentication left out',
      'invalid_client',
      'authentication_method',
      () => post('/token', { ...own, client_id: 'app' }),
    ],
    [
      'authentication twice',
      'invalid_request',
      'authentication_twice',
      () => token({ ...own, client_secret: 'x' }),
    ],
    [
      'an authorization header of another kind',
      'invalid_request',
      'authorization_header_malformed',
      () => post('/token', own, { Authorization: 'Bearer x' }),
    ],
    [
      'an authorization header that is not encoded',
      'invalid_request',
      'authorization_header_malformed',
      () => post('/token', own, { Authorization: 'Basic ***' }),
    ],
    [
      'a secret where a key is registered',
      'invalid_client',
      'authentication_method',
      () => post('/token', { ...own, client_id: 'keyed', client_secret: 'x' }),
    ],
    [
      'a body that is no form',
      'invalid_request',
      'body_not_a_form',
      () =>
        fetch(to('/token'), {
          method: 'POST',
          body: '{}',
          headers: { 'Content-Type': 'application/json', Accept: 'application/json', ...basic(app) },
        }),
    ],
    [
      'an assertion of an unknown type',
      'invalid_request',
      'assertion_type_unknown',
      () => asserting(assertion(), { client_assertion_type: 'saml' }),
    ],
    [
      'an assertion without a type',
      'invalid_request',
      'assertion_type_missing',
      async () => post('/token', { ...own, client_assertion: await assertion() }),
    ],
    [
      'an assertion that is no JWT',
      'invalid_request',
      'client_assertion_malformed',
      () => asserting('nonsense'),
    ],
    [
      'an assertion that is over',
      'invalid_client',
      'client_assertion_expired',
      () => asserting(assertion({ exp: now() - 60 })),
    ],
    [
      'an assertion without an end',
      'invalid_client',
      'client_assertion_without_exp',
      () => asserting(assertion({ exp: undefined })),
    ],
    [
      'an assertion for the token endpoint',
      'invalid_client',
      'client_assertion_audience',
      () => asserting(assertion({ aud: `${issuer}/token` })),
    ],
    [
      'an assertion without a number',
      'invalid_client',
      'client_assertion_without_jti',
      () => asserting(assertion({ jti: undefined })),
    ],
    [
      'an assertion of another issuer',
      'invalid_client',
      'client_assertion_issuer',
      () => asserting(assertion({ iss: 'app' })),
    ],
    [
      'an assertion by another key',
      'invalid_client',
      'client_assertion_signature',
      async () => asserting(assertion({}, {}, (await generateKeyPair('ES256')).privateKey)),
    ],
    [
      'an assertion that was used',
      'invalid_client',
      'client_assertion_used',
      async () => {
        const used = await assertion();
        return twice(() => asserting(used));
      },
    ],
  ];
}
