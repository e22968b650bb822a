import { expect } from 'chai';
import * as client from 'openid-client';
import { ADA, type Answer, Application, answerIn } from './application.ts';
import { REDIRECT_URI } from './authentication-methods.ts';
import { dpopKey } from './dpop-key.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { type Metadata, OFF, ON, SWITCHES } from './protocol-switch-table.ts';

async function metadataOf(latchkey: LatchkeyProcess): Promise<Metadata> {
  const [openid, oauth] = await Promise.all(
    ['openid-configuration', 'oauth-authorization-server'].map(async (name) => {
      return (await (await fetch(`${latchkey.issuer}/.well-known/${name}`)).json()) as Metadata;
    }),
  );
  expect(oauth).to.deep.equal(openid);
  return openid as Metadata;
}

describe('each protocol switch', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  const registered = new Map<string, Application>();

  before(async () => {
    latchkey = await LatchkeyProcess.start({ ...ON });
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(() => latchkey.stop());

  async function restart(environment: Record<string, string>): Promise<void> {
    await latchkey.terminate();
    Object.assign(latchkey.environment, environment);
    await latchkey.launch();
  }

  describe('that is on', () => {
    for (const { setting, registration, told } of SWITCHES) {
      it(`${setting} is in the metadata, and can be registered and used`, async () => {
        expect(told(await metadataOf(latchkey))).to.be.ok;
        const app = await Application.register(latchkey, await registration());
        registered.set(setting, app);
        const { status } = await app.token({ grant_type: 'authorization_code', code: 'none' });
        expect(status, 'the client is known').to.equal(400);
      });
    }

    it('claims_parameter is in the metadata, and heard', async () => {
      expect(await metadataOf(latchkey)).to.include({ claims_parameter_supported: true });
      const app = await Application.register(latchkey);
      const landing = await new FormBrowser(latchkey.issuer).visit(
        app.authorizationRequest({ claims: 'no JSON' }).url,
      );
      expect(answerIn(landing)).to.include({ error: 'invalid_request' });
    });

    it('web_message gives the answer to a window of the application’s origin, and to no other', async () => {
      const app = registered.get('web_message') as Application;
      const browser = new FormBrowser(latchkey.issuer);
      const { landing } = await app.authorize(browser, { response_mode: 'web_message' });
      expect(landing.page)
        .to.contain('postMessage')
        .and.to.match(/"redirect_uri":"http:\/\/localhost:9\/callback"/);
      const response = await browser.request(
        app.authorizationRequest({ response_mode: 'web_message', prompt: 'none' }).url,
      );
      const policy = response.headers.get('content-security-policy') as string;
      expect(policy)
        .to.match(/script-src [^;]*'sha256-/)
        .and.not.contain('unsafe');
      expect(policy).to.match(/frame-ancestors http:\/\/localhost:9(;|$)/);
      expect(response.headers.get('x-frame-options')).to.equal(null);
      const other = await browser.request(
        app.authorizationRequest({ response_mode: 'web_message', redirect_uri: 'https://evil.example/' }).url,
      );
      expect(other.headers.get('content-security-policy')).to.contain("frame-ancestors 'none'");
      expect(other.headers.get('x-frame-options')).to.equal('DENY');
    });
  });

  describe('that goes off', () => {
    before(() => restart(OFF));

    for (const { setting, registration, told } of SWITCHES) {
      it(`${setting} is not in the metadata, and cannot be registered`, async () => {
        expect(told(await metadataOf(latchkey))).to.not.be.ok;
        const problem = await Application.register(latchkey, await registration()).catch(String);
        expect(problem).to.contain('invalid_client_metadata').and.to.contain(`features.${setting}`);
      });

      it(`${setting} leaves no client without what it registered for: it is refused, and named in the log`, async () => {
        const app = registered.get(setting) as Application;
        const answer = await app.token({ grant_type: 'authorization_code', code: 'none' });
        expect(answer.status).to.equal(400);
        expect(answer.body.error).to.equal('invalid_client_metadata');
        expect(answer.body.error_description).to.contain(`features.${setting}`);
        const landing = await new FormBrowser(latchkey.issuer).visit(app.authorizationRequest().url);
        expect(landing).to.include({ status: 400, pageName: 'error' });
        await eventually(`${setting} is named`, () =>
          latchkey.output
            .split('\n')
            .some((line) => line.includes(app.clientId) && line.includes(`needs features.${setting}`)),
        );
      });
    }

    it('claims_parameter is not in the metadata, and ignored', async () => {
      expect(await metadataOf(latchkey)).to.include({ claims_parameter_supported: false });
      const app = await Application.register(latchkey);
      const landing = await new FormBrowser(latchkey.issuer).visit(
        app.authorizationRequest({ claims: 'no JSON' }).url,
      );
      expect(landing.pageName).to.equal('login');
    });

    it('request_objects: one that is sent is not supported', async () => {
      const app = await Application.register(latchkey);
      const { url } = app.authorizationRequest({ request: 'e30.e30.' });
      const landing = await new FormBrowser(latchkey.issuer).visit(url);
      expect(answerIn(landing)).to.include({ error: 'request_not_supported' });
    });

    it('names APIs whose algorithm left the configuration', async () => {
      await restart({ LATCHKEY_KEYS_ALGORITHMS: 'RS256,ES256,EdDSA' });
      await latchkey.json(['apis', 'create', '--identifier', 'https://api.example', '--algorithm', 'EdDSA']);
      await restart({ LATCHKEY_KEYS_ALGORITHMS: 'RS256,ES256' });
      await eventually('the API is named', () =>
        /"api":"https:\/\/api\.example"[^\n]*EdDSA/.test(latchkey.output),
      );
    });
  });

  describe('that is required', () => {
    let keys: client.DPoPHandle;
    let config: client.Configuration;

    before(() =>
      restart({
        LATCHKEY_FEATURES_PUSHED_REQUESTS: 'required',
        LATCHKEY_FEATURES_DPOP_NONCES: 'required',
        LATCHKEY_FEATURES_REQUEST_OBJECTS: 'optional',
      }),
    );

    it('pushed_requests: says so, and refuses others', async () => {
      expect(await metadataOf(latchkey)).to.include({ require_pushed_authorization_requests: true });
      const app = await Application.register(latchkey);
      const { url } = app.authorizationRequest();
      const refused = await new FormBrowser(latchkey.issuer).visit(url);
      expect(answerIn(refused)).to.include({ error: 'invalid_request' });
      const { body } = await app.post('/request', Object.fromEntries(url.searchParams));
      const pushed = new URL('/auth', latchkey.issuer);
      pushed.search = String(new URLSearchParams({ client_id: app.clientId, request_uri: body.request_uri }));
      expect((await new FormBrowser(latchkey.issuer).visit(pushed)).pageName).to.equal('login');
    });

    it('dpop_nonces: a proof without one is told which to use, and openid-client does', async () => {
      const app = await Application.register(latchkey, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
      });
      const key = await dpopKey();
      const proof = (nonce?: string) =>
        key.proof(`${latchkey.issuer}/token`, nonce === undefined ? {} : { nonce });
      const ask = async (nonce?: string): Promise<Answer> =>
        app.token({ grant_type: 'client_credentials' }, { DPoP: await proof(nonce) });
      const first = await ask();
      expect({ status: first.status, error: first.body.error }).to.deep.equal({
        status: 400,
        error: 'use_dpop_nonce',
      });
      const nonce = first.headers.get('dpop-nonce') as string;
      const second = await ask(nonce);
      expect(second.status).to.equal(200);
      expect((await app.introspect(second.body.access_token)).body.cnf).to.deep.equal({
        jkt: key.thumbprint,
      });
      const forged = await ask(nonce.split('').reverse().join(''));
      expect(forged.body.error).to.equal('use_dpop_nonce');
      expect(forged.headers.get('dpop-nonce')).to.be.a('string');

      config = await client.discovery(
        new URL(latchkey.issuer),
        app.clientId,
        { client_secret: app.secret as string },
        client.ClientSecretBasic(app.secret as string),
        { execute: [client.allowInsecureRequests] },
      );
      keys = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'));
      const tokens = await client.clientCredentialsGrant(config, {}, { DPoP: keys });
      expect(tokens.token_type).to.equal('dpop');
    });

    it('dpop_nonces: those of before a rotation of signing keys are exchanged for new ones', async () => {
      await client.clientCredentialsGrant(config, {}, { DPoP: keys });
      await latchkey.json(['keys', 'rotate', '--immediately']);
      await restart({});
      const tokens = await client.clientCredentialsGrant(config, {}, { DPoP: keys });
      expect(tokens.token_type).to.equal('dpop');
    });

    it('request_objects: says so, and refuses unsigned ones', async () => {
      await restart({
        LATCHKEY_FEATURES_REQUEST_OBJECTS: 'required',
        LATCHKEY_FEATURES_PUSHED_REQUESTS: 'optional',
      });
      expect(await metadataOf(latchkey)).to.include({ require_signed_request_object: true });
      const app = await Application.register(latchkey, { redirect_uris: [REDIRECT_URI] });
      const landing = await new FormBrowser(latchkey.issuer).visit(app.authorizationRequest().url);
      expect(answerIn(landing)).to.include({ error: 'invalid_request' });
    });
  });
});
