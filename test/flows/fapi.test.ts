import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify } from 'jose';
import { Application, answerIn } from './application.ts';
import { type FapiParties, refusal, startFapi } from './fapi-parties.ts';
import { FormBrowser } from './form-browser.ts';
import { certificateHeader, ProfiledApplication } from './profiled-application.ts';

describe('FAPI profiles', function () {
  this.timeout(60_000);
  let parties: FapiParties;
  let latchkey: FapiParties['latchkey'];
  let security: FapiParties['security'];
  let signing: FapiParties['signing'];
  let advanced: FapiParties['advanced'];
  let hybrid: FapiParties['hybrid'];
  let browse: FapiParties['browse'];
  let visit: FapiParties['visit'];
  let pushed: FapiParties['pushed'];
  let signed: FapiParties['signed'];

  before(async () => {
    parties = await startFapi();
    ({ latchkey, security, signing, advanced, hybrid, browse, visit, pushed, signed } = parties);
  });
  after(() => parties?.stop());

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

    const userinfo = async (headers: Record<string, string>) => {
      const authorization = `Bearer ${tokens.body.access_token}`;
      const certificate = certificateHeader(parties.files.clientCertificate);
      const { status, headers: answered } = await fetch(`${latchkey.issuer}/me`, {
        headers: { Authorization: authorization, 'Client-Cert': certificate, ...headers },
      });
      expect(status).to.equal(200);
      return answered.get('x-fapi-interaction-id');
    };
    const id = '1389959d-C2d8-45C5-93aA-cAf1Ce039B69';
    expect(await userinfo({ 'x-fapi-interaction-id': id })).to.equal(id);
    const made = await userinfo({ 'x-fapi-interaction-id': 'no UUID' });
    expect(made).to.match(/^[0-9a-f-]{36}$/);
    expect(await userinfo({}))
      .to.match(/^[0-9a-f-]{36}$/)
      .and.not.equal(made);
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
});
