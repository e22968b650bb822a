import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { expect } from 'chai';
import { decodeJwt, exportJWK, importX509 } from 'jose';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { freePort, LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';

/** A key pair with a certificate, by the names of their files. */
interface Identity {
  certificate: string;
  key: string;
}

async function registeredKey(certificateFile: string) {
  const pem = readFileSync(certificateFile, 'utf8');
  const jwk = await exportJWK(await importX509(pem, 'ES256', { extractable: true }));
  return { ...jwk, x5c: [new X509Certificate(pem).raw.toString('base64')] };
}

const thumbprintOf = (certificateFile: string) =>
  Buffer.from(
    new X509Certificate(readFileSync(certificateFile)).fingerprint256.replaceAll(':', ''),
    'hex',
  ).toString('base64url');

describe('client certificates', function () {
  this.timeout(60_000);
  let files: CertificateFiles;
  let own: Identity;
  let stranger: Identity;

  before(() => {
    files = writeCertificates();
    own = { certificate: files.clientCertificate, key: files.clientKey };
    // The same name, by an authority of somebody else's.
    stranger = { certificate: files.strangerCertificate, key: files.strangerKey };
  });
  after(() => files.remove());

  const byName = {
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'tls_client_auth',
    tls_client_auth_subject_dn: 'CN=latchkey',
  };
  const byKey = async (certificateFile: string) => ({
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'self_signed_tls_client_auth',
    jwks: { keys: [await registeredKey(certificateFile)] },
  });

  describe('by our own TLS', () => {
    let latchkey: LatchkeyProcess;

    before(async () => {
      const port = await freePort();
      latchkey = await LatchkeyProcess.start({
        LATCHKEY_ISSUER: `https://localhost:${port}`,
        LATCHKEY_PORT: String(port),
        LATCHKEY_TLS_CERT_FILE: files.serverCertificate,
        LATCHKEY_TLS_KEY_FILE: files.serverKey,
        LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'tls',
        LATCHKEY_FEATURES_MUTUAL_TLS_CA_FILE: files.authority,
      });
      await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
    });
    after(() => latchkey.stop());

    function send(
      path: string,
      form: Record<string, string> | undefined,
      identity?: Identity,
      headers: Record<string, string> = {},
      // biome-ignore lint/suspicious/noExplicitAny: a body that a test says more of.
    ): Promise<{ status: number; body: any }> {
      return new Promise((resolve, reject) => {
        const request = httpsRequest(
          new URL(path, latchkey.issuer),
          {
            method: form === undefined ? 'GET' : 'POST',
            host: '127.0.0.1',
            servername: 'localhost',
            ca: readFileSync(files.authority),
            headers: {
              'Content-Type': 'application/x-www-form-urlencoded',
              Accept: 'application/json',
              ...headers,
            },
            agent: false,
            ...(identity === undefined
              ? {}
              : { cert: readFileSync(identity.certificate), key: readFileSync(identity.key) }),
          },
          (response) => {
            let text = '';
            response.on('data', (chunk) => {
              text += chunk;
            });
            response.on('end', () => resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }));
          },
        );
        request.on('error', reject);
        request.end(form === undefined ? undefined : String(new URLSearchParams(form)));
      });
    }

    const forItself = (clientId: string, identity?: Identity, headers: Record<string, string> = {}) =>
      send(
        '/token',
        { grant_type: 'client_credentials', client_id: clientId, resource: API },
        identity,
        headers,
      );

    it('tls_client_auth takes a certificate of the operator’s authority with the registered name alone', async () => {
      const { client_id } = await latchkey.createClient(byName);
      const other = await latchkey.createClient({ ...byName, tls_client_auth_subject_dn: 'CN=other' });
      expect((await forItself(client_id, own)).status).to.equal(200);
      const encoded = new X509Certificate(readFileSync(own.certificate)).raw.toString('base64');
      for (const [why, answer] of [
        ['another authority', await forItself(client_id, stranger)],
        ['another name', await forItself(other.client_id, own)],
        ['no certificate', await forItself(client_id)],
        ['a header', await forItself(client_id, undefined, { 'Client-Cert': `:${encoded}:` })],
      ] as const) {
        expect({ status: answer.status, error: answer.body.error }, why).to.deep.equal({
          status: 401,
          error: 'invalid_client',
        });
      }
    });

    it('self_signed_tls_client_auth takes the registered certificate, whoever signed it, and no other', async () => {
      const { client_id } = await latchkey.createClient(await byKey(stranger.certificate));
      expect((await forItself(client_id, stranger)).status).to.equal(200);
      for (const identity of [own, undefined]) {
        const { status, body } = await forItself(client_id, identity);
        expect({ status, error: body.error }).to.deep.equal({ status: 401, error: 'invalid_client' });
      }
    });

    it('access tokens are bound to the certificate, for a client that registered for it', async () => {
      const { client_id } = await latchkey.createClient({
        ...byName,
        tls_client_certificate_bound_access_tokens: true,
      });
      const { body } = await forItself(client_id, own);
      expect(decodeJwt(body.access_token).cnf).to.deep.equal({ 'x5t#S256': thumbprintOf(own.certificate) });
    });

    it('without such a client nothing changes: a browser with no certificate sees what it saw', async () => {
      const { status, body } = await send('/.well-known/openid-configuration', undefined);
      expect(status).to.equal(200);
      expect(body).to.include({ tls_client_certificate_bound_access_tokens: true });
      expect(body.token_endpoint_auth_methods_supported).to.include.members([
        'tls_client_auth',
        'self_signed_tls_client_auth',
        'none',
      ]);
    });
  });

  describe('by a proxy', () => {
    let latchkey: LatchkeyProcess;
    let app: Application;

    const shown = (certificateFile: string) => ({
      'Client-Cert': `:${new X509Certificate(readFileSync(certificateFile)).raw.toString('base64')}:`,
    });

    before(async () => {
      latchkey = await LatchkeyProcess.start({
        LATCHKEY_TRUSTED_PROXIES: 'loopback',
        LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy',
      });
      await latchkey.createPerson(ADA.login, ADA.password);
      app = await Application.register(latchkey, { tls_client_certificate_bound_access_tokens: true });
    });
    after(() => latchkey.stop());

    async function forItself(clientId: string, headers: Record<string, string>) {
      const response = await fetch(`${latchkey.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId }),
        headers,
      });
      return { status: response.status, body: (await response.json()) as { error?: string } };
    }

    it('a token for a person works with its certificate alone, at userinfo and for a refresh', async () => {
      const authorized = await app.authorize(new FormBrowser(latchkey.issuer));
      const { status, body: tokens } = await app.redeem(authorized, {}, shown(own.certificate));
      expect(status).to.equal(200);
      expect((await app.userinfo(tokens.access_token, shown(own.certificate))).status).to.equal(200);
      expect((await app.introspect(tokens.access_token)).body.cnf).to.deep.equal({
        'x5t#S256': thumbprintOf(own.certificate),
      });
      for (const headers of [{}, shown(stranger.certificate)]) {
        const answer = await app.userinfo(tokens.access_token, headers);
        expect(answer.status).to.equal(401);
        expect(answer.headers.get('www-authenticate')).to.contain('invalid_token');
      }
      const parameters = { grant_type: 'refresh_token', refresh_token: tokens.refresh_token };
      expect((await app.token(parameters)).body.error).to.equal('invalid_grant');
      expect((await app.token(parameters, shown(own.certificate))).status).to.equal(200);
    });

    it('none is issued without a certificate', async () => {
      const authorized = await app.authorize(new FormBrowser(latchkey.issuer));
      expect((await app.redeem(authorized)).body.error).to.equal('invalid_grant');
    });

    it('what is no single certificate is none', async () => {
      const { client_id } = await latchkey.createClient(await byKey(own.certificate));
      const { 'Client-Cert': value } = shown(own.certificate);
      expect((await forItself(client_id, { 'Client-Cert': value })).status).to.equal(200);
      for (const wrong of [`${value}, ${value}`, value.slice(1), ':bm90IGEgY2VydGlmaWNhdGU=:', '::', '']) {
        expect((await forItself(client_id, { 'Client-Cert': wrong })).status, wrong.slice(0, 20)).to.equal(
          401,
        );
      }
    });

    it('tls_client_auth needs the operator’s word that the proxy verifies', async () => {
      const problem = await latchkey.createClient(byName).catch(String);
      expect(problem).to.contain('features.mutual_tls.proxy_verifies');
    });
  });

  describe('by a proxy that verifies', () => {
    let latchkey: LatchkeyProcess;
    afterEach(() => latchkey.stop());

    const settings = {
      LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy',
      LATCHKEY_FEATURES_MUTUAL_TLS_PROXY_VERIFIES: 'true',
    };

    async function statusWithHeader() {
      const { client_id } = await latchkey.createClient(byName);
      const encoded = new X509Certificate(readFileSync(own.certificate)).raw.toString('base64');
      const response = await fetch(`${latchkey.issuer}/token`, {
        method: 'POST',
        body: new URLSearchParams({ grant_type: 'client_credentials', client_id }),
        headers: { 'Client-Cert': `:${encoded}:` },
      });
      return response.status;
    }

    it('tls_client_auth goes by what it passes on', async () => {
      latchkey = await LatchkeyProcess.start({ LATCHKEY_TRUSTED_PROXIES: 'loopback', ...settings });
      expect(await statusWithHeader()).to.equal(200);
    });

    it('the same header from anybody else is not heard', async () => {
      latchkey = await LatchkeyProcess.start({ LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8', ...settings });
      expect(await statusWithHeader()).to.equal(401);
    });
  });
});
