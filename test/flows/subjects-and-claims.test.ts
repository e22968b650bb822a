import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';

describe('who a person is to an application', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let sub: string;
  const older = randomBytes(32).toString('base64');
  const newer = randomBytes(32).toString('base64');

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_ENCRYPTION_KEY: older });
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
  });
  after(() => latchkey.stop());

  describe('pairwise subjects (OpenID Connect Core section 8)', () => {
    const at = (host: string, metadata: Record<string, unknown> = {}) =>
      Application.register(latchkey, {
        redirect_uris: [`https://${host}/cb`],
        subject_type: 'pairwise',
        ...metadata,
      });

    async function subjectAt(app: Application): Promise<string> {
      const { id_token, access_token } = await app.signIn();
      const subject = decodeJwt(id_token).sub as string;
      expect((await app.userinfo(access_token)).body.sub).to.equal(subject);
      expect((await app.introspect(access_token)).body.sub).to.equal(subject);
      return subject;
    }

    it('are the same in one sector and differ between two, and none tells who it is', async () => {
      const [one, same, other] = await Promise.all([
        at('one.example'),
        at('one.example', { redirect_uris: ['https://one.example/other'] }),
        at('two.example'),
      ]);
      const subject = await subjectAt(one);
      expect(subject)
        .to.match(/^[\w-]{43}$/)
        .and.not.contain(sub);
      expect(await subjectAt(same)).to.equal(subject);
      expect(await subjectAt(other)).to.not.equal(subject);
    });

    it('follow the sector identifier where one is registered', async () => {
      const sector = { sector_identifier_uri: 'https://group.example/sector.json' };
      const [one, other] = await Promise.all([at('three.example', sector), at('four.example', sector)]);
      expect(await subjectAt(one)).to.equal(await subjectAt(other));
    });

    it('are in access tokens for APIs as well', async () => {
      const app = await at('five.example');
      const { access_token, id_token } = await app.signIn(new FormBrowser(latchkey.issuer), {
        resource: API,
        scope: 'openid read',
      });
      expect(decodeJwt(access_token).sub).to.equal(decodeJwt(id_token).sub);
    });

    it('recognise the person by an ID token hint', async () => {
      const app = await at('six.example');
      const browser = new FormBrowser(latchkey.issuer);
      const { id_token: hint } = await app.signIn(browser);
      const { landing } = await app.authorize(browser, { prompt: 'none', id_token_hint: hint });
      expect(answerIn(landing)).to.have.property('code');
    });

    it('outlive a change of the encryption key, and the former key’s end', async () => {
      const app = await at('seven.example');
      const subject = await subjectAt(app);
      for (const keys of [`${newer},${older}`, newer]) {
        await latchkey.terminate();
        latchkey.environment.LATCHKEY_ENCRYPTION_KEY = keys;
        await latchkey.launch();
        expect(await subjectAt(app)).to.equal(subject);
        // Signing keys stay sealed by the key that sealed them.
        await latchkey.json(['keys', 'rotate', '--immediately']);
      }
    });
  });

  describe('claims', () => {
    it('of the granted scopes are in the ID token of a client that registered for it', async () => {
      const app = await Application.register(latchkey, { id_token_scope_claims: true });
      const tokens = await app.signIn(undefined, { scope: 'openid email profile' });
      expect(decodeJwt(tokens.id_token)).to.include({ email: ADA.login, name: 'Ada Lovelace' });
      const refreshed = (await app.refresh(tokens.refresh_token, { scope: 'openid email' })).body;
      expect(decodeJwt(refreshed.id_token)).to.include({ email: ADA.login }).and.not.have.property('name');
    });

    it('of scopes that were not asked for are in none, and others’ ID tokens have no scope claims', async () => {
      const reading = await Application.register(latchkey, { id_token_scope_claims: true });
      const alone = await reading.signIn(undefined, { scope: 'openid' });
      expect(decodeJwt(alone.id_token)).to.not.have.any.keys('email', 'name');
      const other = await Application.register(latchkey);
      const { id_token } = await other.signIn(undefined, { scope: 'openid email' });
      expect(decodeJwt(id_token)).to.not.have.property('email');
    });

    it('may be asked for one by one, in the ID token or at userinfo, and the person is asked', async () => {
      const app = await Application.register(latchkey);
      const browser = new FormBrowser(latchkey.issuer);
      const claims = JSON.stringify({
        id_token: { email: { essential: true } },
        userinfo: { name: null, phone_number: null },
      });
      const { url, verifier } = app.authorizationRequest({ claims });
      const consent = await browser.submit(await browser.visit(url), 'submit', { ...ADA });
      expect(consent.pageName).to.equal('consent');
      const landing = await browser.submit(consent, 'approve');
      const { body } = await app.redeem({ code: answerIn(landing).code as string, verifier });
      expect(decodeJwt(body.id_token)).to.include({ email: ADA.login }).and.not.have.property('name');
      const person = (await app.userinfo(body.access_token)).body;
      expect(person).to.include({ name: 'Ada Lovelace' }).and.not.have.any.keys('email', 'email_verified');
    });

    it('that are asked for in no good form are refused', async () => {
      const app = await Application.register(latchkey);
      for (const claims of ['[]', '{"id_token":{"email":true}}', '{', '{"other":{}}']) {
        const landing = await new FormBrowser(latchkey.issuer).visit(
          app.authorizationRequest({ claims }).url,
        );
        expect(answerIn(landing), claims).to.include({ error: 'invalid_request' });
      }
    });
  });
});
