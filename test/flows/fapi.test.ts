import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify } from 'jose';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { ADA, type Answer, Application, answerIn } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { ProfiledApplication } from './profiled-application.ts';

const API = 'https://bank.example.com';
const OLD_API = 'https://old.example.com';
const now = () => Math.floor(Date.now() / 1000);

/** The endpoint's error code and the words for the developer; empty for none. */
const refusal = ({ body }: Answer) =>
  [body.error, body.error_description, body.error_detail].filter(Boolean).join(': ');

/** The error that a browser was sent on with, or shown; empty for none. */
function told(landing: Landing): string {
  const parameters = new URLSearchParams(landing.url.search || landing.url.hash.slice(1));
  const response = parameters.get('response');
  const { error, error_description: words } =
    response === null ? Object.fromEntries(parameters) : (decodeJwt(response) as Record<string, string>);
  if (error !== undefined) return `${error}: ${words}`;
  return landing.pageName === 'error' ? landing.page : '';
}

describe('FAPI profiles', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let files: CertificateFiles;
  let security: ProfiledApplication;
  let signing: ProfiledApplication;
  let advanced: ProfiledApplication;
  let hybrid: ProfiledApplication;

  before(async () => {
    files = writeCertificates();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_FEATURES_RESPONSE_TYPES: 'all',
      LATCHKEY_FEATURES_CODE_CHALLENGES: 'public_clients',
      LATCHKEY_FEATURES_ASSERTION_AUDIENCES: 'endpoints',
      LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy',
      LATCHKEY_TRUSTED_PROXIES: 'loopback',
    });
    [security, signing, advanced, hybrid] = await Promise.all([
      ProfiledApplication.register(latchkey, { profile: 'fapi2-security' }),
      ProfiledApplication.register(latchkey, { profile: 'fapi2-message-signing' }),
      ProfiledApplication.register(latchkey, { profile: 'fapi1-advanced' }, files.clientCertificate),
      ProfiledApplication.register(
        latchkey,
        {
          profile: 'fapi1-advanced',
          response_types: ['code id_token'],
          grant_types: ['authorization_code', 'implicit'],
        },
        files.clientCertificate,
      ),
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'pay']),
      latchkey.json(['apis', 'create', '--identifier', OLD_API, '--scopes', 'pay', '--algorithm', 'RS256']),
    ]);
  });
  after(async () => {
    await latchkey.stop();
    files.remove();
  });

  const browse = (url: URL) => new FormBrowser(latchkey.issuer).authorize(url, ADA);
  const visit = async (url: URL) => told(await new FormBrowser(latchkey.issuer).visit(url));
  const pushed = async (app: ProfiledApplication, parameters: Record<string, string>) => {
    const { body } = await app.push(parameters);
    return browse(app.url({ request_uri: body.request_uri }));
  };
  const signed = async (
    app: ProfiledApplication,
    parameters: Record<string, string> = {},
    ...changes: Parameters<typeof app.requestObject> extends [unknown, ...infer Rest] ? Rest : never
  ) => ({
    client_id: app.clientId,
    request: await app.requestObject(app.parameters({ response_mode: 'jwt', ...parameters }), ...changes),
  });
  const credentials = { grant_type: 'client_credentials', resource: API, scope: 'pay' };

  it('FAPI 2.0 Security Profile: a whole flow, with a code of a minute and tokens bound by DPoP', async () => {
    const { status, body } = await security.push(security.parameters());
    expect({ status, lives: body.expires_in < 600 }).to.deep.equal({ status: 201, lives: true });
    const answer = answerIn(await browse(security.url({ request_uri: body.request_uri })));
    expect(answer).to.include({ iss: latchkey.issuer, state: 'a-state' });
    const tokens = await security.redeem(String(answer.code));
    expect(tokens.status, refusal(tokens)).to.equal(200);
    expect(tokens.body.token_type).to.equal('DPoP');
    expect(decodeProtectedHeader(tokens.body.id_token).alg).to.equal('ES256');

    const refresh = { grant_type: 'refresh_token', refresh_token: tokens.body.refresh_token };
    const [first, second] = [await security.post('/token', refresh), await security.post('/token', refresh)];
    expect([first.status, second.status], refusal(first)).to.deep.equal([200, 200]);
    expect(first.body.refresh_token, 'not rotated').to.equal(tokens.body.refresh_token);
    const other = await generateKeyPair('ES256');
    const stolen = await security.post('/token', refresh, { proof: { key: other.privateKey } });
    expect(refusal(stolen)).to.match(/^invalid_dpop_proof/);
  });

  it('code_challenges public_clients: a client without a profile that authenticates goes without PKCE, no other', async () => {
    const without = { code_challenge: '', code_challenge_method: '' };
    const confidential = await Application.register(latchkey);
    const { landing, code } = await confidential.authorize(new FormBrowser(latchkey.issuer), without);
    const redeemed = await confidential.token({
      grant_type: 'authorization_code',
      code,
      redirect_uri: confidential.redirectUri,
    });
    expect(redeemed.status, landing.page).to.equal(200);
    const challenged = await confidential.authorize(new FormBrowser(latchkey.issuer));
    const unproved = await confidential.redeem({ ...challenged, verifier: 'v'.repeat(43) });
    expect(unproved.body.error, 'a challenge that was sent counts').to.equal('invalid_grant');
    const anonymous = await Application.register(latchkey, { token_endpoint_auth_method: 'none' });
    expect(await visit(anonymous.authorizationRequest(without).url)).to.match(/^invalid_request.*PKCE/);
    expect(refusal(await security.push(security.parameters(without)))).to.match(/^invalid_request.*PKCE/);
  });

  it('assertion_audiences endpoints: a client may name the token endpoint, but not where a profile forbids it', async () => {
    const plain = await ProfiledApplication.register(latchkey, {
      token_endpoint_auth_method: 'private_key_jwt',
    });
    const ask = (app: ProfiledApplication, aud: string) =>
      app.post('/token', { grant_type: 'client_credentials' }, { assertion: { claims: { aud } } });
    for (const aud of [latchkey.issuer, `${latchkey.issuer}/token`]) {
      const answer = await ask(plain, aud);
      expect(answer.status, refusal(answer)).to.equal(200);
    }
    expect((await ask(plain, `${latchkey.issuer}/me`)).status).to.equal(401);
    expect((await ask(plain, 'https://attacker.example/token')).status).to.equal(401);
    expect((await ask(security, `${latchkey.issuer}/token`)).status).to.equal(401);
  });

  it('FAPI 2.0 Message Signing: a signed request, a signed answer', async () => {
    const landing = await pushed(signing, await signed(signing));
    const response = landing.url.searchParams.get('response') ?? '';
    const keys = createRemoteJWKSet(new URL(`${latchkey.issuer}/jwks`));
    const { payload, protectedHeader } = await jwtVerify(response, keys, {
      issuer: latchkey.issuer,
      audience: signing.clientId,
    });
    expect(protectedHeader.alg).to.equal('ES256');
    const tokens = await signing.redeem(String(payload.code));
    expect(tokens.status, refusal(tokens)).to.equal(200);
  });

  it('FAPI 1.0 Advanced: a signed request by value, without PKCE, answered by a signed answer', async () => {
    const request = await signed(advanced, { code_challenge: '', code_challenge_method: '' });
    const response = (await browse(advanced.url(request))).url.searchParams.get('response') ?? '';
    const { code } = decodeJwt(response) as { code: string };
    const without = await advanced.redeem(code, { code_verifier: '' }, { certificate: undefined });
    expect(refusal(without)).to.match(/invalid_grant/);
    const tokens = await advanced.redeem(code, { code_verifier: '' });
    expect(tokens.status, refusal(tokens)).to.equal(200);
  });

  it('FAPI 1.0 Advanced: an ID token as detached signature, with s_hash', async () => {
    const parameters = {
      response_type: 'code id_token',
      response_mode: '',
      code_challenge: '',
      code_challenge_method: '',
    };
    const landing = await browse(hybrid.url(await signed(hybrid, parameters)));
    const answer = new URLSearchParams(landing.url.hash.slice(1));
    const half = createHash('sha256').update('a-state').digest().subarray(0, 16).toString('base64url');
    const claims = decodeJwt(answer.get('id_token') ?? '');
    expect(claims).to.include({ s_hash: half, aud: hybrid.clientId });
    expect(claims.c_hash).to.be.a('string');
  });

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
