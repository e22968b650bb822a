import { expect } from 'chai';
import { decodeJwt, decodeProtectedHeader, generateKeyPair } from 'jose';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { ADA } from './application.ts';
import { ON, outcomeOf, requestsPage } from './ciba-requests.ts';
import { now, refusal } from './fapi-parties.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import {
  type Changes,
  certificateHeader,
  ProfiledApplication,
  type RequestChanges,
} from './profiled-application.ts';

const CIBA_GRANT = 'urn:openid:params:grant-type:ciba';

describe('the FAPI-CIBA profile', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let files: CertificateFiles;
  let bank: ProfiledApplication;
  let browser: FormBrowser;

  const registration = {
    profile: 'fapi-ciba',
    redirect_uris: [],
    grant_types: [CIBA_GRANT, 'refresh_token'],
    backchannel_token_delivery_mode: 'poll',
  };

  before(async () => {
    files = writeCertificates();
    latchkey = await LatchkeyProcess.start({
      ...ON,
      LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy',
      LATCHKEY_TRUSTED_PROXIES: 'loopback',
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    bank = await ProfiledApplication.register(latchkey, registration, files.clientCertificate);
    browser = new FormBrowser(latchkey.issuer);
  });
  after(async () => {
    await latchkey?.stop();
    files?.remove();
  });

  const WHOLE = { scope: 'openid', login_hint: ADA.login, binding_message: 'till 3: KX-17' };

  /** Asks by a signed request, complete but for the changes. */
  async function ask(
    parameters: Record<string, unknown> = {},
    changes: Changes = {},
    more: RequestChanges = {},
  ): ReturnType<ProfiledApplication['post']> {
    const request = await bank.requestObject(
      { ...WHOLE, ...parameters },
      { ...changes, claims: { jti: crypto.randomUUID(), ...changes.claims } },
    );
    return bank.post('/backchannel', { request }, more);
  }

  const redeem = (auth_req_id: string, changes: RequestChanges = {}) =>
    bank.post('/token', { grant_type: CIBA_GRANT, auth_req_id }, changes);

  /** A request that the person has confirmed. */
  async function confirmed(parameters: Record<string, unknown> = {}): Promise<string> {
    const asked = await ask(parameters);
    expect(asked.status, refusal(asked)).to.equal(200);
    await browser.submit(await requestsPage(browser), 'approve-0');
    return asked.body.auth_req_id;
  }

  it('a whole flow: signed, bound to what the person sees, with tokens for the certificate alone', async () => {
    const asked = await ask({ requested_expiry: '120' });
    expect(asked.status, refusal(asked)).to.equal(200);
    expect(asked.body.expires_in).to.be.within(110, 120);
    const id = asked.body.auth_req_id as string;
    expect(outcomeOf(await redeem(id))).to.equal('authorization_pending');
    const page = await requestsPage(browser);
    expect(page.page).to.contain('till 3: KX-17');
    await browser.submit(page, 'approve-0');

    const unbound = await redeem(id, { certificate: undefined });
    expect(refusal(unbound)).to.match(/^invalid_grant/);
    const { status, body } = await redeem(id);
    expect(status).to.equal(200);
    expect(decodeProtectedHeader(body.id_token).alg).to.equal('ES256');
    const me = (headers: Record<string, string>) => fetch(new URL('/me', latchkey.issuer), { headers });
    const authorization = `Bearer ${body.access_token}`;
    expect((await me({ authorization })).status, 'without the certificate').to.equal(401);
    const answered = await me({ authorization, 'client-cert': certificateHeader(files.clientCertificate) });
    expect(answered.status).to.equal(200);
    // FAPI 1.0 Baseline §6.2.1 item 11.
    expect(answered.headers.get('x-fapi-interaction-id')).to.match(/^[0-9a-f-]{36}$/);
  });

  it('a person may refuse', async () => {
    const asked = await ask();
    await browser.submit(await requestsPage(browser), 'deny-0');
    expect(outcomeOf(await redeem(asked.body.auth_req_id))).to.equal('access_denied');
  });

  it('§5.2.2 item 8: acr is in the ID token of who asked for it', async () => {
    const { body } = await redeem(await confirmed({ acr_values: 'https://refeds.org/profile/sfa' }));
    expect(decodeJwt(body.id_token)).to.have.property('acr').that.is.a('string');
  });

  it('§5.2.2: an ID token serves as hint', async () => {
    const { body } = await redeem(await confirmed());
    const hinted = await ask({ login_hint: undefined, id_token_hint: body.id_token });
    expect(hinted.status, refusal(hinted)).to.equal(200);
    await browser.submit(await requestsPage(browser), 'deny-0');
  });

  const clauses: [clause: string, attempt: () => ReturnType<typeof ask>, words: RegExp][] = [
    [
      '§5.2.2 item 2: a request without binding_message',
      () => ask({ binding_message: undefined }),
      /^invalid_request: profile fapi-ciba: the request has no binding_message/,
    ],
    [
      '§5.2.2 item 6: a request that is not signed',
      () => bank.post('/backchannel', WHOLE),
      /^invalid_request: Request Object must be used/,
    ],
    [
      '§5.2.2 item 6: one that is signed by nobody',
      async () => {
        const request = (await bank.requestObject({ ...WHOLE, jti: 'a' })).split('.')[1];
        const header = Buffer.from('{"alg":"none"}').toString('base64url');
        return bank.post('/backchannel', { request: `${header}.${request}.` });
      },
      /^invalid_request: unsupported signed request alg/,
    ],
    [
      '§5.2.2 item 6: one that is signed by somebody else',
      async () => ask({}, { key: (await generateKeyPair('ES256')).privateKey }),
      /^invalid_request: could not validate/,
    ],
    ...(['aud', 'iss', 'exp', 'iat', 'nbf', 'jti'] as const).map(
      (claim): [string, () => ReturnType<typeof ask>, RegExp] => [
        `§5.2.2 item 6, CIBA Core §7.1.1: a signed request without ${claim}`,
        () => ask({}, { claims: { [claim]: undefined } }),
        /^invalid_request/,
      ],
    ),
    [
      '§5.2.2 item 9: one that lives for more than an hour',
      () => ask({}, { claims: { exp: now() + 4200 } }),
      /^invalid_request: .*an hour at most/,
    ],
    [
      '§5.2.2 item 9: one that began more than an hour before its end',
      () => ask({}, { claims: { nbf: now() - 4200 } }),
      /^invalid_request: profile fapi-ciba: .*an hour at most, from its nbf/,
    ],
    ['one that is over', () => ask({}, { claims: { exp: now() - 60 } }), /^invalid_request/],
    ['one that has not begun', () => ask({}, { claims: { nbf: now() + 600 } }), /^invalid_request/],
    [
      'FAPI 1.0 Advanced §8.6: assertions by RS256',
      async () => {
        const { privateKey } = await generateKeyPair('RS256');
        return ask({}, {}, { assertion: { key: privateKey, header: { alg: 'RS256' } } });
      },
      /^invalid_client/,
    ],
    [
      'FAPI 1.0 Advanced §8.6: requests by RS256',
      async () => {
        const { privateKey } = await generateKeyPair('RS256');
        return ask({}, { key: privateKey, header: { alg: 'RS256' } });
      },
      /^invalid_request: profile fapi-ciba: the request object must be signed by PS256, ES256/,
    ],
    ['CIBA Core §7.1: two hints', () => ask({ id_token_hint: 'a.b.c' }), /^invalid_request: only one of/],
    [
      '§5.2.2 item 1: nobody in particular',
      async () => ask({}, {}, { assertion: { key: (await generateKeyPair('ES256')).privateKey } }),
      /^invalid_client/,
    ],
  ];
  for (const [clause, attempt, words] of clauses) {
    it(`refuses ${clause}`, async () => {
      expect(refusal(await attempt())).to.match(words);
    });
  }
});
