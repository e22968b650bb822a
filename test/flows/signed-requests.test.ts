import { expect } from 'chai';
import { CompactEncrypt, type CryptoKey, exportJWK, generateKeyPair, importJWK, SignJWT } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { codeFlow, configure } from './openid-code-flow.ts';

describe('signed authorization requests (RFC 9101)', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let signing: { publicKey: CryptoKey; privateKey: CryptoKey };
  let jwks: { keys: object[] };

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_ENCRYPTION: 'true' });
    await latchkey.createPerson(ADA.login, ADA.password);
    signing = await generateKeyPair('ES256', { extractable: true });
    jwks = { keys: [{ ...(await exportJWK(signing.publicKey)), use: 'sig', kid: 'sig', alg: 'ES256' }] };
  });
  after(() => latchkey.stop());

  it('are taken by value, signed by the key that the client registered', async () => {
    const config = await configure(latchkey, { jwks, require_signed_request_object: true });
    const { url, claims } = await codeFlow(latchkey, config, {}, { key: signing.privateKey, kid: 'sig' });
    expect([...url.searchParams.keys()]).to.have.members(['client_id', 'request']);
    expect(claims.aud).to.equal(config.clientMetadata().client_id);
  });

  it('are refused unsigned from a client that registered for signed ones, also when they are pushed', async () => {
    const app = await Application.register(latchkey, { jwks, require_signed_request_object: true });
    const landing = await new FormBrowser(latchkey.issuer).visit(app.authorizationRequest().url);
    expect(answerIn(landing)).to.include({ error: 'invalid_request' });
    const { url } = app.authorizationRequest();
    const { status, body } = await app.post('/request', Object.fromEntries(url.searchParams));
    expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_request' });
  });

  /** A signed request of an application, complete but for what `claims` and `header` change. */
  async function signedRequest(
    app: Application,
    claims: Record<string, unknown> = {},
    header: Record<string, unknown> = {},
    key: CryptoKey | undefined = undefined,
  ) {
    const { url } = app.authorizationRequest();
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      ...Object.fromEntries(url.searchParams),
      iss: app.clientId,
      aud: latchkey.issuer,
      exp: now + 300,
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'sig', ...header })
      .sign(key ?? signing.privateKey);
  }

  async function answerTo(app: Application, request: string, more: Record<string, string> = {}) {
    const url = new URL('/auth', latchkey.issuer);
    url.search = String(new URLSearchParams({ client_id: app.clientId, request, ...more }));
    return new FormBrowser(latchkey.issuer).visit(url);
  }

  it('may come encrypted to a key of the provider', async () => {
    const published = (await (await fetch(`${latchkey.issuer}/jwks`)).json()) as {
      keys: Record<string, string>[];
    };
    const key = published.keys.find(({ use }) => use === 'enc') as Record<string, string>;
    expect(key).to.include({ kty: 'EC', crv: 'P-256' }).and.not.have.property('d');
    const app = await Application.register(latchkey, { jwks });
    const encrypt = async (request: string, enc: string) =>
      new CompactEncrypt(new TextEncoder().encode(request))
        .setProtectedHeader({ alg: 'ECDH-ES', enc, cty: 'oauth-authz-req+jwt', kid: key.kid as string })
        .encrypt(await importJWK(key, 'ECDH-ES'));
    const landing = await answerTo(app, await encrypt(await signedRequest(app), 'A128GCM'));
    expect(landing.pageName).to.equal('login');
    const other = await answerTo(app, await encrypt(await signedRequest(app), 'A192GCM'));
    expect(other.page + other.url.search).to.contain('invalid_request_object');
  });

  const now = () => Math.floor(Date.now() / 1000);
  for (const [what, claims, header] of [
    ['that never ends', { exp: undefined }, {}],
    ['that is over', { exp: now() - 60 }, {}],
    ['that may be of use for a day', { exp: now() + 86_400 }, {}],
    ['for another provider', { aud: 'https://other.example' }, {}],
    ['of another client', { iss: 'somebody' }, {}],
    ['that is a client assertion', { sub: 'CLIENT' }, {}],
    ['of another type', {}, { typ: 'logout+jwt' }],
  ] as const) {
    it(`a request ${what} is refused`, async () => {
      const app = await Application.register(latchkey, { jwks });
      const own = 'sub' in claims ? { sub: app.clientId } : claims;
      const landing = await answerTo(app, await signedRequest(app, own, header));
      // Whether to the client or on a page: never a login.
      const { error } = answerIn(landing);
      expect(error ?? (/invalid_request_object/.exec(landing.page)?.[0] as string)).to.equal(
        'invalid_request_object',
      );
    });
  }

  it('one signed by somebody else, or by nobody, is refused on a page of ours', async () => {
    const app = await Application.register(latchkey, { jwks });
    const other = await generateKeyPair('ES256');
    const forged = await signedRequest(
      app,
      { redirect_uri: 'http://localhost:9/evil' },
      {},
      other.privateKey,
    );
    expect(await answerTo(app, forged)).to.include({ status: 400, pageName: 'error' });
    const [, payload] = (await signedRequest(app)).split('.');
    const header = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
    const landing = await answerTo(app, `${header}.${payload}.`);
    expect(landing.page + landing.url.search).to.contain('invalid_request_object');
  });

  it('what stands beside a signed request does not count', async () => {
    const app = await Application.register(latchkey, { jwks });
    const landing = await answerTo(app, await signedRequest(app, { prompt: 'none' }), {
      state: 'added',
      prompt: 'login',
    });
    expect(answerIn(landing)).to.include({ error: 'login_required', state: 'a-state' });
  });

  it('an address to fetch one from is not supported: only what was pushed has a request_uri', async () => {
    const app = await Application.register(latchkey, { jwks });
    const { url } = app.authorizationRequest({ request_uri: 'https://app.example/request.jwt' });
    expect(answerIn(await new FormBrowser(latchkey.issuer).visit(url))).to.include({
      error: 'request_uri_not_supported',
    });
  });
});
