import { type CauseRow, jwtIn, now, parameter, registered, told } from './refused-facts.ts';

const request = jwtIn('request');

/** What may be wrong with an authorization request, by the engine's words and ours, the more particular first. */
export const AUTHORIZATION_ERROR_CAUSES: ReadonlyArray<CauseRow> = [
  // Authorization requests.
  [/^client is invalid/, 'client_unknown', 'a registered client_id', parameter('client_id')],
  [
    /redirect_uri did not match/,
    'redirect_uri_not_registered',
    registered('exactly one of', 'redirectUris'),
    parameter('redirect_uri'),
  ],
  [
    /requires PKCE/,
    'pkce_missing',
    'code_challenge and code_challenge_method=S256',
    parameter('code_challenge_method'),
  ],
  [
    /not supported value of code_challenge_method/,
    'pkce_method_unsupported',
    'code_challenge_method=S256',
    parameter('code_challenge_method'),
  ],
  [
    /code_challenge_method must be provided/,
    'pkce_method_missing',
    'code_challenge_method=S256',
    parameter('code_challenge_method'),
  ],
  [
    /^code_challenge must/,
    'pkce_challenge_malformed',
    'code_challenge: base64url of a SHA-256 digest, 43 characters',
  ],
  [
    /^unsupported response_mode/,
    'response_mode_unknown',
    'a response_mode of the metadata',
    parameter('response_mode'),
  ],
  [
    /response_mode is not allowed for this client/,
    'response_mode_not_registered',
    registered('one of', 'responseModes'),
    parameter('response_mode', 'response_type'),
  ],
  [
    /response_mode is not allowed for the requested/,
    'response_mode_unfit',
    'a response_mode for this response_type',
    parameter('response_mode', 'response_type'),
  ],
  [
    /response_type/,
    'response_type_not_registered',
    registered('one of', 'responseTypes'),
    parameter('response_type'),
  ],
  [/must not be provided twice/, 'parameter_repeated', 'each parameter once'],
  [/prompt none must/, 'prompt_none_with_others', 'prompt=none alone', parameter('prompt')],
  [/unsupported prompt/, 'prompt_unknown', 'a prompt of prompt_values_supported', parameter('prompt')],
  [/max_age/, 'max_age_malformed', 'max_age: a whole number of seconds', parameter('max_age')],
  [
    /id_token_hint/,
    'id_token_hint_invalid',
    ({ issuer }) => `an ID token of ${issuer} for this client`,
    jwtIn('id_token_hint'),
  ],
  [
    /scope contains invalid/,
    'scope_malformed',
    'scope tokens separated by single spaces',
    parameter('scope'),
  ],
  [
    /missing requested scope/,
    'scope_beyond_refresh_token',
    'scopes that the refresh token has, or fewer',
    parameter('scope'),
  ],
  [
    /requested scope is not allowed/,
    'scope_not_registered',
    registered('scopes of the client and the resource', 'scope'),
    parameter('scope'),
  ],
  [/not a registered API/, 'resource_unknown', 'the identifier of a registered API', parameter('resource')],
  [/must be an absolute URI/, 'resource_malformed', 'resource: an absolute URI', parameter('resource')],
  [/fragment component/, 'resource_with_fragment', 'resource: a URI without fragment', parameter('resource')],
  [
    /single resource|one resource|one audience/,
    'resource_not_single',
    'one resource',
    parameter('resource', 'audience'),
  ],
  [/could not parse the claims/, 'claims_malformed', 'claims: a JSON object'],
  [/^claims[. ]/, 'claims_misshapen', 'claims: userinfo and id_token, each an object'],
  [/authorization.details/i, 'authorization_details_invalid', 'what the type defines', parameter('resource')],
  // Requests by reference, and signed ones.
  [/^registration_not_supported/, 'registration_in_request', 'no registration parameter'],
  [
    /^request_uri_not_supported/,
    'request_uri_not_pushed',
    'a request_uri from the pushed authorization request endpoint',
  ],
  [
    /request_uri is not one/,
    'request_uri_not_registered',
    registered('exactly one of', 'request_uris'),
    parameter('request_uri'),
  ],
  [
    /request_uri cannot be fetched/,
    'request_uri_unreachable',
    ({ description = '' }) => description.replace(/.*?fetched: /, 'an address that can be called: '),
    parameter('request_uri'),
  ],
  [
    /request_uri (was|must be) answered/,
    'request_uri_answer',
    'a request object: status 200, application/oauth-authz-req+jwt',
    parameter('request_uri'),
  ],
  [
    /request_uri is invalid, expired/,
    'request_uri_unknown',
    'a request_uri that was pushed within its lifetime and not used',
  ],
  [/MUST NOT be used together/, 'request_and_request_uri', 'request or request_uri'],
  [
    /Pushed Authorization Request must/,
    'request_not_pushed',
    'a pushed request: the client or the server requires it',
    parameter('client_id'),
  ],
  [
    /Request Object must be used/,
    'request_not_signed',
    'a signed request: the client or the server requires it',
    parameter('client_id'),
  ],
  [/could not parse Request Object/, 'request_object_malformed', 'request: a signed JWT', request],
  [
    /unsupported signed request alg/,
    'request_object_algorithm',
    'an algorithm of request_object_signing_alg_values_supported',
    request,
  ],
  [
    /request object has no (\w+)/,
    'request_object_claim_missing',
    ({ description = '' }) => /no (\w+) claim/.exec(description)?.[1] ?? 'a claim',
    request,
  ],
  [/type of the request object/, 'request_object_type', 'typ=oauth-authz-req+jwt', request],
  [
    /request object may|dated more than/,
    'request_object_lifetime',
    'an hour at most from nbf to exp',
    request,
  ],
  [
    /^Request Object claims are invalid: jwt expired/,
    'request_object_expired',
    () => `exp in the future; ${now()}`,
    request,
  ],
  [
    /^Request Object claims are invalid/,
    'request_object_claims',
    ({ issuer, client }) => `iss=${told(client?.clientId)} aud=${issuer}, not expired; ${now()}`,
    request,
  ],
  [
    /could not validate Request Object/,
    'request_object_signature',
    'a signature by a key of the client (jwks, jwks_uri)',
    request,
  ],
];
