import { expect } from 'chai';
import * as client from 'openid-client';
import { ADA, type Answer, Application } from './application.ts';
import { DocumentServer } from './document-server.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { CALLBACK, send } from './registration-request.ts';
import { STORES, type Store } from './stores.ts';

for (const [name, openStore] of Object.entries(STORES)) {
  describe(`applications that register themselves, with ${name}`, function () {
    this.timeout(60_000);
    let store: Store;
    let documents: DocumentServer;
    let latchkey: LatchkeyProcess;
    let initialToken: string;

    before(async () => {
      [store, documents] = await Promise.all([openStore(), DocumentServer.start()]);
      latchkey = await LatchkeyProcess.start({
        ...store.environment,
        ...documents.environment,
        LATCHKEY_WORKERS: '2',
        LATCHKEY_CLIENT_REGISTRATION_MODE: 'initial_access_token',
        LATCHKEY_CLIENT_REGISTRATION_LIMITS_PER_ADDRESS: '1000',
        LATCHKEY_CLIENT_REGISTRATION_REDIRECT_HOSTS: 'app.example.com *.example.org loopback localhost',
      });
      await latchkey.createPerson(ADA.login, ADA.password);
      initialToken = await newToken('--uses', '500');
    });
    after(async () => {
      await latchkey?.stop();
      await documents?.stop();
      await store?.remove();
    });

    async function newToken(...options: string[]): Promise<string> {
      return (await latchkey.json(['registration-tokens', 'create', ...options])).token as string;
    }

    function register(metadata: unknown, token: string | undefined = initialToken): Promise<Answer> {
      return send(`${latchkey.issuer}/reg`, 'POST', { body: metadata, token });
    }

    async function registered(metadata: Record<string, unknown> = {}): Promise<Record<string, string>> {
      const { status, body } = await register({ redirect_uris: [CALLBACK], ...metadata });
      expect(status, JSON.stringify(body)).to.equal(201);
      return body;
    }

    it('are told where in discovery, and an ordinary library signs people in with what it registered', async () => {
      const configuration = await client.dynamicClientRegistration(
        new URL(latchkey.issuer),
        { redirect_uris: [CALLBACK], client_name: 'Self-made', grant_types: ['authorization_code'] },
        undefined,
        { execute: [client.allowInsecureRequests], initialAccessToken: initialToken },
      );
      const verifier = client.randomPKCECodeVerifier();
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: CALLBACK,
        scope: 'openid email',
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const browser = new FormBrowser(latchkey.issuer);
      const login = await browser.visit(url);
      const consent = await browser.submit(login, 'submit', { ...ADA });
      expect(consent.pageName).to.equal('consent');
      expect(consent.page)
        .to.include('id="unverified"')
        .and.match(/<bdi>Self-made<\/bdi> registered itself/);
      const landing = await browser.submit(consent, 'approve');
      const tokens = await client.authorizationCodeGrant(configuration, landing.url, {
        pkceCodeVerifier: verifier,
      });
      expect(tokens.claims()?.sub).to.be.a('string');
    });

    it('are answered as RFC 7591 asks, and listed with their origin', async () => {
      const answer = await register({
        redirect_uris: [CALLBACK],
        client_name: 'Answered',
        unheard_of: 1,
        grant_types: ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code'],
        scope: 'openid admin',
      });
      expect(answer.status).to.equal(201);
      expect(answer.headers.get('cache-control')).to.equal('no-store');
      const { body } = answer;
      expect(body).to.include({ client_name: 'Answered', client_secret_expires_at: 0 });
      expect(body.grant_types).to.deep.equal(['authorization_code', 'refresh_token']);
      // All that it may have, for requests that come later.
      expect(body.scope).to.equal('openid profile email offline_access');
      expect(body).not.to.have.any.keys('unheard_of', 'software_statement', 'origin');
      expect(body.client_secret).to.match(/^[\w-]{43}$/);
      expect(body.registration_client_uri).to.equal(`${latchkey.issuer}/reg/${body.client_id}`);
      const listed = await latchkey.json<Record<string, string>[]>(['clients', 'list']);
      expect(listed.find(({ client_id: id }) => id === body.client_id)?.origin).to.equal('registration');
      const table = (await latchkey.command(['clients', 'list'])).stdout;
      expect(table)
        .to.match(/^CLIENT ID.*REGISTERED BY/m)
        .and.match(/Answered.*itself/);
    });

    it('are not led to by a link to this server', async () => {
      const initiate = 'https://app.example.com/login';
      const { client_id: clientId = '' } = await registered({ initiate_login_uri: initiate });
      const { status, headers } = await fetch(`${latchkey.issuer}/start-login?client_id=${clientId}`, {
        redirect: 'manual',
      });
      expect({ status, location: headers.get('location') }).to.deep.equal({ status: 404, location: null });
    });

    it('are let in anew each time where any program of the device may listen for the answer', async () => {
      const local = 'http://127.0.0.1:4711/callback';
      const { client_id: clientId = '' } = await registered({ redirect_uris: [local, CALLBACK] });
      const browser = new FormBrowser(latchkey.issuer);
      const asking = (redirectUri: string, more: Record<string, string> = {}) =>
        Application.known(latchkey.issuer, clientId, redirectUri).authorizationRequest(more).url;
      expect((await browser.authorize(asking(local), ADA)).url.searchParams.get('code')).to.be.a('string');
      expect((await browser.visit(asking(local))).pageName).to.equal('consent');
      const silent = await browser.visit(asking(local, { prompt: 'none' }));
      expect(silent.url.searchParams.get('error')).to.equal('interaction_required');
      const remembered = await browser.visit(asking(CALLBACK));
      expect(remembered.url.href).to.match(/^https:\/\/app\.example\.com\/callback\?code=/);
    });

    it('may be scripts of any origin', async () => {
      const preflight = await fetch(`${latchkey.issuer}/reg`, {
        method: 'OPTIONS',
        headers: { Origin: 'https://spa.example', 'Access-Control-Request-Method': 'POST' },
      });
      expect(preflight.status).to.equal(204);
      expect(preflight.headers.get('access-control-allow-origin')).to.equal('*');
      expect(preflight.headers.get('access-control-allow-headers')).to.match(/authorization/i);
      const wrong = await send(`${latchkey.issuer}/reg`, 'GET');
      expect(wrong.status).to.equal(405);
    });

    for (const [what, metadata, error, words] of [
      ['no redirect URI', {}, 'invalid_client_metadata', /redirect_uris/],
      [
        'another host',
        { redirect_uris: ['https://evil.example/cb'] },
        'invalid_redirect_uri',
        /app\.example\.com/,
      ],
      [
        'a scheme of its own in front of an allowed host',
        { application_type: 'native', redirect_uris: ['com.evil.app://app.example.com/cb'] },
        'invalid_redirect_uri',
        /host/,
      ],
      [
        'a bare parent of a wildcard',
        { redirect_uris: ['https://example.org/cb'] },
        'invalid_redirect_uri',
        /host/,
      ],
      ['a fragment', { redirect_uris: [`${CALLBACK}#f`] }, 'invalid_redirect_uri', /fragment/],
      [
        'a method that is not allowed',
        { token_endpoint_auth_method: 'client_secret_jwt' },
        'invalid_client_metadata',
        /token_endpoint_auth_method/,
      ],
      [
        'only grants that are not allowed',
        { grant_types: ['client_credentials'], response_types: [] },
        'invalid_client_metadata',
        /grant_types/,
      ],
      ['only scopes that are not allowed', { scope: 'admin' }, 'invalid_client_metadata', /scope/],
      [
        'a member for the operator',
        { resource_server: 'https://api.example' },
        'invalid_client_metadata',
        /resource_server is for the operator/,
      ],
      [
        'a rule for itself',
        { token_exchange: [] },
        'invalid_client_metadata',
        /token_exchange is for the operator/,
      ],
      [
        'plain http keys',
        { jwks_uri: 'http://localhost:1/jwks' },
        'invalid_client_metadata',
        /jwks_uri must use https/,
      ],
      ['a Cyrillic name', { client_name: 'Gооgle' }, 'invalid_client_metadata', /mix letters/],
      ['a name of look-alikes alone', { client_name: 'арре' }, 'invalid_client_metadata', /look like/],
      [
        'a name that turns direction',
        { client_name: 'bank\u202egro.' },
        'invalid_client_metadata',
        /direction/,
      ],
      [
        'the provider’s own name',
        { client_name: 'LATCHKEY' },
        'invalid_client_metadata',
        /name of this provider/,
      ],
      [
        'an unlisted sector',
        { subject_type: 'pairwise', sector_identifier_uri: 'https://localhost:1/sector' },
        'invalid_client_metadata',
        /sector_identifier_uri/,
      ],
    ] as const) {
      it(`are refused with ${what}, in words that help`, async () => {
        const given = what === 'no redirect URI' ? metadata : { redirect_uris: [CALLBACK], ...metadata };
        const { status, body } = await register(given);
        expect(status).to.equal(400);
        expect(body.error).to.equal(error);
        expect(body.error_description).to.match(words);
      });
    }

    it('are refused what is no JSON object', async () => {
      for (const body of ['[]', '{"a":', '"text"']) {
        const answer = await register(body);
        expect(answer.status, body).to.equal(400);
        expect(answer.body.error, body).to.match(/^invalid_(client_metadata|request)$/);
      }
      const form = await fetch(`${latchkey.issuer}/reg`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${initialToken}` },
        body: new URLSearchParams({ redirect_uris: CALLBACK }),
      });
      expect(form.status).to.equal(400);
      const large = await register({ redirect_uris: [CALLBACK], client_name: 'x'.repeat(80_000) });
      expect(large.status).to.equal(413);
    });

    it('take part in a sector when its list has all their addresses, and not otherwise', async () => {
      const sector = { subject_type: 'pairwise' };
      const listed = documents.json('/sector', [CALLBACK, 'https://a.example.org/cb']);
      await registered({ ...sector, sector_identifier_uri: listed });
      const other = await register({
        ...sector,
        redirect_uris: [CALLBACK, 'https://b.example.org/cb'],
        sector_identifier_uri: listed,
      });
      expect(other.body.error_description).to.match(/does not list .*b\.example\.org/);
      const elsewhere = documents.at('/moved', (_request, response) =>
        response.writeHead(302, { location: listed }).end(),
      );
      const moved = await register({
        ...sector,
        redirect_uris: [CALLBACK],
        sector_identifier_uri: elsewhere,
      });
      expect(moved.body.error_description).to.match(/status 302/);
    });

    describe('with initial access tokens', () => {
      it('need one, that the operator made and did not revoke', async () => {
        const none = await send(`${latchkey.issuer}/reg`, 'POST', { body: { redirect_uris: [CALLBACK] } });
        expect(none.status).to.equal(401);
        expect(none.headers.get('www-authenticate'))
          .to.match(/^Bearer realm=/)
          .and.not.match(/error=/);
        const wrong = await register({ redirect_uris: [CALLBACK] }, 'a-guess');
        expect(wrong.status).to.equal(401);
        expect(wrong.body.error).to.equal('invalid_token');
        expect(wrong.headers.get('www-authenticate')).to.match(/error="invalid_token"/);
        const made = await latchkey.json(['registration-tokens', 'create', '--label', 'Blue']);
        const listed = await latchkey.json<object[]>(['registration-tokens', 'list']);
        expect(JSON.stringify(listed)).to.include('Blue').and.not.include(made.token);
        await latchkey.json(['registration-tokens', 'revoke', made.id as string]);
        expect((await register({ redirect_uris: [CALLBACK] }, made.token)).status).to.equal(401);
      });

      it('use each as often as it may be: of many at once over two processes, so many', async () => {
        const token = await newToken('--uses', '3');
        const answers = await Promise.all(
          Array.from({ length: 16 }, () => register({ redirect_uris: [CALLBACK] }, token)),
        );
        expect(answers.filter(({ status }) => status === 201)).to.have.length(3);
        expect(answers.filter(({ status }) => status === 401)).to.have.length(13);
      });

      it('lose nothing by a refused registration', async () => {
        const token = await newToken();
        expect((await register({ redirect_uris: [] }, token)).status).to.equal(400);
        expect((await register({ redirect_uris: [CALLBACK] }, token)).status).to.equal(201);
        expect((await register({ redirect_uris: [CALLBACK] }, token)).status).to.equal(401);
      });
    });
  });
}
