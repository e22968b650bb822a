import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { answerWith, makePasskey } from '../authentication/passkey-forms.ts';
import type { SoftwareAuthenticator } from '../authentication/software-authenticator.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { linkIn } from '../mail/read-mail.ts';
import { mailTo, newcomer, openPage } from '../self-service/own-account.ts';
import { UpstreamPair } from '../upstream/upstream-pair.ts';
import { Application, type Credentials } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { AuthenticatorApp, codesOn, enrol, finishSignIn, MFA, SFA, secretOn } from './second-factor.ts';

const NEW_PASSWORD = 'seven quiet otters';
const TELLING = { claims: JSON.stringify({ id_token: { acr: null, amr: null } }) };
const BY_PASSWORD = { acr: SFA, amr: ['pwd'] };
const BY_PASSWORD_AND_CODE = { acr: MFA, amr: ['pwd', 'otp'] };
const ASK = {
  mailbox: 'you cannot read mail there any more? Ask the people who run Latchkey:',
  secondStep: 'If you have none of these any more, ask the people who run this service:',
};

/** What a page says, without its marks: those of HTML, and those around names that may run the other way. */
const wordsOf = ({ page }: Landing): string => page.replace(/<[^>]*>|[\u2066-\u2069]/g, '');

/** A sign-in that is under way at an application. */
interface SignIn {
  browser: FormBrowser;
  landing: Landing;
  verifier: string;
}

