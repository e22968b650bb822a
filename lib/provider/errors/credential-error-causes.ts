import { type CauseRow, jwtIn, now, ours, parameter, proof, registered, told } from './refused-facts.ts';

const assertion = jwtIn('client_assertion');

/** What may be wrong with how a client, or the bearer of a token, proves itself, in the same way. */
export const CREDENTIAL_ERROR_CAUSES: ReadonlyArray<CauseRow> = [
  // DPoP and certificates.
  [
    /DPoP proof JWT not provided|missing DPoP proof/,
    'proof_missing',
    'a DPoP proof: tokens of this client are bound',
  ],
  [/htu mismatch/, 'proof_url', ({ issuer }) => `htu: the address of this endpoint at ${issuer}`, proof],
  [/htm mismatch/, 'proof_method', 'htm: the method of this request', proof],
  [/must have a jti/, 'proof_jti_missing', 'a jti', proof],
  [/must have a iat|not recent enough/, 'proof_time', () => `iat within 5 minutes; ${now()}`, proof],
  [/"typ" JWT header/, 'proof_type', 'typ=dpop+jwt', proof],
  [/[Rr]eplay detected/, 'proof_used', 'a proof that was not used', proof],
  [
    /DPoP|Invalid Compact JWS/,
    'proof_malformed',
    'a DPoP proof: a JWT signed by the key that it holds',
    proof,
  ],
  [
    /attestation|attester|attested key/,
    'attestation_refused',
    'an attestation by a trusted attester of this client, and an unused proof of its key with our challenge',
    ({ detail }) => detail,
  ],
  [/certificate/, 'certificate_refused', 'a certificate that fits the registration'],
  // Client authentication.
  [/client not found/, 'client_unknown', 'a registered client_id', parameter('client_id')],
  [/invalid secret provided/, 'client_secret_wrong', 'the present client secret'],
  [
    /authentication mechanism does not match/,
    'authentication_method',
    registered('authentication by', 'clientAuthMethod'),
  ],
  [/no client authentication mechanism/, 'authentication_missing', 'client authentication, or a client_id'],
  [/only be provided using one mechanism/, 'authentication_twice', 'one way of client authentication'],
  [
    /invalid authorization header value/,
    'authorization_header_malformed',
    'Authorization: Basic and base64 of id and secret, each form-encoded',
  ],
  [
    /client_assertion_type must have/,
    'assertion_type_unknown',
    'client_assertion_type of RFC 7523',
    parameter('client_assertion_type'),
  ],
  [
    /client_assertion_type must be/,
    'assertion_type_missing',
    'client_assertion_type',
    parameter('client_assertion_type'),
  ],
  [
    /invalid client_assertion format/,
    'client_assertion_malformed',
    'client_assertion: a signed JWT',
    assertion,
  ],
  [/jwt expired/, 'client_assertion_expired', () => `exp in the future; ${now()}`, assertion],
  [/expiration must be/, 'client_assertion_without_exp', 'exp', assertion],
  [
    /audience (.*) (must|as a string)|list of audience|audience of the client assertion/,
    'client_assertion_audience',
    ours,
    assertion,
  ],
  [/unique jti/, 'client_assertion_without_jti', 'jti', assertion],
  [
    /\(JWT issuer\)|\(JWT subject\)/,
    'client_assertion_issuer',
    ({ client }) => `iss and sub=${told(client?.clientId)}`,
    assertion,
  ],
  [
    /alg mismatch|must be signed by/,
    'client_assertion_algorithm',
    'the registered algorithm, or one of the metadata',
    assertion,
  ],
  [
    /only be used once|used before a restore/,
    'client_assertion_used',
    'an assertion that was not used',
    assertion,
  ],
  [
    /signature verification failed/,
    'client_assertion_signature',
    'a signature by a key of the client (jwks, jwks_uri)',
    assertion,
  ],
  // Tokens that are presented.
  [/no access token provided/, 'access_token_missing', 'Authorization: Bearer or DPoP'],
  [
    /access token not found|invalid token provided/,
    'access_token_unknown',
    'an access token for userinfo that was issued and has not ended',
  ],
  [/via query parameter/, 'access_token_in_query', 'the token in the Authorization header'],
  [/authorization header scheme/, 'authorization_scheme', 'Authorization: Bearer, or DPoP for bound tokens'],
  [
    /post_logout_redirect_uri/,
    'post_logout_redirect_uri_not_registered',
    registered('exactly one of', 'postLogoutRedirectUris'),
    parameter('post_logout_redirect_uri'),
  ],
];
