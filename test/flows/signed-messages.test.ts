import { expect } from 'chai';
import {
  type CryptoKey,
  compactDecrypt,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  exportJWK,
  generateKeyPair,
  jwtVerify,
} from 'jose';
import * as client from 'openid-client';
import { ADA, Application, answerIn } from './application.ts';
import { REDIRECT_URI } from './authentication-methods.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { codeFlow, configure } from './openid-code-flow.ts';

const API = 'https://api.example.com';

interface KeyPair {
  publicKey: CryptoKey;
  privateKey: CryptoKey;
}

describe('signed and encrypted messages', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let signing: KeyPair;
  let decrypting: KeyPair;
  let jwks: { keys: object[] };

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_ENCRYPTION: 'true' });
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json([
      'apis',
      'create',
      '--identifier',
      API,
      '--scopes',
      'read',
      '--token-format',
      'opaque',
    ]);
    signing = await generateKeyPair('ES256', { extractable: true });
    decrypting = await generateKeyPair('RSA-OAEP-256', { extractable: true });
    jwks = {
      keys: [
        { ...(await exportJWK(signing.publicKey)), use: 'sig', kid: 'sig', alg: 'ES256' },
        { ...(await exportJWK(decrypting.publicKey)), use: 'enc', kid: 'enc', alg: 'RSA-OAEP-256' },
      ],
    };
  });
  after(() => latchkey.stop());

  describe('answers (JARM)', () => {
    it('are signed for a client that registered for it, and errors as well', async () => {
      const config = await configure(
        latchkey,
        { response_modes: ['jwt', 'query.jwt'] },
        client.useJwtResponseMode,
      );
      const { landing } = await codeFlow(latchkey, config);
      expect([...landing.url.searchParams.keys()]).to.deep.equal(['response']);
      const refused = client.buildAuthorizationUrl(config, { redirect_uri: REDIRECT_URI, scope: 'openid' });
      const answer = await new FormBrowser(latchkey.issuer).visit(refused);
      const { payload } = await jwtVerify(
        answer.url.searchParams.get('response') as string,
        createRemoteJWKSet(new URL(`${latchkey.issuer}/jwks`)),
        { issuer: latchkey.issuer, audience: config.clientMetadata().client_id },
      );
      expect(payload).to.include({ error: 'invalid_request' }).and.have.property('exp');
    });

    it('come by the mode that the client registered, and by no other', async () => {
      const app = await Application.register(latchkey, { response_modes: ['fragment.jwt', 'form_post.jwt'] });
      const browser = new FormBrowser(latchkey.issuer);
      const inFragment = await app.authorize(browser, { response_mode: 'fragment.jwt' });
      expect(inFragment.landing.url.hash).to.match(/^#response=[\w-]+\.[\w-]+\.[\w-]+$/);
      const asForm = await app.authorize(browser, { response_mode: 'form_post.jwt' });
      expect(asForm.landing.page).to.match(
        /<input type="hidden" name="response" value="[\w-]+\.[\w-]+\.[\w-]+"/,
      );
      const { landing } = await app.authorize(browser, { response_mode: 'query' });
      expect(answerIn(landing)).to.include({ error: 'invalid_request' });
      expect(landing.url.searchParams.get('code')).to.equal(null);
    });

    it('are encrypted for a client that registered a key for it', async () => {
      const config = await configure(
        latchkey,
        {
          jwks,
          response_modes: ['jwt'],
          authorization_encrypted_response_alg: 'RSA-OAEP-256',
          authorization_encrypted_response_enc: 'A256GCM',
        },
        client.useJwtResponseMode,
        (config) =>
          client.enableDecryptingResponses(config, ['A256GCM'], {
            key: decrypting.privateKey,
            kid: 'enc',
            alg: 'RSA-OAEP-256',
          }),
      );
      const { landing } = await codeFlow(latchkey, config);
      const response = landing.url.searchParams.get('response') as string;
      expect(decodeProtectedHeader(response)).to.include({ alg: 'RSA-OAEP-256', enc: 'A256GCM', cty: 'JWT' });
    });
  });

  describe('tokens and userinfo', () => {
    it('are encrypted after they are signed', async () => {
      const config = await configure(
        latchkey,
        {
          jwks,
          id_token_encrypted_response_alg: 'RSA-OAEP-256',
          userinfo_signed_response_alg: 'ES256',
          userinfo_encrypted_response_alg: 'RSA-OAEP-256',
        },
        (config) =>
          client.enableDecryptingResponses(config, ['A128CBC-HS256'], {
            key: decrypting.privateKey,
            kid: 'enc',
            alg: 'RSA-OAEP-256',
          }),
      );
      const { tokens, claims } = await codeFlow(latchkey, config);
      expect((tokens.id_token as string).split('.')).to.have.length(5);
      const { plaintext } = await compactDecrypt(tokens.id_token as string, decrypting.privateKey);
      expect(decodeJwt(new TextDecoder().decode(plaintext)).sub).to.equal(claims.sub);
      const person = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      expect(person.email).to.equal(ADA.login);
    });

    it('userinfo is signed for a client that registered for it', async () => {
      const config = await configure(latchkey, { userinfo_signed_response_alg: 'ES256' });
      const { tokens, claims } = await codeFlow(latchkey, config);
      const response = await fetch(`${latchkey.issuer}/me`, {
        headers: { Authorization: `Bearer ${tokens.access_token}` },
      });
      expect(response.headers.get('content-type')).to.match(/^application\/jwt/);
      expect(decodeProtectedHeader(await response.text()).alg).to.equal('ES256');
      expect((await client.fetchUserInfo(config, tokens.access_token, claims.sub)).email).to.equal(ADA.login);
    });

    it('introspection is answered by a JWT for whoever asks for one (RFC 9701)', async () => {
      const config = await configure(latchkey, { introspection_signed_response_alg: 'ES256' });
      const { access_token } = await client.clientCredentialsGrant(config, { resource: API, scope: 'read' });
      const introspection = await client.tokenIntrospection(config, access_token);
      expect(introspection).to.include({ active: true, scope: 'read' });
      const secret = config.clientMetadata().client_secret as string;
      const answer = await fetch(`${latchkey.issuer}/introspection`, {
        method: 'POST',
        body: new URLSearchParams({ token: access_token }),
        headers: {
          Authorization: `Basic ${Buffer.from(`${config.clientMetadata().client_id}:${secret}`).toString('base64')}`,
          Accept: 'application/token-introspection+jwt',
        },
      });
      expect(answer.headers.get('content-type')).to.match(/^application\/token-introspection\+jwt/);
      const { payload, protectedHeader } = await jwtVerify(
        await answer.text(),
        createRemoteJWKSet(new URL(`${latchkey.issuer}/jwks`)),
      );
      expect(protectedHeader).to.include({ typ: 'token-introspection+jwt', alg: 'ES256' });
      expect(payload.token_introspection).to.include({ active: true, scope: 'read' });
    });
  });
});
