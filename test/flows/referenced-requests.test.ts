import { createHash } from 'node:crypto';
import { expect } from 'chai';
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { DocumentServer } from './document-server.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { type LogLine, logOf } from './server-log.ts';

/** RFC 9101 §4. */
const TYPE = 'application/oauth-authz-req+jwt';

describe('authorization requests by reference (OpenID Connect Core §6.2, RFC 9101 §5.2)', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let documents: DocumentServer;
  let signing: { publicKey: CryptoKey; privateKey: CryptoKey };
  let jwks: { keys: object[] };

  before(async () => {
    documents = await DocumentServer.start();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_FEATURES_REQUEST_URIS: 'true',
      LATCHKEY_CLIENT_REGISTRATION_MODE: 'open',
      ...documents.environment,
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    signing = await generateKeyPair('ES256', { extractable: true });
    jwks = { keys: [{ ...(await exportJWK(signing.publicKey)), use: 'sig', kid: 'sig', alg: 'ES256' }] };
  });
  after(async () => {
    await latchkey?.stop();
    await documents?.stop();
  });

  const register = (uris: string[], more: Record<string, unknown> = {}) =>
    Application.register(latchkey, { jwks, request_uris: uris, ...more });

  /** What the application would ask for by plain parameters, signed; `claims` changes it. */
  async function signed(app: Application, claims: Record<string, unknown> = {}, key = signing.privateKey) {
    const { url, verifier } = app.authorizationRequest({ state: 'signed' });
    const parameters = Object.fromEntries(url.searchParams);
    const exp = Math.floor(Date.now() / 1000) + 300;
    const request = await new SignJWT({
      ...parameters,
      ...{ iss: app.clientId, aud: latchkey.issuer, exp },
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'sig' })
      .sign(key);
    return { request, verifier };
  }

  /** Serves a request object at this path. */
  const serve = (path: string, body: string, headers: Record<string, string> = { 'content-type': TYPE }) =>
    documents.at(path, (_request, response) => response.writeHead(200, headers).end(body));

  function addressOf(app: Application, uri: string, more: Record<string, string> = {}): URL {
    const url = new URL('/auth', latchkey.issuer);
    url.search = String(new URLSearchParams({ client_id: app.clientId, request_uri: uri, ...more }));
    return url;
  }

  /** The error of a request whose plain parameters lead back to the application. */
  async function errorOf(app: Application, uri: string, more: Record<string, string> = {}) {
    const landing = await new FormBrowser(latchkey.issuer).visit(
      addressOf(app, uri, { redirect_uri: app.redirectUri, response_type: 'code', ...more }),
    );
    return answerIn(landing);
  }

  it('are in the metadata, with the addresses that must be registered', async () => {
    const told = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
    expect(told).to.include({
      request_uri_parameter_supported: true,
      require_request_uri_registration: true,
    });
  });

  it('lead to a sign-in: the request counts, and what stands beside it does not', async () => {
    const uri = `${documents.origin}/requests/whole`;
    const app = await register([uri], { require_signed_request_object: true });
    const { request, verifier } = await signed(app);
    serve('/requests/whole', request);
    const browser = new FormBrowser(latchkey.issuer);
    const landing = await browser.authorize(addressOf(app, uri, { state: 'beside', scope: 'openid' }), ADA);
    expect(answerIn(landing)).to.include({ state: 'signed' });
    const code = landing.url.searchParams.get('code') as string;
    expect((await app.redeem({ code, verifier })).body).to.have.property('id_token');
  });

  it('may be posted', async () => {
    const uri = `${documents.origin}/requests/posted`;
    const app = await register([uri]);
    serve('/requests/posted', (await signed(app, { prompt: 'none' })).request);
    const answer = await fetch(new URL('/auth', latchkey.issuer), {
      method: 'POST',
      body: new URLSearchParams({ client_id: app.clientId, request_uri: uri }),
      redirect: 'manual',
    });
    // Posted requests go on as a visit of the browser's own.
    const next = new URL(answer.headers.get('location') ?? '', latchkey.issuer);
    const landing = await new FormBrowser(latchkey.issuer).visit(next);
    expect(answerIn(landing)).to.include({ error: 'login_required', state: 'signed' });
  });

  it('are taken without exp, since the application can take them back; by value the same is refused', async () => {
    const uri = `${documents.origin}/requests/endless`;
    const app = await register([uri]);
    const { request } = await signed(app, { exp: undefined, prompt: 'none' });
    serve('/requests/endless', request, { 'content-type': 'application/jwt; charset=utf-8' });
    expect(await errorOf(app, uri)).to.include({ error: 'login_required' });
    const byValue = addressOf(app, uri, { request });
    byValue.searchParams.delete('request_uri');
    const landing = await new FormBrowser(latchkey.issuer).visit(byValue);
    expect(landing.pageName).to.equal('error');
    expect(landing.page).to.contain('invalid_request_object');
  });

  it('an application that registers itself may have them, with https addresses alone', async () => {
    const registration = (uri: string) =>
      fetch(`${latchkey.issuer}/reg`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ redirect_uris: ['https://app.example/cb'], jwks, request_uris: [uri] }),
      });
    const taken = await registration('https://app.example/request#fragment');
    expect(await taken.json()).to.deep.include({ request_uris: ['https://app.example/request#fragment'] });
    for (const uri of ['http://localhost:9/request', `https://app.example/${'a'.repeat(512)}`]) {
      const refused = await registration(uri);
      expect(refused.status, uri).to.equal(400);
      expect(((await refused.json()) as { error: string }).error, uri).to.equal('invalid_client_metadata');
    }
  });

  describe('that cannot be', () => {
    let app: Application;
    const uri = (name: string) => `${documents.origin}/refused/${name}`;
    const names = ['missing', 'moved', 'page', 'large', 'slow', 'forged', 'unsigned', 'nested', 'other'];
    const elsewhere = ['https://192.0.2.1/request', 'https://app.invalid/request'];

    before(async () => {
      app = await register([...names.map(uri), ...elsewhere]);
      const { request } = await signed(app);
      documents.at('/refused/moved', (_request, response) => {
        response.writeHead(302, { location: uri('page') }).end();
      });
      serve('/refused/page', request, { 'content-type': 'text/html' });
      serve('/refused/large', 'a'.repeat(100_000));
      documents.at('/refused/slow', (_request, response) => {
        response.writeHead(200, { 'content-type': TYPE }).write('a');
      });
      const stranger = await generateKeyPair('ES256');
      serve('/refused/forged', (await signed(app, {}, stranger.privateKey)).request);
      const header = Buffer.from('{"alg":"none"}').toString('base64url');
      serve('/refused/unsigned', `${header}.${request.split('.')[1]}.`);
      serve('/refused/nested', (await signed(app, { request_uri: uri('page') })).request);
      serve('/refused/other', (await signed(app, { client_id: 'somebody', iss: 'somebody' })).request);
    });

    for (const [name, error, words, cause] of [
      ['missing', 'invalid_request_uri', /status 404/, 'request_uri_answer'],
      ['moved', 'invalid_request_uri', /status 302/, 'request_uri_answer'],
      ['page', 'invalid_request_uri', /type application\/oauth-authz-req\+jwt/, 'request_uri_answer'],
      ['large', 'invalid_request_uri', /longer than 65536/, 'request_uri_unreachable'],
      ['slow', 'invalid_request_uri', /did not answer/, 'request_uri_unreachable'],
      ['forged', 'invalid_request_object', /validate/, 'request_object_signature'],
      ['unsigned', 'invalid_request_object', /alg/, 'request_object_algorithm'],
      ['nested', 'invalid_request_object', /must not contain/, undefined],
      ['other', 'invalid_request_object', /client_id/, undefined],
    ] as const) {
      it(`are refused: ${name}`, async () => {
        const landing = await new FormBrowser(latchkey.issuer).visit(
          addressOf(app, uri(name), { redirect_uri: app.redirectUri, response_type: 'code' }),
        );
        const { error: told, error_description: described = '' } = answerIn(landing);
        if (told === undefined) {
          // What is signed, though badly, says itself where the answer goes.
          expect(landing.pageName).to.equal('error');
          expect(landing.page).to.contain(error);
        } else {
          expect({ told, described }).to.deep.equal({ told: error, described });
          expect(described).to.match(words);
        }
        if (cause === undefined) return;
        const line = (each: LogLine) => each.cause === cause && each.clientId === app.clientId;
        await eventually('the log names the cause', () => logOf(latchkey).some(line));
      });
    }

    for (const address of elsewhere) {
      it(`are not fetched from ${address}`, async () => {
        const { error, error_description } = await errorOf(app, address);
        expect(error).to.equal('invalid_request_uri');
        expect(error_description).to.match(/is not of the public Internet, or does not exist/);
      });
    }

    it('are not fetched from where the application did not register', async () => {
      const wrong = [
        uri('page?'),
        uri('page/..//page'),
        `${uri('page')}x`,
        'https://evil.example/',
        'request',
      ];
      for (const address of wrong) {
        const { error, error_description } = await errorOf(app, address);
        expect({ address, error }).to.deep.equal({ address, error: 'invalid_request_uri' });
        expect(error_description).to.equal('request_uri is not one that the client registered');
      }
      const other = await Application.register(latchkey, { jwks });
      expect(await errorOf(other, uri('page'))).to.include({ error: 'invalid_request_uri' });
      const line = (each: LogLine) => each.cause === 'request_uri_not_registered';
      await eventually('the log names the cause', () => logOf(latchkey).some(line));
    });

    it('are refused beside a request by value, and at other endpoints', async () => {
      const { request } = await signed(app);
      expect(await errorOf(app, uri('page'), { request })).to.include({ error: 'invalid_request' });
      const pushed = await app.post('/request', { request_uri: uri('page') });
      expect(pushed.body).to.include({ error: 'request_uri_not_supported' });
      const asked = documents.asked('/refused/page');
      const pushing = await register([uri('page')], { require_pushed_authorization_requests: true });
      expect(await errorOf(pushing, uri('page'))).to.include({ error: 'request_uri_not_supported' });
      expect(documents.asked('/refused/page'), 'nothing is fetched in vain').to.equal(asked);
    });
  });

  it('are not sent back to an address that is not registered', async () => {
    const app = await register([]);
    const landing = await new FormBrowser(latchkey.issuer).visit(
      addressOf(app, 'https://evil.example/', {
        redirect_uri: 'https://evil.example/',
        response_type: 'code',
      }),
    );
    expect(landing).to.include({ status: 400, pageName: 'error' });
  });

  it('many visits at once are one call to the application', async () => {
    const uri = `${documents.origin}/requests/busy`;
    const app = await register([uri]);
    serve('/requests/busy', (await signed(app, { prompt: 'none' })).request);
    const answers = await Promise.all(Array.from({ length: 20 }, () => errorOf(app, uri)));
    for (const answer of answers) expect(answer).to.include({ error: 'login_required' });
    // A slow machine may need longer for twenty than a call is remembered.
    expect(documents.asked('/requests/busy')).to.be.within(1, 10);
  });

  it('a fragment says which contents are meant: its digest makes them last, another one asks anew', async () => {
    const uri = `${documents.origin}/requests/versions`;
    const digestOf = (text: string) => createHash('sha256').update(text).digest('base64url');
    const app = await register([]);
    const { request: first } = await signed(app, { prompt: 'none', state: 'first' });
    const { request: second } = await signed(app, { prompt: 'none', state: 'second' });
    const [one, other, wrong] = [digestOf(first), digestOf(second), 'wrong'].map(
      (text) => `${uri}#${text}`,
    ) as [string, string, string];
    const registration = JSON.stringify({ request_uris: [one, other, wrong] });
    await latchkey.json(['clients', 'update', app.clientId, '--file', '-'], registration);
    serve('/requests/versions', first);
    await eventually('the change has arrived', async () => (await errorOf(app, one)).state === 'first');
    serve('/requests/versions', second);
    expect(await errorOf(app, other), 'at once').to.include({ state: 'second' });
    await eventually('what has no digest is fetched anew', async () => {
      return (await errorOf(app, wrong)).state === 'second';
    });
    const asked = documents.asked('/requests/versions');
    expect(await errorOf(app, one), 'still').to.include({ state: 'first' });
    expect(documents.asked('/requests/versions')).to.equal(asked);
    for (const unregistered of [uri, `${uri}#other`]) {
      expect(await errorOf(app, unregistered)).to.include({ error: 'invalid_request_uri' });
    }
  });
});
