import { EXCHANGE, type WrongRequestSenders, type WrongRow } from './wrong-request-senders.ts';

/** Codes, tokens and proofs that are not good for what they are used for. */
export function wrongGrants(senders: WrongRequestSenders): WrongRow[] {
  const {
    app,
    other,
    bound,
    page,
    to,
    post,
    basic,
    token,
    own,
    code,
    tokens,
    proof,
    proving,
    twice,
    me,
    issuer,
  } = senders;
  return [
    [
      'no code',
      'invalid_request',
      'code_missing',
      () => token({ grant_type: 'authorization_code', redirect_uri: app.redirectUri }),
    ],
    [
      'an unknown code',
      'invalid_grant',
      'code_unknown',
      async () => token({ ...(await code()), code: 'nonsense' }),
    ],
    [
      'the code of another client',
      'invalid_grant',
      'issued_to_another_client',
      async () => token(await code(), other),
    ],
    [
      'a code at another address',
      'invalid_grant',
      'code_redirect_uri',
      async () => token({ ...(await code()), redirect_uri: 'http://localhost:9/other' }),
    ],
    [
      'a code without its verifier',
      'invalid_grant',
      'verifier_missing',
      async () => {
        const { code_verifier: _left, ...rest } = await code();
        return token(rest);
      },
    ],
    [
      'a code with another verifier',
      'invalid_grant',
      'verifier_mismatch',
      async () => token({ ...(await code()), code_verifier: 'a'.repeat(43) }),
    ],
    [
      'a malformed verifier',
      'invalid_request',
      'verifier_malformed',
      async () => token({ ...(await code()), code_verifier: 'short' }),
    ],
    [
      'a code that was used',
      'invalid_grant',
      'code_used',
      async () => {
        const once = await code();
        return twice(() => token(once));
      },
    ],
    [
      'no refresh token',
      'invalid_request',
      'refresh_token_missing',
      () => token({ grant_type: 'refresh_token' }),
    ],
    [
      'an unknown refresh token',
      'invalid_grant',
      'refresh_token_unknown',
      () => token({ grant_type: 'refresh_token', refresh_token: 'nonsense' }),
    ],
    [
      'the refresh token of another client',
      'invalid_grant',
      'issued_to_another_client',
      async () =>
        token({ grant_type: 'refresh_token', refresh_token: (await tokens()).refresh_token }, other),
    ],
    [
      'a refresh for more',
      'invalid_scope',
      'scope_beyond_refresh_token',
      async () =>
        token({
          grant_type: 'refresh_token',
          refresh_token: (await tokens('openid offline_access')).refresh_token,
          scope: 'openid email',
        }),
    ],
    [
      'a scope that the client does not have',
      'invalid_scope',
      'scope_not_registered',
      () => token({ ...own, scope: 'phone' }),
    ],
    [
      'a token for an unknown resource',
      'invalid_target',
      'resource_unknown',
      () => token({ ...own, resource: 'https://nowhere.example' }),
    ],
    [
      'two resources for one token',
      'invalid_target',
      'resource_unknown',
      () => {
        const form = new URLSearchParams(own);
        form.append('resource', 'https://other.example');
        return post('/token', form, basic(app));
      },
    ],
    ['no proof where one is needed', 'invalid_grant', 'proof_missing', () => token(own, bound)],
    ['a proof that is no JWT', 'invalid_dpop_proof', 'proof_malformed', () => proving('nonsense')],
    [
      'a proof for another endpoint',
      'invalid_dpop_proof',
      'proof_url',
      () => proving(proof({ htu: `${issuer}/me` })),
    ],
    [
      'a proof for another method',
      'invalid_dpop_proof',
      'proof_method',
      () => proving(proof({ htm: 'GET' })),
    ],
    [
      'a proof without a number',
      'invalid_dpop_proof',
      'proof_jti_missing',
      () => proving(proof({ jti: undefined })),
    ],
    ['a proof of another type', 'invalid_dpop_proof', 'proof_type', () => proving(proof({}, { typ: 'JWT' }))],
    [
      'a proof that was used',
      'invalid_grant',
      'proof_used',
      async () => {
        const used = await proof();
        return twice(() => proving(used));
      },
    ],
    [
      'an exchange of nothing',
      'unauthorized_client',
      'grant_type_not_registered',
      () => token({ grant_type: EXCHANGE }),
    ],
    [
      'introspection of nothing',
      'invalid_request',
      'token_missing',
      () => post('/introspection', {}, basic(app)),
    ],
    [
      'introspection by nobody',
      'invalid_request',
      'authentication_missing',
      () => post('/introspection', { token: 'x' }),
    ],
    [
      'revocation of nothing',
      'invalid_request',
      'token_missing',
      () => post('/token/revocation', {}, basic(app)),
    ],
    ['userinfo without a token', 'invalid_token', 'access_token_missing', () => me({})],
    [
      'userinfo with a token of nobody',
      'invalid_token',
      'access_token_unknown',
      () => me({ Authorization: 'Bearer nonsense' }),
    ],
    [
      'userinfo with the token in the address',
      'invalid_request',
      'access_token_in_query',
      () => me({}, '?access_token=x'),
    ],
    [
      'userinfo with a header of another kind',
      'invalid_request',
      'authorization_scheme',
      () => me({ Authorization: 'Basic eDp5' }),
    ],
    [
      'a sign-out with a hint that is none',
      'invalid_request',
      'id_token_hint_invalid',
      () => fetch(to('/session/end?id_token_hint=nonsense'), { headers: page }),
    ],
    [
      'a sign-out to an address that is not registered',
      'invalid_request',
      'post_logout_redirect_uri_not_registered',
      () =>
        fetch(to('/session/end?client_id=app&post_logout_redirect_uri=http://localhost:9/x'), {
          headers: page,
        }),
    ],
    [
      'a device of a client without the grant',
      'invalid_request',
      'grant_type_not_registered',
      () => post('/device/auth', {}, basic(app)),
    ],
  ];
}