describe('a way back from the loss of', () => {
  let latchkey: LatchkeyProcess;
  let app: Application;
  /** Demands two factors, so that people set up an authenticator app there. */
  let strict: Application;
  /** Demands a passkey, so that people make one there. */
  let vault: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_THROTTLING_MAIL_PER_ADDRESS: '1000' });
    app = await Application.register(latchkey);
    strict = await Application.register(latchkey, { client_name: 'Strict', required_acr: MFA });
    vault = await Application.register(latchkey, { client_name: 'Vault', required_acr: 'phr' });
  });
  after(() => latchkey?.stop());

  async function begin(person: Credentials, at = app): Promise<SignIn> {
    const browser = new FormBrowser(at.issuer);
    return { browser, ...(await at.authorize(browser, TELLING, person)) };
  }

  async function atLogin(at = app, browser = new FormBrowser(at.issuer)): Promise<SignIn> {
    const { url, verifier } = at.authorizationRequest(TELLING);
    const landing = await browser.visit(url);
    expect(landing.pageName).to.equal('login');
    return { browser, landing, verifier };
  }

  /** Goes on by a form of the page. */
  const submit = async (signIn: SignIn, fields: Record<string, string>, button = 'submit') => ({
    ...signIn,
    landing: await signIn.browser.submit(signIn.landing, button, fields),
  });

  /** Goes on by a link of the page. */
  const follow = async (signIn: SignIn, id: string) => ({
    ...signIn,
    landing: await signIn.browser.visit(new URL(hrefOf(signIn.landing, id), signIn.landing.url)),
  });

  const withPasskey = async (signIn: SignIn, passkey: SoftwareAuthenticator) => ({
    ...signIn,
    landing: await answerWith(signIn.browser, signIn.landing, passkey),
  });

  const withRecoveryCode = async (signIn: SignIn, code = '') =>
    submit(await follow(signIn, 'way-recovery-code'), { code });

  /** What the application is told by the ID token at the end. */
  async function told(signIn: SignIn, at = app) {
    const { acr, amr } = decodeJwt((await finishSignIn(at, signIn.browser, signIn)).id_token);
    return { acr, amr };
  }

  /** From a login page: asks for the link, chooses a password by it, and types that. */
  async function withNewPassword(from: SignIn, login: string, server = latchkey): Promise<SignIn> {
    const sent = await submit(await follow(from, 'forgotten'), { login });
    expect(sent.landing.pageName).to.equal('mail-sent');
    const link = linkIn(await mailTo(server.dataDir, login, 'Choose a new password'));
    const choice = { ...from, landing: await from.browser.visit(link) };
    const changed = await submit(choice, { password: NEW_PASSWORD });
    expect(changed.landing.page).to.contain('id="password-changed"');
    return submit(changed, { login, password: NEW_PASSWORD });
  }

  /** Makes somebody's first passkey; the browser is signed in with it. */
  async function withFirstPasskey(person: Credentials) {
    const begun = await begin(person, vault);
    const { landing, authenticator: passkey } = await makePasskey(begun.browser, begun.landing);
    await told(await withPasskey(await submit({ ...begun, landing }, {}), passkey), vault);
    return { passkey, codes: codesOn(landing) };
  }

  /** As of somebody who signs in by passkey alone. */
  async function forgetPassword({ login }: Credentials): Promise<void> {
    const { sub } = await latchkey.json<{ sub: string }>(['users', 'show', login]);
    const database = new DatabaseSync(path.join(latchkey.dataDir, 'latchkey.db'), { timeout: 30_000 });
    database.prepare('DELETE FROM passwords WHERE sub = ?').run(sub);
    database.close();
  }

  describe('the password', () => {
    it('is a link by mail', async () => {
      const person = await newcomer(latchkey);
      expect(await told(await withNewPassword(await atLogin(), person.login))).to.deep.equal(BY_PASSWORD);
    });

    it('is a link by mail and still the app, or a recovery code, for whoever has an authenticator app', async () => {
      const person = await newcomer(latchkey);
      const { phone, codes } = await enrol(strict, new FormBrowser(latchkey.issuer), person);
      const byApp = await withNewPassword(await atLogin(), person.login);
      expect(byApp.landing.pageName, 'the reset is no way around it').to.equal('second-step');
      expect(byApp.landing.page).not.to.contain('id="way-mail"');
      expect(await told(await submit(byApp, { code: phone.code() }))).to.deep.equal(BY_PASSWORD_AND_CODE);
      const byCode = await withRecoveryCode(await begin({ ...person, password: NEW_PASSWORD }), codes[0]);
      expect(await told(byCode)).to.deep.equal(BY_PASSWORD_AND_CODE);
    });

    it('is the passkey, for whoever has one', async () => {
      const person = await newcomer(latchkey);
      const { passkey } = await withFirstPasskey(person);
      const again = await withPasskey(await atLogin(), passkey);
      expect(await told(again)).to.deep.equal({ acr: 'phr', amr: ['pop', 'user', 'mfa'] });
    });
  });

  describe('the phone with the authenticator app', () => {
    it('is a recovery code, and another app is set up in its place', async () => {
      const person = await newcomer(latchkey);
      const { codes } = await enrol(strict, new FormBrowser(latchkey.issuer), person);
      const begun = await withRecoveryCode(await begin(person), codes[0]);
      expect(await told(begun)).to.deep.equal(BY_PASSWORD_AND_CODE);
      const { browser } = begun;
      const removed = await browser.submit(await browser.visit('/account/two-step'), 'remove-app');
      const form = await browser.visit(hrefOf(removed, 'add-app'));
      const phone = new AuthenticatorApp(secretOn(form));
      const added = await browser.submit(form, 'submit', { code: phone.code() });
      expect(codesOn(added)).to.have.lengthOf(10);
      const again = await submit(await begin(person), { code: phone.code() });
      expect(await told(again)).to.deep.equal(BY_PASSWORD_AND_CODE);
    });

    it('and of the recovery codes is the passkey, for whoever has one', async () => {
      const person = await newcomer(latchkey);
      const { phone } = await enrol(strict, new FormBrowser(latchkey.issuer), person);
      const due = await submit(await begin(person, vault), { code: phone.code() });
      const { authenticator } = await makePasskey(due.browser, due.landing);
      const done = await withPasskey(await begin(person), authenticator);
      expect(await told(done)).to.deep.equal({ acr: 'phr', amr: ['pwd', 'pop', 'user', 'mfa'] });
    });

    it('and of the recovery codes is to ask whom the page names, for whoever has nothing else', async () => {
      const person = await newcomer(latchkey);
      await enrol(strict, new FormBrowser(latchkey.issuer), person);
      const { landing } = await begin(person);
      expect(landing.pageName).to.equal('second-step');
      expect(wordsOf(landing)).to.contain(ASK.secondStep);
    });
  });

  describe('the only passkey', () => {
    it('is the password and a recovery code, and another one is made in its place', async () => {
      const person = await newcomer(latchkey);
      const { codes } = await withFirstPasskey(person);
      const begun = await withRecoveryCode(await begin(person), codes[0]);
      expect(await told(begun)).to.deep.equal(BY_PASSWORD_AND_CODE);
      const { browser } = begun;
      const removed = await browser.submit(await browser.visit('/account/passkeys'), 'remove-0');
      expect(removed.page).not.to.contain('id="remove-0"');
      const { authenticator } = await makePasskey(browser, removed);
      expect(await told(await withPasskey(await atLogin(), authenticator))).to.include({ acr: 'phr' });
    });

    it('of somebody who has no password is a password by mail, and a recovery code', async () => {
      const person = await newcomer(latchkey);
      const { codes } = await withFirstPasskey(person);
      await forgetPassword(person);
      const begun = await withNewPassword(await atLogin(), person.login);
      expect(begun.landing.pageName, 'the mailbox alone is not enough').to.equal('second-step');
      expect(wordsOf(begun.landing)).to.contain(ASK.secondStep);
      expect(await told(await withRecoveryCode(begun, codes[0]))).to.deep.equal(BY_PASSWORD_AND_CODE);
    });
  });

  describe('the mailbox', () => {
    it('is the password, and another address on the account page', async () => {
      const person = await newcomer(latchkey);
      const begun = await begin(person);
      expect(await told(begun)).to.deep.equal(BY_PASSWORD);
      const { browser } = begun;
      const email = `new-${person.login}`;
      await browser.submit(await browser.visit('/account/email'), 'submit', { email });
      const link = linkIn(await mailTo(latchkey.dataDir, email, 'Confirm your new e-mail address'));
      const changed = await browser.submit(await browser.visit(link), 'confirm');
      expect(changed).to.include({ status: 200, pageName: 'link-result' });
      expect(await told(await begin({ ...person, login: email }))).to.deep.equal(BY_PASSWORD);
      // From now on the new mailbox is a way back as the old one was.
      expect(await told(await withNewPassword(await atLogin(), email))).to.deep.equal(BY_PASSWORD);
    });

    it('and the password is to ask whom the pages name, whether or not there is such a person', async () => {
      const { login } = await newcomer(latchkey);
      for (const typed of [login, 'nobody@example.com']) {
        const asking = await follow(await atLogin(), 'forgotten');
        expect(wordsOf(asking.landing)).to.contain(ASK.mailbox);
        const sent = await submit(asking, { login: typed });
        expect(sent.landing.pageName).to.equal('mail-sent');
        expect(wordsOf(sent.landing)).to.contain(ASK.mailbox);
      }
    });

    it('and everything else is to ask whom the pages name, and what they do then leads back in', async () => {
      const person = await newcomer(latchkey);
      await withFirstPasskey(person);
      const email = `found-${person.login}`;
      await latchkey.json(['users', 'remove-factor', person.login, '--factor', 'passkeys']);
      await latchkey.json(['users', 'update', person.login, '--login', email, '--email', email]);
      expect(await told(await withNewPassword(await atLogin(), email))).to.deep.equal(BY_PASSWORD);
    });
  });

  describe('what an upstream provider and a code by mail gave:', () => {
    let pair: UpstreamPair;
    before(async () => {
      pair = await UpstreamPair.start({
        settings: { provisioning: 'just_in_time' },
        environment: {
          LATCHKEY_SECOND_FACTOR_MAIL_CODE: 'true',
          LATCHKEY_THROTTLING_MAIL_PER_ADDRESS: '1000',
        },
      });
    });
    after(() => pair?.stop());

    it('the app and the recovery codes, where a code by mail is allowed: that code, which is no second factor', async () => {
      const { latchkey: server, application } = pair;
      const person = await newcomer(server);
      await server.json(['users', 'update', person.login, '--claim', 'email_verified:=true']);
      const own = new FormBrowser(server.issuer);
      const form = await openPage(own, '/account/two-step/app', person);
      const phone = new AuthenticatorApp(secretOn(form));
      expect(codesOn(await own.submit(form, 'submit', { code: phone.code() }))).to.have.lengthOf(10);
      const asking = await follow(await begin(person, application), 'way-mail');
      const asked = await submit(asking, {}, 'send');
      const mail = await mailTo(server.dataDir, person.login, 'Your code to sign in');
      const done = await submit(asked, { code: /^\d{6}$/m.exec(mail.text)?.[0] ?? '' });
      expect(await told(done, application)).to.deep.equal({ acr: SFA, amr: ['pwd', 'mca'] });
      // Whoever reads the mailbox does not take the app away with it: the page says who does.
      const demanded = await done.browser.visit('/account/two-step');
      expect(demanded.pageName).to.equal('second-step');
      expect(wordsOf(demanded)).to.contain(ASK.secondStep);
    });

    it('the account there: a password by mail', async () => {
      const { application, works, latchkey: server } = pair;
      const worker = await pair.createWorker('leaver@works.example');
      await pair.visitor().signIn(worker);
      await works.json(['users', 'delete', worker.login]);
      const visitor = pair.visitor();
      const from = await atLogin(application, visitor.here);
      const there = await visitor.there.authorize((await visitor.press(from.landing)).url, worker);
      expect(there).to.include({ status: 422, pageName: 'login' });
      const back = await withNewPassword(await atLogin(application), worker.login, server);
      expect(await told(back, application)).to.deep.equal(BY_PASSWORD);
    });

    it('the provider itself, in the middle of a sign-in: another way by the page’s link, a password by mail', async () => {
      const { application, latchkey: server } = pair;
      const worker = await pair.createWorker('stranded@works.example');
      await pair.visitor().signIn(worker);
      const visitor = pair.visitor();
      const from = await atLogin(application, visitor.here);
      const answer = await visitor.signInThere(await visitor.press(from.landing), worker);
      await pair.works.terminate();
      const problem = { ...from, landing: await visitor.here.visit(answer) };
      expect(problem.landing.pageName).to.equal('upstream-problem');
      expect(wordsOf(problem.landing)).to.contain(
        'Works cannot be reached at the moment. Try again shortly, or sign in',
      );
      const login = await follow(problem, 'sign-in');
      expect(login.landing.pageName).to.equal('login');
      const back = await withNewPassword(login, worker.login, server);
      expect(await told(back, application)).to.deep.equal(BY_PASSWORD);
    });
  });
});
