import { generateKeyPair } from 'jose';
import { now, WRONG_API, type WrongRequestSenders, type WrongRow } from './wrong-request-senders.ts';

/** Authorization requests, sent, signed and pushed. */
export function wrongAuthorizationRequests(senders: WrongRequestSenders): WrongRow[] {
  const { app, pushing, signing, page, authorize, post, basic, requestObject, objecting } = senders;
  return [
    ['no client_id', 'invalid_request', 'client_id_missing', () => authorize({ client_id: '' })],
    ['an unknown client', 'invalid_client', 'client_unknown', () => authorize({ client_id: 'nobody' })],
    ['no response_type', 'invalid_request', 'response_type_missing', () => authorize({ response_type: '' })],
    [
      'an unknown response_type',
      'unsupported_response_type',
      'response_type_not_registered',
      () => authorize({ response_type: 'token' }),
    ],
    ['no redirect_uri', 'invalid_request', 'redirect_uri_missing', () => authorize({ redirect_uri: '' })],
    [
      'a redirect_uri that is not registered',
      'invalid_redirect_uri',
      'redirect_uri_not_registered',
      () => authorize({ redirect_uri: 'http://localhost:9/other' }),
    ],
    [
      'no PKCE',
      'invalid_request',
      'pkce_missing',
      () => authorize({ code_challenge: '', code_challenge_method: '' }),
    ],
    [
      'plain PKCE',
      'invalid_request',
      'pkce_method_unsupported',
      () => authorize({ code_challenge_method: 'plain' }),
    ],
    [
      'PKCE without its method',
      'invalid_request',
      'pkce_method_missing',
      () => authorize({ code_challenge_method: '' }),
    ],
    [
      'a malformed challenge',
      'invalid_request',
      'pkce_challenge_malformed',
      () => authorize({ code_challenge: 'short' }),
    ],
    [
      'an unknown response_mode',
      'unsupported_response_mode',
      'response_mode_unknown',
      () => authorize({ response_mode: 'pigeon' }),
    ],
    [
      'a response_mode that is not registered',
      'invalid_request',
      'response_mode_not_registered',
      () => authorize({ response_mode: 'form_post' }),
    ],
    [
      'a repeated parameter',
      'invalid_request',
      'parameter_repeated',
      async () => {
        const { url } = app.authorizationRequest();
        url.searchParams.append('scope', 'email');
        return fetch(url, { redirect: 'manual', headers: page });
      },
    ],
    [
      'prompt none with another',
      'invalid_request',
      'prompt_none_with_others',
      () => authorize({ prompt: 'none login' }),
    ],
    ['an unknown prompt', 'invalid_request', 'prompt_unknown', () => authorize({ prompt: 'please' })],
    ['a max_age that is none', 'invalid_request', 'max_age_malformed', () => authorize({ max_age: '-1' })],
    [
      'an id_token_hint that is none',
      'invalid_request',
      'id_token_hint_invalid',
      () => authorize({ id_token_hint: 'nonsense' }),
    ],
    [
      'a scope that is not registered',
      'invalid_scope',
      'scope_not_registered',
      () => authorize({ scope: 'openid phone' }),
    ],
    ['a malformed scope', 'invalid_scope', 'scope_malformed', () => authorize({ scope: 'openid "all"' })],
    [
      'an unknown resource',
      'invalid_target',
      'resource_unknown',
      () => authorize({ resource: 'https://nowhere.example' }),
    ],
    [
      'a resource that is no URI',
      'invalid_target',
      'resource_malformed',
      () => authorize({ resource: 'api' }),
    ],
    [
      'a resource with a fragment',
      'invalid_target',
      'resource_with_fragment',
      () => authorize({ resource: `${WRONG_API}/#x` }),
    ],
    ['claims that are no JSON', 'invalid_request', 'claims_malformed', () => authorize({ claims: '{' })],
    [
      'claims of another shape',
      'invalid_request',
      'claims_misshapen',
      () => authorize({ claims: '{"userinfo":"all"}' }),
    ],
    [
      'registration in a request',
      'registration_not_supported',
      'registration_in_request',
      () => authorize({ registration: '{}' }),
    ],
    [
      'a request to be fetched',
      'request_uri_not_supported',
      'request_uri_not_pushed',
      () => authorize({ request_uri: 'https://app.example/r' }),
    ],
    [
      'a request that was never pushed',
      'invalid_request_uri',
      'request_uri_unknown',
      () => authorize({ request_uri: 'urn:ietf:params:oauth:request_uri:nothing' }),
    ],
    [
      'a request and its address',
      'invalid_request',
      'request_and_request_uri',
      () => authorize({ request: 'a.b.c', request_uri: 'urn:ietf:params:oauth:request_uri:x' }),
    ],
    ['a request that is not pushed', 'invalid_request', 'request_not_pushed', () => authorize({}, pushing)],
    ['a request that is not signed', 'invalid_request', 'request_not_signed', () => authorize({}, signing)],
    [
      'a request object that is no JWT',
      'invalid_request_object',
      'request_object_malformed',
      () => objecting('nonsense'),
    ],
    [
      'a request object signed by nobody',
      'invalid_request_object',
      'request_object_algorithm',
      () => objecting('eyJhbGciOiJub25lIn0.e30.'),
    ],
    [
      'a request object without an end',
      'invalid_request_object',
      'request_object_claim_missing',
      () => objecting(requestObject({ exp: undefined })),
    ],
    [
      'a request object for another provider',
      'invalid_request_object',
      'request_object_claims',
      () => objecting(requestObject({ aud: 'https://other.example' })),
    ],
    [
      'a request object that is over',
      'invalid_request_object',
      'request_object_expired',
      () => objecting(requestObject({ exp: now() - 60 })),
    ],
    [
      'a request object of another type',
      'invalid_request_object',
      'request_object_type',
      () => objecting(requestObject({}, { typ: 'logout+jwt' })),
    ],
    [
      'a request object by another key',
      'invalid_request_object',
      'request_object_signature',
      async () => objecting(requestObject({}, {}, (await generateKeyPair('ES256')).privateKey)),
    ],
    [
      'a pushed request with an address',
      'request_uri_not_supported',
      'request_uri_not_pushed',
      () => post('/request', { request_uri: 'urn:x' }, basic(app)),
    ],
    [
      'a pushed request to go elsewhere',
      'invalid_request',
      'redirect_uri_not_registered',
      () =>
        post(
          '/request',
          {
            ...Object.fromEntries(
              app.authorizationRequest({ redirect_uri: 'http://localhost:9/other' }).url.searchParams,
            ),
          },
          basic(app),
        ),
    ],
  ];
}
