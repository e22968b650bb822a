import { expect } from 'chai';
import { generateKeyPair } from 'jose';
import { API, type FapiParties, now, OLD_API, refusal, startFapi, told } from './fapi-parties.ts';

describe('FAPI profiles, clause by clause', function () {
  this.timeout(60_000);
  let parties: FapiParties;
  let latchkey: FapiParties['latchkey'];
  let security: FapiParties['security'];
  let signing: FapiParties['signing'];
  let advanced: FapiParties['advanced'];
  let browse: FapiParties['browse'];
  let visit: FapiParties['visit'];
  let pushed: FapiParties['pushed'];
  let signed: FapiParties['signed'];

  before(async () => {
    parties = await startFapi();
    ({ latchkey, security, signing, advanced, browse, visit, pushed, signed } = parties);
  });
  after(() => parties?.stop());

  const credentials = { grant_type: 'client_credentials', resource: API, scope: 'pay' };

  /** For each clause a request that conforms, answered with '', and one that does not, answered with these words. */
  const clauses: [
    clause: string,
    conforms: () => Promise<string>,
    refused: () => Promise<string>,
    words: RegExp,
  ][] = [
    [
      'FAPI 2.0 Security Profile §5.3.2.1 item 5: tokens are bound',
      async () => refusal(await security.post('/token', credentials)),
      async () => refusal(await security.post('/token', credentials, { proof: false })),
      /invalid_grant|invalid_request/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.1 item 8: the audience is the issuer, as a string',
      async () => refusal(await security.post('/token', credentials)),
      async () =>
        refusal(
          await security.post('/token', credentials, { assertion: { claims: { aud: [latchkey.issuer] } } }),
        ),
      /invalid_client/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.1 item 13: an assertion dated a little ahead, and too far',
      async () =>
        refusal(
          await security.post('/token', credentials, {
            assertion: { claims: { iat: now() + 8, nbf: now() + 8 } },
          }),
        ),
      async () =>
        refusal(
          await security.post('/token', credentials, {
            assertion: { claims: { iat: now() + 90, exp: now() + 200 } },
          }),
        ),
      /invalid_client/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.1 item 13: a proof dated a little ahead, and too far',
      async () =>
        refusal(await security.post('/token', credentials, { proof: { claims: { iat: now() + 8 } } })),
      async () =>
        refusal(await security.post('/token', credentials, { proof: { claims: { iat: now() + 90 } } })),
      /use_dpop_nonce/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.2 item 1: code is the response type',
      async () => refusal(await security.push(security.parameters())),
      async () => refusal(await security.push(security.parameters({ response_type: 'none' }))),
      /^invalid_request: requested response_type is not allowed/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.2 item 3: requests are pushed',
      async () => told(await pushed(security, security.parameters())),
      () => visit(security.url(security.parameters())),
      /Pushed Authorization Request must be used/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.2 item 4: by a client that authenticates',
      async () => refusal(await security.push(security.parameters())),
      async () => {
        const { privateKey } = await generateKeyPair('ES256');
        return refusal(await security.push(security.parameters(), { assertion: { key: privateKey } }));
      },
      /invalid_client/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.2 item 5: PKCE with S256',
      async () => refusal(await security.push(security.parameters())),
      async () =>
        refusal(await security.push(security.parameters({ code_challenge: '', code_challenge_method: '' }))),
      /invalid_request.*PKCE/,
    ],
    [
      'FAPI 2.0 Security Profile §5.3.2.2 item 6: redirect_uri in pushed requests',
      async () => refusal(await security.push(security.parameters())),
      async () => refusal(await security.push(security.parameters({ redirect_uri: '' }))),
      /invalid_request.*redirect_uri/,
    ],
    [
      'FAPI 2.0 Security Profile §5.4.1: JWT access tokens by allowed algorithms',
      async () => refusal(await security.post('/token', credentials)),
      async () => refusal(await security.post('/token', { ...credentials, resource: OLD_API })),
      /invalid_target: profile fapi2-security: the API wants tokens signed with RS256/,
    ],
    [
      'FAPI 2.0 Message Signing §5.3.1: requests are signed',
      async () => refusal(await signing.push(await signed(signing))),
      async () => refusal(await signing.push(signing.parameters())),
      /Request Object must be used by this client/,
    ],
    ...(
      [
        ['nbf is there', { nbf: undefined }, /profile fapi2-message-signing: the request object has no nbf/],
        ['nbf is no older than an hour', { nbf: now() - 3601, exp: now() + 60 }, /an hour at most/],
        ['exp is at most an hour after nbf', { exp: now() + 3700 }, /an hour at most/],
        ['exp is there', { exp: undefined }, /has no exp claim/],
        ['aud is there', { aud: undefined }, /no aud claim|claims are invalid/],
        ['aud is the issuer', { aud: 'https://other.example' }, /claims are invalid/],
        ['iat is not far ahead', { iat: now() + 90 }, /more than 60 seconds ahead/],
      ] as [string, Record<string, unknown>, RegExp][]
    ).map(([what, claims, words]): (typeof clauses)[number] => [
      `FAPI 2.0 Message Signing §5.3.1: ${what}`,
      async () =>
        refusal(await signing.push(await signed(signing, {}, { claims: { aud: [latchkey.issuer] } }))),
      async () => refusal(await signing.push(await signed(signing, {}, { claims }))),
      words,
    ]),
    [
      'FAPI 1.0 Advanced §5.2.2: requests are signed',
      async () => told(await browse(advanced.url(await signed(advanced)))),
      () => visit(advanced.url(advanced.parameters())),
      /Request Object must be used by this client/,
    ],
    [
      'FAPI 1.0 Advanced §5.2.2: nbf, and an hour at most',
      async () => told(await browse(advanced.url(await signed(advanced)))),
      async () => visit(advanced.url(await signed(advanced, {}, { claims: { nbf: undefined } }))),
      /profile fapi1-advanced: the request object has no nbf/,
    ],
    [
      'FAPI 1.0 Advanced §5.2.2: code comes in a signed answer',
      async () => told(await browse(advanced.url(await signed(advanced)))),
      async () => visit(advanced.url(await signed(advanced, { response_mode: 'query' }))),
      /response_mode is not allowed/,
    ],
    [
      'FAPI 1.0 Advanced §5.2.2: pushed requests have PKCE',
      async () => refusal(await advanced.push(await signed(advanced))),
      async () =>
        refusal(
          await advanced.push(await signed(advanced, { code_challenge: '', code_challenge_method: '' })),
        ),
      /PKCE/,
    ],
    [
      'FAPI 1.0 Advanced §5.2.2: tokens are bound to a certificate',
      async () => refusal(await advanced.post('/token', credentials)),
      async () => refusal(await advanced.post('/token', credentials, { certificate: undefined })),
      /invalid_grant/,
    ],
    [
      'FAPI 1.0 Baseline §5.2.2.2: a nonce with openid',
      async () => told(await browse(advanced.url(await signed(advanced)))),
      async () => visit(advanced.url(await signed(advanced, { nonce: '' }))),
      /nonce/,
    ],
  ];
  for (const [clause, conforms, refused, words] of clauses) {
    it(clause, async () => {
      expect(await conforms(), 'the request that conforms').to.equal('');
      expect(await refused(), 'the request that does not').to.match(words);
    });
  }
});
