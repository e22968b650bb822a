import { asking, type CauseRow, jwtIn, ours, parameter, registered } from './refused-facts.ts';

/** What may be wrong with what is redeemed, in the same way. */
export const GRANT_ERROR_CAUSES: ReadonlyArray<CauseRow> = [
  // Grants.
  [
    /unsupported grant_type/,
    'grant_type_unknown',
    'a grant_type of grant_types_supported',
    parameter('grant_type'),
  ],
  [
    /not registered for this grant type|not allowed for this client/,
    'grant_type_not_registered',
    registered('one of', 'grantTypes'),
    parameter('grant_type'),
  ],
  [
    /application\/x-www-form-urlencoded/,
    'body_not_a_form',
    'a body of type application/x-www-form-urlencoded',
  ],
  [/authorization code not found/, 'code_unknown', 'a code that was issued and has not ended'],
  [
    /authorization code already consumed/,
    'code_used',
    'a code that was not used; what was issued for it has ended',
  ],
  [
    /authorization code redirect_uri mismatch/,
    'code_redirect_uri',
    'the redirect_uri of the authorization request',
    parameter('redirect_uri'),
  ],
  [/code_verifier must be provided/, 'verifier_missing', 'the code_verifier of the code_challenge'],
  [/code_verifier does not match/, 'verifier_mismatch', 'the code_verifier of the code_challenge'],
  [/^code_verifier must/, 'verifier_malformed', 'code_verifier: 43 to 128 characters'],
  [
    /refresh token not found/,
    'refresh_token_unknown',
    'a refresh token that was issued, has not ended and was not replaced',
  ],
  [
    /refresh token already used/,
    'refresh_token_used',
    'the latest refresh token; all of its family have ended',
  ],
  [/expired(: |$)/, 'expired', `what has not expired`],
  [/client mismatch/, 'issued_to_another_client', 'what was issued to this client', asking],
  [
    /^the issuer of the assertion is not trusted/,
    'assertion_issuer_untrusted',
    'an issuer of features.assertion_issuers_file',
    jwtIn('assertion'),
  ],
  [
    /^the assertion|^the client may not use assertions|subject of the assertion/,
    'assertion_refused',
    ours,
    jwtIn('assertion'),
  ],
  [
    /subject_token|actor_token|requested_token_type/,
    'exchange_refused',
    'a token and a rule (token_exchange) that allow it',
    parameter('audience', 'resource'),
  ],
  [
    /already_used|reused|replayed|grant_revoked/,
    'used_at_the_same_time',
    'one use: another request was first, or what it was issued under has ended',
  ],
];
