import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { attestationAuthority } from '../authentication/attestation-authority.ts';
import { answerWith, makePasskey, optionsOf } from '../authentication/passkey-forms.ts';
import { SoftwareAuthenticator } from '../authentication/software-authenticator.ts';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { Application, answerIn, type Credentials } from './application.ts';
import { askForDevice, DEVICE_CLIENT, letIn, poll } from './device-application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { AuthenticatorApp, codesOn, enrol, finishSignIn, MFA, secretOn } from './second-factor.ts';

const PASSWORD = 'nine blue lanterns';
const TELLING = { claims: JSON.stringify({ id_token: { acr: null, amr: null, auth_time: null } }) };

describe('a passkey that a sign-in demands', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  /** Demands a passkey. */
  let vault: Application;
  /** Demands two factors. */
  let strict: Application;
  let people = 0;

  const newBrowser = () => new FormBrowser(latchkey.issuer);

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_WORKERS: '2' });
    vault = await Application.register(latchkey, { client_name: 'Vault', required_acr: 'phr' });
    strict = await Application.register(latchkey, { client_name: 'Strict', required_acr: MFA });
  });
  after(() => latchkey?.stop());

  async function newPerson(): Promise<Credentials & { sub: string }> {
    people += 1;
    const login = `person${people}@example.com`;
    const { sub } = await latchkey.createPerson(login, PASSWORD);
    return { login, password: PASSWORD, sub };
  }

  async function begin(person: Credentials, browser = newBrowser()) {
    const begun = await vault.authorize(browser, TELLING, person);
    return { browser, ...begun };
  }

  async function passkeysOf({ sub }: { sub: string }): Promise<number> {
    const { passkeys } = await latchkey.json<{ passkeys: number }>(['users', 'factors', sub]);
    return passkeys;
  }

  const claimsOf = async (browser: FormBrowser, begun: { landing: Landing; verifier: string }, app = vault) =>
    decodeJwt((await finishSignIn(app, browser, begun)).id_token);

  it('is made in the middle of it, then used, and the answer tells what happened', async () => {
    const person = await newPerson();
    const began = Math.floor(Date.now() / 1000);
    const { browser, landing, verifier } = await begin(person);
    expect(landing, landing.page).to.include({ status: 200, pageName: 'set-up-passkey' });
    const options = await optionsOf(browser, landing);
    expect(options).to.deep.include({ attestation: 'none' });
    expect(options.authenticatorSelection).to.include({
      residentKey: 'required',
      userVerification: 'required',
    });
    const made = await makePasskey(browser, landing);
    expect(made.landing.pageName).to.equal('recovery-codes');
    expect(new Set(codesOn(made.landing))).to.have.lengthOf(10);
    // Making it is not using it: nothing leads to the application yet.
    for (const step of ['', '/enrol', '/enrol-passkey', '/go-on', '/give-up']) {
      const skipped = await browser.visit(landing.url.href.replace('/enrol-passkey', step));
      expect(skipped.pageName, step).to.equal('second-step');
    }
    const asked = await browser.submit(made.landing, 'submit');
    expect(asked.pageName).to.equal('second-step');
    const done = await answerWith(browser, asked, made.authenticator);
    const claims = await claimsOf(browser, { landing: done, verifier });
    expect(claims).to.deep.include({ sub: person.sub, acr: 'phr', amr: ['pwd', 'pop', 'user', 'mfa'] });
    expect(claims.auth_time).to.be.within(began, Math.ceil(Date.now() / 1000));
    await eventually('it is among the recent activity', async () =>
      (await browser.visit('/account/activity')).page.includes('Passkey added'),
    );
    const subjects = (): (string | undefined)[] =>
      readOutbox(latchkey.dataDir)
        .filter(({ headers }) => headers.get('to')?.includes(person.login))
        .map(({ headers }) => headers.get('subject'));
    await eventually('a mail tells of it', () => subjects().includes('A passkey was added'));
    // From now on it is asked for.
    const again = await begin(person);
    expect(again.landing.pageName).to.equal('second-step');
  });

  it('is added by nobody who has a second factor and has only given the password', async () => {
    const person = await newPerson();
    const { phone } = await enrol(strict, newBrowser(), person);
    const { browser, landing, verifier } = await begin(person);
    expect(landing.pageName).to.equal('second-step');
    const { csrf } = formOf(landing, 'submit');
    const proof = /name="proof" value="([^"]+)"/.exec(landing.page)?.[1] ?? '';
    for (const step of ['enrol-passkey-options', 'enrol-passkey']) {
      const action = landing.url.href.replace('/second-step', `/${step}`);
      const answer = await post(browser, action, { csrf, proof, credential: '{}' });
      expect(answer.status, step).to.equal(303);
      expect(answer.headers.get('location'), step).to.contain('/second-step?');
    }
    expect(
      (await browser.visit(landing.url.href.replace('/second-step', '/enrol-passkey'))).pageName,
    ).to.equal('second-step');
    const proved = await browser.submit(landing, 'submit', { code: phone.code() });
    expect(proved.pageName).to.equal('set-up-passkey');
    const made = await makePasskey(browser, proved);
    // They have recovery codes already.
    expect(made.landing.pageName).to.equal('second-step');
    expect(made.landing.page).to.contain('id="added"');
    const done = await answerWith(browser, made.landing, made.authenticator);
    const claims = await claimsOf(browser, { landing: done, verifier });
    expect(claims).to.deep.include({ acr: 'phr', amr: ['pwd', 'otp', 'pop', 'user', 'mfa'] });
  });

  it('is added once, however often the answer is sent', async () => {
    const person = await newPerson();
    const { browser, landing } = await begin(person);
    const authenticator = new SoftwareAuthenticator({ origin: latchkey.issuer });
    const credential = JSON.stringify(authenticator.make(await optionsOf(browser, landing)));
    const results = await Promise.all(
      Array.from({ length: 4 }, () => browser.submit(landing, 'passkey', { credential })),
    );
    const withCodes = results.filter(({ pageName }) => pageName === 'recovery-codes');
    expect(withCodes, results.map(({ pageName }) => pageName).join()).to.have.lengthOf(1);
    expect(await passkeysOf(person)).to.equal(1);
    const late = await browser.submit(landing, 'passkey', { credential });
    expect(late.pageName).to.equal('second-step');
  });

  it('answers no challenge of another sign-in, another person or another tab’s proof', async () => {
    const [one, other] = [await begin(await newPerson()), await begin(await newPerson())];
    const made = new SoftwareAuthenticator({ origin: latchkey.issuer }).make(
      await optionsOf(one.browser, one.landing),
    );
    const credential = JSON.stringify(made);
    const elsewhere = await other.browser.submit(other.landing, 'passkey', { credential });
    expect(elsewhere).to.include({ status: 422, pageName: 'set-up-passkey' });
    expect(elsewhere.page).to.contain('took too long');
    const forged = await one.browser.submit(one.landing, 'passkey', { credential, proof: 'another' });
    expect(forged).to.include({ status: 403, pageName: 'set-up-passkey' });
    const withoutToken = await one.browser.submit(one.landing, 'passkey', { credential, csrf: 'guessed' });
    expect(withoutToken).to.include({ status: 403, pageName: 'set-up-passkey' });
    const stranger = await post(newBrowser(), formOf(one.landing, 'passkey').action, { credential });
    expect(stranger.status).to.equal(410);
    expect((await one.browser.submit(one.landing, 'passkey', { credential })).pageName).to.equal(
      'recovery-codes',
    );
  });

  it('is refused where the authenticator did not check who it is, or answers for elsewhere, and can be tried again', async () => {
    const person = await newPerson();
    const { browser, landing } = await begin(person);
    const unverified = await makePasskey(browser, landing, { verified: false });
    expect(unverified.landing).to.include({ status: 422, pageName: 'set-up-passkey' });
    expect(unverified.landing.page).to.contain('did not check that it is you');
    const foreign = await makePasskey(browser, unverified.landing, { origin: 'https://evil.example' });
    expect(foreign.landing).to.include({ status: 422, pageName: 'set-up-passkey' });
    expect(await passkeysOf(person)).to.equal(0);
    const made = await makePasskey(browser, foreign.landing);
    expect(made.landing.pageName).to.equal('recovery-codes');
  });

  it('of two tabs is made in one; the other leads on', async () => {
    const { browser, landing, verifier } = await begin(await newPerson());
    const second = await browser.visit(landing.url);
    const late = new SoftwareAuthenticator({ origin: latchkey.issuer });
    const credential = JSON.stringify(late.make(await optionsOf(browser, second)));
    const made = await makePasskey(browser, landing);
    const told = await browser.submit(second, 'passkey', { credential });
    expect(told.pageName).to.equal('second-step');
    expect(hrefOf(told, 'switch')).to.contain('switch');
    const done = await answerWith(browser, told, made.authenticator);
    expect(await claimsOf(browser, { landing: done, verifier })).to.include({ acr: 'phr' });
    // The page that was left open, after success.
    const old = await browser.submit(landing, 'passkey', { credential });
    expect(old).to.include({ status: 410, pageName: 'expired' });
  });

  it('can be given up, of which the application hears', async () => {
    const { browser, landing } = await begin(await newPerson());
    expect(landing.page, 'what a browser without JavaScript is told').to.match(
      /id="without" data-without-passkeys>/,
    );
    expect(landing.page).to.match(/<form[^>]*data-passkey="create"[^>]* hidden>/);
    expect(hrefOf(landing, 'account')).to.equal(`${latchkey.issuer}/account/passkeys`);
    const answer = answerIn(await browser.submit(landing, 'cancel'));
    expect(answer).to.include({ error: 'unmet_authentication_requirements', state: 'a-state' });
    expect(answer).not.to.have.property('code');
  });

  it('is made in a session that lacks nothing but that, which is no younger for it', async () => {
    const person = await newPerson();
    const browser = newBrowser();
    const plain = await Application.register(latchkey);
    const first = decodeJwt((await plain.signIn(browser, TELLING, person)).id_token);
    const { url, verifier } = vault.authorizationRequest(TELLING);
    const landing = await browser.visit(url);
    expect(landing.pageName).to.equal('set-up-passkey');
    const made = await makePasskey(browser, landing);
    const asked = await browser.submit(made.landing, 'submit');
    const done = await answerWith(browser, asked, made.authenticator);
    const claims = await claimsOf(browser, { landing: done, verifier });
    expect(claims).to.deep.include({ acr: 'phr', auth_time: first.auth_time });
  });

  it('is a choice where an authenticator app would do as well', async () => {
    const browser = newBrowser();
    const begun = await strict.authorize(browser, TELLING, await newPerson());
    expect(begun.landing.pageName).to.equal('set-up-two-step');
    const instead = await browser.visit(hrefOf(begun.landing, 'instead'));
    expect(instead.pageName).to.equal('set-up-passkey');
    expect((await browser.visit(hrefOf(instead, 'app'))).pageName).to.equal('set-up-two-step');
    const made = await makePasskey(browser, instead);
    const asked = await browser.submit(made.landing, 'submit');
    const landing = await answerWith(browser, asked, made.authenticator);
    const claims = await claimsOf(browser, { landing, verifier: begun.verifier }, strict);
    expect(claims).to.deep.include({ acr: MFA, amr: ['pwd', 'pop', 'user', 'mfa'] });
  });

  it('a form that is not of our page ends no sign-in, though nothing is left to prove', async () => {
    const browser = newBrowser();
    const { landing } = await strict.authorize(browser, {}, await newPerson());
    expect(landing.pageName).to.equal('set-up-two-step');
    const shown = await browser.submit(landing, 'submit', {
      code: new AuthenticatorApp(secretOn(landing)).code(),
    });
    expect(shown.pageName).to.equal('recovery-codes');
    const action = landing.url.href.replace('/enrol', '/enrol-passkey');
    const forged = await post(browser, action, { csrf: 'guessed' });
    expect(forged.headers.get('location')).to.contain('/interaction/');
    expect((await browser.submit(shown, 'submit')).pageName, 'ours goes on').to.equal('consent');
  });

  it('an app that was set up meanwhile, in another browser, is asked for before the passkey is added', async () => {
    const person = await newPerson();
    const { browser, landing } = await begin(person);
    const { phone } = await enrol(strict, newBrowser(), person);
    const made = await makePasskey(browser, landing).catch(() => undefined);
    expect(made, 'no options').to.equal(undefined);
    const asked = await browser.visit(landing.url);
    expect(asked.pageName).to.equal('second-step');
    expect(await passkeysOf(person)).to.equal(0);
    expect((await browser.submit(asked, 'submit', { code: phone.code() })).pageName).to.equal(
      'set-up-passkey',
    );
  });

  it('can be given up on the way to let a device in, of which the device hears', async () => {
    const television = await Application.register(latchkey, { ...DEVICE_CLIENT, required_acr: 'phr' });
    const authorization = await askForDevice(television);
    const browser = newBrowser();
    const landing = await letIn(browser, authorization.user_code, await newPerson());
    expect(landing.pageName).to.equal('set-up-passkey');
    const end = await browser.submit(landing, 'cancel');
    expect(end.pageName, end.page).to.equal('device-ended');
    const { status, body } = await poll(television, authorization);
    expect({ status, error: body.error }).to.deep.equal({
      status: 400,
      error: 'unmet_authentication_requirements',
    });
  });

  it('what is out of reach whatever is set up is said at once, and the application hears of it', async () => {
    const hardware = await Application.register(latchkey, { client_name: 'Hardware', required_acr: 'phrh' });
    const browser = newBrowser();
    const { landing } = await hardware.authorize(browser, TELLING, await newPerson());
    expect(landing.pageName).to.equal('unreachable');
    const answer = answerIn(await browser.submit(landing, 'submit'));
    expect(answer).to.include({ error: 'unmet_authentication_requirements' });
  });
});

