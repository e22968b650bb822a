import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { ADA, Application, answerIn, type Credentials } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { AuthenticatorApp, codesOn, finishSignIn, SFA, secretOn } from './second-factor.ts';

const PASSWORD = 'a bug in relay seventy';
const GRACE: Credentials = { login: 'grace@example.com', password: PASSWORD };
const MAILED: Credentials = { login: 'mailed@example.com', password: PASSWORD };
const GROUPED: Credentials = { login: 'grouped@example.com', password: PASSWORD };
const TELLING = { claims: JSON.stringify({ id_token: { acr: null, amr: null } }) };

describe('the page of the second step, and codes by mail', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_SECOND_FACTOR_MAIL_CODE: 'true',
      LATCHKEY_SECOND_FACTOR_GROUPS: 'staff',
    });
    app = await Application.register(latchkey);
    for (const { login, password } of [ADA, GRACE, MAILED, GROUPED]) {
      await latchkey.createPerson(login, password);
    }
    await latchkey.json(['users', 'update', GROUPED.login, '--claim', 'groups:=["staff"]']);
    const verified = ['--claim', 'email_verified:=true', '--claim', 'groups:=["staff"]'];
    await latchkey.json(['users', 'update', MAILED.login, ...verified]);
  });
  after(() => latchkey.stop());

  const mailsAbout = (subject: string) =>
    readOutbox(latchkey.dataDir).filter(({ headers }) => headers.get('subject') === subject);
  const at = (browser: FormBrowser, path: string) => browser.visit(new URL(path, latchkey.issuer));
  const signInTo = async (browser: FormBrowser, path: string, person: Credentials): Promise<Landing> => {
    const landing = await at(browser, path);
    return landing.pageName === 'login' ? browser.submit(landing, 'submit', { ...person }) : landing;
  };

  it('sets an app up, makes recovery codes anew, forgets browsers, and takes the app away again', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const elsewhere = await app.signIn(new FormBrowser(latchkey.issuer), {}, ADA);
    let page = await signInTo(browser, '/account/two-step', ADA);
    expect(page.pageName).to.equal('account-two-step');
    page = await at(browser, hrefOf(page, 'add-app'));
    const phone = new AuthenticatorApp(secretOn(page));
    page = await browser.submit(page, 'submit', { code: '123' });
    expect(page).to.include({ status: 422, pageName: 'account-two-step-app' });
    page = await browser.submit(page, 'submit', { code: phone.code() });
    const first = codesOn(page);
    expect(first).to.have.lengthOf(10);
    expect(
      (await app.refresh(elsewhere.refresh_token)).status,
      'what was issued elsewhere has ended',
    ).to.equal(400);
    page = await at(browser, '/account/two-step');
    expect(page.page).to.contain('10 recovery codes are left');

    const second = new FormBrowser(latchkey.issuer);
    const begun = await app.authorize(second, {}, ADA);
    expect(begun.landing.pageName).to.equal('second-step');
    const fields = { way: 'recovery-code', code: first[0] ?? '', remember: 'yes' };
    await finishSignIn(app, second, {
      ...begun,
      landing: await second.submit(begun.landing, 'submit', fields),
    });
    // The password alone gets in there now, and takes nothing away.
    await app.signIn(second, { prompt: 'login' }, ADA);
    const demanded = await at(second, '/account/two-step');
    expect(demanded.pageName).to.equal('second-step');

    page = await at(browser, '/account/two-step');
    expect(page.page).to.contain('id="forget-0"').and.contain('9 recovery codes');
    const renewed = codesOn(await browser.submit(page, 'new-codes'));
    expect(renewed).to.have.lengthOf(10);
    expect(renewed.filter((code) => first.includes(code))).to.deep.equal([]);
    const again = await app.authorize(second, { prompt: 'login' }, ADA);
    expect(again.landing.pageName, 'no browser is remembered after a change').to.equal('second-step');
    const old = await second.submit(again.landing, 'submit', { way: 'recovery-code', code: first[1] ?? '' });
    expect(old.status, 'the former codes have ended').to.equal(422);

    page = await at(browser, '/account/two-step');
    const data = JSON.parse((await at(browser, '/account/data/export')).page);
    expect(data.second_step).to.deep.include({ authenticator_app: true, recovery_codes_left: 10 });
    expect(JSON.stringify(data), 'no proof').not.to.contain(renewed[0]);
    const { action } = formOf(page, 'new-codes');
    page = await browser.submit(page, 'remove-app');
    expect(page.pageName).to.equal('account-two-step');
    expect(page.page).to.contain('id="done"');
    const { csrf } = formOf(await at(browser, '/account/profile'), 'submit');
    const alone = await post(browser, action, { csrf });
    expect(alone.headers.get('location'), 'no codes without a second step').to.equal('/account/two-step');
    await app.signIn(new FormBrowser(latchkey.issuer), {}, ADA);
    for (const subject of ['A second step was set up', 'A second step was removed']) {
      await eventually(subject, () => mailsAbout(subject).length > 0);
    }
  });

  it('an app that is confirmed twice: the page says that it is set up, and where recovery codes are made', async () => {
    const person = { login: 'double-click@example.com', password: PASSWORD };
    await latchkey.createPerson(person.login, person.password);
    const browser = new FormBrowser(latchkey.issuer);
    const page = await signInTo(browser, '/account/two-step/app', person);
    const phone = new AuthenticatorApp(secretOn(page));
    const confirmation = [page, 'submit', { code: phone.code() }] as const;
    const ends = await Promise.all([browser.submit(...confirmation), browser.submit(...confirmation)]);
    expect(ends.filter((end) => codesOn(end).length === 10)).to.have.lengthOf(1);
    const [late] = ends.filter((end) => codesOn(end).length === 0) as [Landing];
    // The first has ended the session of both; a browser that had not heard of the new one yet is asked to sign in.
    const other = late.pageName === 'login' ? await at(browser, '/account/two-step/app') : late;
    const again = await browser.submit(...confirmation);
    const opened = await at(browser, '/account/two-step/app');
    for (const end of [other, again, opened]) {
      expect(end).to.include({ status: 200, pageName: 'account-two-step' });
      expect(end.page).to.match(/id="done"[^>]*>\s*<p>The authenticator app is set up\. .*recovery codes/);
    }
    expect(codesOn(await browser.submit(other, 'new-codes'))).to.have.lengthOf(10);
  });

  it('a form of another session changes nothing', async () => {
    const [mine, theirs] = [new FormBrowser(latchkey.issuer), new FormBrowser(latchkey.issuer)];
    const page = await signInTo(mine, '/account/two-step/app', GRACE);
    await signInTo(theirs, '/account/two-step/app', GRACE);
    const phone = new AuthenticatorApp(secretOn(page));
    expect((await theirs.submit(page, 'submit', { code: phone.code() })).status).to.equal(403);
    // A secret that was shown to somebody else is nothing here, whatever code is typed.
    const stranger = new FormBrowser(latchkey.issuer);
    const shown = await signInTo(stranger, '/account/two-step/app', ADA);
    const sealed = /name="sealed" value="([^"]+)"/.exec(page.page)?.[1] ?? '';
    const foreign = {
      ...shown,
      page: shown.page.replace(/name="sealed" value="[^"]+"/, `name="sealed" value="${sealed}"`),
    };
    const end = await stranger.submit(foreign, 'submit', { code: phone.code() });
    expect(end).to.include({ status: 422, pageName: 'account-two-step-app' });
    const factors = await latchkey.json<Record<string, unknown>>(['users', 'factors', GRACE.login]);
    expect(factors).to.include({ totp: false, recovery_codes: 0 });
  });

  it('an operator sees what somebody has, and helps whoever lost everything', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const begun = await app.authorize(browser, {}, GROUPED);
    expect(begun.landing.pageName, 'a group has to have one').to.equal('set-up-two-step');
    const phone = new AuthenticatorApp(secretOn(begun.landing));
    const shown = await browser.submit(begun.landing, 'submit', { code: phone.code() });
    await finishSignIn(app, browser, { ...begun, landing: await browser.submit(shown, 'submit') });
    const lost = await app.authorize(new FormBrowser(latchkey.issuer), {}, GROUPED);
    expect(lost.landing.page).to.contain('ask the people who run this service');
    const factors = await latchkey.json<Record<string, unknown>>(['users', 'factors', GROUPED.login]);
    expect(factors).to.include({ totp: true, recovery_codes: 10, passkeys: 0, remembered_devices: 0 });
    const removal = ['users', 'remove-factor', GROUPED.login, '--factor', 'totp'];
    expect(await latchkey.json<Record<string, unknown>>(removal)).to.include({ removed: true });
    expect(await latchkey.json<Record<string, unknown>>(removal)).to.include({ removed: false });
    const passkeys = ['users', 'remove-factor', GROUPED.login, '--factor', 'passkeys'];
    expect(await latchkey.json<Record<string, unknown>>(passkeys)).to.include({ removed: false });
    const after = await latchkey.json<Record<string, unknown>>(['users', 'factors', GROUPED.login]);
    expect(after).to.include({ totp: false, recovery_codes: 0 });
    const silent = await browser.visit(app.authorizationRequest({ prompt: 'none' }).url);
    expect(answerIn(silent).error, 'the session has ended').to.equal('login_required');
    const fresh = await app.authorize(new FormBrowser(latchkey.issuer), {}, GROUPED);
    expect(fresh.landing.pageName).to.equal('set-up-two-step');
  });

  it('nothing of a person’s second step is left when they are deleted', async () => {
    const [browser, gone] = [
      new FormBrowser(latchkey.issuer),
      { login: 'gone@example.com', password: PASSWORD },
    ];
    await latchkey.createPerson(gone.login, gone.password);
    const page = await signInTo(browser, '/account/two-step/app', gone);
    await browser.submit(page, 'submit', { code: new AuthenticatorApp(secretOn(page)).code() });
    const { sub } = await latchkey.json<{ sub: string }>(['users', 'show', gone.login]);
    await latchkey.json(['users', 'delete', sub]);
    await latchkey.json(['users', 'create', '--login', gone.login, '--password-stdin'], `${gone.password}\n`);
    const factors = await latchkey.json<Record<string, unknown>>(['users', 'factors', gone.login]);
    expect(factors).to.include({ totp: false, recovery_codes: 0 });
    await app.signIn(new FormBrowser(latchkey.issuer), {}, gone);
  });

  describe('a code by mail', () => {
    const mailed = () => mailsAbout('Your code to sign in');

    async function askForCode(): Promise<{
      browser: FormBrowser;
      page: Landing;
      verifier: string;
      code: string;
    }> {
      const browser = new FormBrowser(latchkey.issuer);
      const { landing, verifier } = await app.authorize(browser, TELLING, MAILED);
      expect(landing.pageName).to.equal('second-step');
      expect(landing.page).to.contain('m•••@example.com').and.not.contain('value="mailed@');
      const count = mailed().length;
      const page = await browser.submit(landing, 'send');
      await eventually('the mail', () => mailed().length === count + 1);
      const code = /^\d{6}$/m.exec(mailed().at(-1)?.text ?? '')?.[0] ?? '';
      expect(code).to.have.lengthOf(6);
      return { browser, page, verifier, code };
    }

    it('signs in where it was asked for, once, nowhere else, and never claims to be a second factor', async () => {
      const [here, there] = [await askForCode(), await askForCode()];
      const crossed = await there.browser.submit(there.page, 'submit', { code: here.code });
      expect(here.code === there.code || crossed.status === 422).to.equal(true);
      const ends = await Promise.all(
        [1, 2, 3].map(() => here.browser.submit(here.page, 'submit', { code: here.code })),
      );
      const right = ends.filter(
        ({ pageName, url }) => pageName === 'consent' || url.searchParams.has('code'),
      );
      expect(right).to.have.lengthOf(1);
      const tokens = await finishSignIn(app, here.browser, {
        landing: right[0] as Landing,
        verifier: here.verifier,
      });
      expect(decodeJwt(tokens.id_token)).to.deep.include({ acr: SFA, amr: ['pwd', 'mca'] });
      expect(mailed().at(-1)?.text, 'there is no link to follow').not.to.match(/https?:/);
    });

    it('is asked for as well where more is demanded than it is worth, before anything else is set up', async () => {
      const demand = { claims: JSON.stringify({ id_token: { acr: { essential: true, value: 'phr' } } }) };
      const browser = new FormBrowser(latchkey.issuer);
      const { landing } = await app.authorize(browser, demand, MAILED);
      expect(landing.pageName, 'the password alone sets nothing up').to.equal('second-step');
      for (const step of ['enrol', 'enrol-passkey']) {
        const around = landing.url.href.replace('/second-step', `/${step}`);
        expect((await browser.visit(around)).pageName, step).to.equal('second-step');
      }
      const count = mailed().length;
      const page = await browser.submit(landing, 'send');
      await eventually('the mail', () => mailed().length === count + 1);
      const code = /^\d{6}$/m.exec(mailed().at(-1)?.text ?? '')?.[0] ?? '';
      expect((await browser.submit(page, 'submit', { code })).pageName).to.equal('set-up-passkey');
    });

    it('is judged a few times only', async () => {
      const { browser, page, code } = await askForCode();
      const wrong = code === '000000' ? '000001' : '000000';
      for (let attempt = 0; attempt < 5; attempt += 1) {
        expect((await browser.submit(page, 'submit', { code: wrong })).status).to.equal(422);
      }
      expect((await browser.submit(page, 'submit', { code })).status, 'the right one, too late').to.equal(
        422,
      );
    });
  });
});
