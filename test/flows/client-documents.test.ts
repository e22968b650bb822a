import { expect } from 'chai';
import { exportJWK, generateKeyPair } from 'jose';
import * as client from 'openid-client';
import { ADA } from './application.ts';
import { DocumentServer } from './document-server.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { STORES, type Store } from './stores.ts';

const LOOPBACK = 'http://127.0.0.1:4711/callback';
const CALLBACK = 'https://agent.example/callback';

for (const [name, openStore] of Object.entries(STORES)) {
  describe(`applications that are known by their document, with ${name}`, function () {
    this.timeout(60_000);
    let store: Store;
    let documents: DocumentServer;
    let latchkey: LatchkeyProcess;
    let count = 0;

    before(async () => {
      [store, documents] = await Promise.all([openStore(), DocumentServer.start()]);
      latchkey = await LatchkeyProcess.start({
        ...store.environment,
        ...documents.environment,
        LATCHKEY_WORKERS: '2',
        LATCHKEY_CLIENT_DOCUMENTS_ENABLED: 'true',
        LATCHKEY_CLIENT_DOCUMENTS_DENIED_HOSTS: 'denied.example *.denied.example',
        LATCHKEY_CLIENT_DOCUMENTS_MINIMUM_AGE: '1',
        LATCHKEY_CLIENT_DOCUMENTS_FAILURE_AGE: '1',
        LATCHKEY_CLIENT_DOCUMENTS_TIMEOUT: '400',
        LATCHKEY_CLIENT_DOCUMENTS_LIMITS_PER_ADDRESS: '1000',
      });
      await latchkey.createPerson(ADA.login, ADA.password);
    });
    after(async () => {
      await latchkey?.stop();
      await documents?.stop();
      await store?.remove();
    });

    const newPath = (): string => `/client-${++count}.json`;

    /** Publishes a document at a new path, and answers its address. */
    function publish(
      metadata: Record<string, unknown> = {},
      headers: Record<string, string> = {},
      path = newPath(),
    ): string {
      const document = { client_id: documents.origin + path, redirect_uris: [CALLBACK], ...metadata };
      return documents.json(path, document, headers);
    }

    function ask(clientId: string, parameters: Record<string, string> = {}): Promise<Landing> {
      const query = new URLSearchParams({
        client_id: clientId,
        response_type: 'code',
        redirect_uri: CALLBACK,
        scope: 'openid',
        code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
        code_challenge_method: 'S256',
        ...parameters,
      });
      return new FormBrowser(latchkey.issuer).visit(`/auth?${query}`);
    }

    /** An ordinary library's way up to the consent page. */
    async function walk(
      clientId: string,
      options: {
        redirectUri?: string;
        authentication?: client.ClientAuth;
        browser?: FormBrowser;
        scope?: string;
        prompt?: string;
      } = {},
    ) {
      const { redirectUri = CALLBACK, authentication = client.None(), scope = 'openid', prompt } = options;
      const configuration = await client.discovery(
        new URL(latchkey.issuer),
        clientId,
        undefined,
        authentication,
        { execute: [client.allowInsecureRequests] },
      );
      const verifier = client.randomPKCECodeVerifier();
      const url = client.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope,
        ...(prompt === undefined ? {} : { prompt }),
        code_challenge: await client.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      const browser = options.browser ?? new FormBrowser(latchkey.issuer);
      let landing = await browser.visit(url);
      if (landing.pageName === 'login') landing = await browser.submit(landing, 'submit', { ...ADA });
      const redeem = (at: Landing) =>
        client.authorizationCodeGrant(configuration, at.url, { pkceCodeVerifier: verifier });
      return { configuration, browser, landing, redeem };
    }

    it('sign people in, who are told the host, and warned where the answer stays on their device', async () => {
      const address = publish({ client_name: 'Desk Agent', redirect_uris: ['http://127.0.0.1/callback'] });
      const { configuration, browser, landing, redeem } = await walk(address, { redirectUri: LOOPBACK });
      expect(configuration.serverMetadata().client_id_metadata_document_supported).to.equal(true);
      expect(landing.pageName).to.equal('consent');
      expect(landing.page).to.include(`<bdi>${new URL(address).host}</bdi>`);
      expect(landing.page).to.include('Desk Agent').and.include('id="loopback"');
      const tokens = await redeem(await browser.submit(landing, 'approve'));
      expect(tokens.claims()?.aud).to.equal(address);
      const grants = await latchkey.json<{ client_id: string }[]>(['grants', 'list', '--client', address]);
      expect(grants.map(({ client_id: id }) => id)).to.deep.equal([address]);
      const clients = await latchkey.json<{ client_id: string; origin: string }[]>(['clients', 'list']);
      const listed = clients.find(({ client_id: id }) => id === address);
      expect(listed, 'the operator sees it').to.include({ origin: 'document' });
    });

    it('say nothing of their device where the answer leaves it', async () => {
      const { landing } = await walk(publish());
      expect(landing.page).to.include('id="unverified"').and.not.include('id="loopback"');
    });

    it('authenticate by keys in the document, or at an address that it names', async () => {
      const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
      const jwks = { keys: [{ ...(await exportJWK(publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] };
      const jwksUri = documents.json('/keys', jwks);
      const authentication = client.PrivateKeyJwt({ key: privateKey, kid: 'one' });
      for (const keys of [{ jwks }, { jwks_uri: jwksUri }]) {
        const address = publish({ token_endpoint_auth_method: 'private_key_jwt', ...keys });
        const { browser, landing, redeem } = await walk(address, { authentication });
        const tokens = await redeem(await browser.submit(landing, 'approve'));
        expect(tokens.claims()?.aud).to.equal(address);
        const without = await walk(address);
        // Allowed before, so nobody is asked again.
        const refused = without.redeem(without.landing);
        expect(await refused.catch((error: { error?: string }) => error.error)).to.equal('invalid_client');
      }
    });

    for (const [what, metadata, words] of [
      [
        'another client_id',
        { client_id: 'https://elsewhere.example/client.json' },
        /client_id .* must be its address/,
      ],
      ['a secret', { client_secret: 'hush' }, /must not hold a secret/],
      [
        'a method with a secret',
        { token_endpoint_auth_method: 'client_secret_basic' },
        /token_endpoint_auth_method/,
      ],
      ['no redirect URI', { redirect_uris: [] }, /redirect_uris/],
      ['a link in the clear', { logo_uri: 'http://agent.example/logo' }, /logo_uri must use https/],
      ['a look-alike name', { client_name: 'Gооgle' }, /mix letters/],
      [
        'a private key',
        { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [{ kty: 'EC', d: 'x' }] } },
        /private key/,
      ],
    ] as const) {
      it(`are refused with ${what}, and nobody is asked to sign in`, async () => {
        const landing = await ask(publish(metadata));
        expect(landing.status).to.equal(400);
        expect(landing.pageName).to.equal('error');
        expect(landing.page).to.match(words);
      });
    }

    it('take part in a sector only where its list has them', async () => {
      const list = documents.json('/sector', ['https://victim.example/callback']);
      const metadata = { subject_type: 'pairwise', sector_identifier_uri: list };
      const refused = await ask(publish(metadata));
      expect(refused, refused.page).to.include({ status: 400, pageName: 'error' });
      expect(refused.page).to.include('does not list the redirect URI');
      documents.json('/sector', [CALLBACK]);
      expect((await ask(publish(metadata))).pageName).to.equal('login');
    });

    it('are led to by no page that anybody can make name them', async () => {
      const elsewhere = 'https://phish.example/start';
      const address = publish({ client_uri: elsewhere, initiate_login_uri: elsewhere });
      expect((await ask(address)).pageName).to.equal('login');
      const named = `client_id=${encodeURIComponent(address)}`;
      for (const [page, name] of [
        ['/reset-password/done', 'link-result'],
        ['/interaction/of-nobody', 'expired'],
      ]) {
        const landing = await new FormBrowser(latchkey.issuer).visit(`${page}?${named}`);
        expect(landing.pageName).to.equal(name);
        expect(landing.page, name).not.to.include('phish.example');
      }
    });

    it('are refused when the document is huge, slow, moved, no JSON or no object', async () => {
      const json = { 'content-type': 'application/json' };
      const huge = documents.at('/huge', (_request, response) => {
        response.writeHead(200, json);
        const more = (): void => {
          while (response.write(' '.repeat(8192)));
          response.once('drain', more);
        };
        more();
      });
      const slow = documents.at('/slow', (_request, response) => {
        response.writeHead(200, json).write('{');
      });
      const target = publish();
      const moved = documents.at('/moved', (_request, response) => {
        response.writeHead(302, { location: target }).end();
      });
      const text = documents.at('/text', (_request, response) => response.end('hello'));
      const list = documents.json('/list', []);
      for (const [address, words] of [
        [huge, /longer than 5120 bytes/],
        [slow, /did not answer within 400 ms/],
        [moved, /status 302/],
        [text, /not JSON/],
        [list, /must be a JSON object/],
      ] as const) {
        const landing = await ask(address);
        expect(landing.status, address).to.equal(400);
        expect(landing.page).to.match(words);
      }
      expect(documents.asked(new URL(target).pathname)).to.equal(0);
    });

    it('are not looked for where the operator forbids it, nor by what is no such address', async () => {
      for (const address of [
        'https://denied.example/client.json',
        'https://a.denied.example/client.json',
        'https://denied.example./client.json',
        'https://agent.example./client.json',
        'https://agent.example',
        'https://user@agent.example/client.json',
        'https://agent.example/a/../client.json',
        'https://agent.example/client.json#fragment',
        'http://agent.example/client.json',
      ]) {
        const landing = await ask(address);
        expect(landing.status, address).to.equal(400);
        expect(landing.page, address).to.include('invalid_client');
      }
    });

    it('get no grant and no scope that only the operator gives', async () => {
      const address = publish({
        grant_types: ['authorization_code', 'client_credentials'],
        scope: 'openid admin',
        token_exchange: [],
        resource_server: 'https://api.example',
      });
      expect((await ask(address)).pageName).to.equal('login');
      const answer = await fetch(`${latchkey.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'client_credentials', client_id: address }),
      });
      expect(answer.status).to.equal(400);
    });

    it('are fetched once while the document is fresh, by whichever process', async () => {
      const path = newPath();
      const address = publish({}, { 'cache-control': 'public, max-age=3600' }, path);
      await ask(address);
      const landings = await Promise.all(Array.from({ length: 12 }, () => ask(address)));
      expect(landings.map(({ pageName }) => pageName)).to.deep.equal(landings.map(() => 'login'));
      // Another process may have looked before it heard of it (a second over PostgreSQL).
      expect(documents.asked(path)).to.be.at.most(2);
    });

    it('are judged by the changed document when it is not fresh any more', async () => {
      const path = newPath();
      const address = publish({}, { 'cache-control': 'max-age=1' }, path);
      const other = 'https://agent.example/other';
      expect((await ask(address)).pageName).to.equal('login');
      expect((await ask(address, { redirect_uri: other })).pageName).to.equal('error');
      publish({ redirect_uris: [other] }, {}, path);
      await eventually('the old address is refused', async () => (await ask(address)).pageName === 'error');
      await eventually('the new one is taken', async () => {
        return (await ask(address, { redirect_uri: other })).pageName === 'login';
      });
    });

    it('go on while the address does not answer, until it says that the document is gone', async () => {
      const path = newPath();
      const address = publish({}, {}, path);
      expect((await ask(address)).pageName).to.equal('login');
      documents.at(path, (_request, response) => response.writeHead(503).end());
      const asked = documents.asked(path);
      await eventually('it was asked again', async () => {
        expect((await ask(address)).pageName).to.equal('login');
        return documents.asked(path) >= asked + 2;
      });
      documents.at(path, (_request, response) => response.writeHead(410).end());
      await eventually('it is gone', async () => (await ask(address)).page.includes('status 410'));
      documents.at(path, (_request, response) => response.writeHead(503).end());
      await eventually('and does not come back by itself', async () => {
        return (await ask(address)).page.includes('status 503');
      });
      publish({}, {}, path);
      await eventually('but when it is published', async () => (await ask(address)).pageName === 'login');
    });

    it('are let in for as long as the person chose', async () => {
      const address = publish({ grant_types: ['authorization_code', 'refresh_token'] });
      const scope = 'openid offline_access';
      const prompt = 'consent';
      const short = await walk(address, { scope, prompt });
      const ended = await short.redeem(
        await short.browser.submit(short.landing, 'approve', { duration: 'session' }),
      );
      const logout = await short.browser.visit('/session/end');
      await short.browser.submit(logout, 'confirm', { logout: 'yes' });
      const refresh = client.refreshTokenGrant(short.configuration, ended.refresh_token ?? '');
      expect(await refresh.catch((error: { error?: string }) => error.error)).to.equal('invalid_grant');
      const again = await walk(address);
      expect(again.landing.pageName).to.equal('consent');
      await again.redeem(await again.browser.submit(again.landing, 'approve', { duration: 'year' }));
      const remembered = await walk(address);
      expect(remembered.landing.url.href).to.match(/^https:\/\/agent\.example\/callback\?code=/);
    });
  });
}