describe('a passkey in hardware that a sign-in demands', function () {
  this.timeout(60_000);
  const folder = mkdtempSync(path.join(tmpdir(), 'latchkey-roots-'));
  const attestation = {
    certificates: [new X509Certificate(attestationAuthority.certificate).raw],
    key: createPrivateKey(attestationAuthority.key),
  };
  const person = { login: 'hardware@example.com', password: PASSWORD };
  let latchkey: LatchkeyProcess;

  before(async () => {
    const roots = path.join(folder, 'roots.pem');
    writeFileSync(roots, attestationAuthority.root);
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_PASSKEYS_ATTESTATION: 'required',
      LATCHKEY_PASSKEYS_ATTESTATION_ROOTS_FILE: roots,
    });
    await latchkey.createPerson(person.login, person.password);
  });
  after(async () => {
    await latchkey?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('is taken from a maker that the operator trusts, and another is asked for where it may be on several devices', async () => {
    const hardware = await Application.register(latchkey, { client_name: 'Hardware', required_acr: 'phrh' });
    const browser = new FormBrowser(latchkey.issuer);
    const { landing, verifier } = await hardware.authorize(browser, TELLING, person);
    const unknown = await makePasskey(browser, landing);
    expect(unknown.landing).to.include({ status: 422, pageName: 'set-up-passkey' });
    expect(unknown.landing.page).to.contain('not accepted here');
    const synced = await makePasskey(browser, unknown.landing, { attestation, backupEligible: true });
    expect(synced.landing.pageName).to.equal('recovery-codes');
    // Whoever has a second factor uses it before they add another.
    const asked = await browser.submit(synced.landing, 'submit');
    expect(asked.pageName).to.equal('second-step');
    const again = await answerWith(browser, asked, synced.authenticator, { backupEligible: true });
    expect(again.pageName).to.equal('set-up-passkey');
    expect(again.page).to.contain('not enough here');
    const key = await makePasskey(browser, again, { attestation });
    expect(key.landing.page).to.contain('id="added"');
    const done = await answerWith(browser, key.landing, key.authenticator);
    const tokens = await finishSignIn(hardware, browser, { landing: done, verifier });
    const { acr, amr } = decodeJwt(tokens.id_token);
    expect(acr).to.equal('phrh');
    expect(amr).to.include('hwk');
  });
});
