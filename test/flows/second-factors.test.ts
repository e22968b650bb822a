import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { formOf, hrefOf, pageNameOf, post } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { mailTo } from '../self-service/own-account.ts';
import { ADA, Application, answerIn, type Credentials } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { AuthenticatorApp, codesOn, enrol, finishSignIn, MFA, SFA, secretOn } from './second-factor.ts';

const PASSWORD = 'a bug in relay seventy';
const personNamed = (name: string): Credentials => ({ login: `${name}@example.com`, password: PASSWORD });
const PEOPLE = {
  parallel: personNamed('parallel'),
  stepUp: personNamed('step-up'),
  twice: personNamed('twice'),
  doubleClick: personNamed('double-click'),
  plain: personNamed('plain'),
  other: personNamed('other'),
  remembered: personNamed('remembered'),
  guessed: personNamed('guessed'),
};
const API = 'https://payments.example/';
const TELLING = { claims: JSON.stringify({ id_token: { acr: null, amr: null, auth_time: null } }) };

describe('second factors', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let strict: Application;

  const newBrowser = () => new FormBrowser(latchkey.issuer);
  const tell = (tokens: { id_token: string }) => {
    const { acr, amr, auth_time: authTime } = decodeJwt(tokens.id_token);
    return { acr, amr, authTime };
  };
  const errorIn = (landing: Landing) => answerIn(landing).error;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_WORKERS: '2',
      LATCHKEY_SECOND_FACTOR_SCOPES: 'payments:write',
      LATCHKEY_THROTTLING_SECOND_FACTOR_PER_ADDRESS: '8',
    });
    app = await Application.register(latchkey);
    strict = await Application.register(latchkey, { client_name: 'Strict', required_acr: MFA });
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'payments:read,payments:write']);
    for (const { login, password } of [ADA, ...Object.values(PEOPLE)]) {
      await latchkey.createPerson(login, password);
    }
  });
  after(() => latchkey.stop());

  describe('an application that demands one', () => {
    it('has it set up in the middle of the sign-in, and nobody gets past that', async () => {
      const browser = newBrowser();
      const begun = await strict.authorize(browser, TELLING, ADA);
      let { landing } = begun;
      expect(landing.pageName).to.equal('set-up-two-step');
      expect(landing.page).to.match(/<svg class="qr"[^>]*>.*<path d="M/s);
      const secret = secretOn(landing);
      const phone = new AuthenticatorApp(secret);
      landing = await browser.submit(landing, 'submit', { code: '000000' });
      expect(landing).to.include({ status: 422, pageName: 'set-up-two-step' });
      expect(secretOn(landing), 'the same secret again').to.equal(secret);
      const here = landing.url.href;
      for (const step of ['', '/second-step', '/go-on', '/give-up']) {
        const skipped = await browser.visit(here.replace('/enrol', step));
        expect(skipped.pageName, step).to.equal('set-up-two-step');
      }
      const action = here.replace('/enrol', '/go-on').replace(latchkey.issuer, '');
      const forged = {
        ...landing,
        page: landing.page.replace(/action="[^"]*enrol[^"]*"/, `action="${action}"`),
      };
      expect((await browser.submit(forged, 'submit')).pageName).to.equal('set-up-two-step');
      const confirmation = [landing, 'submit', { code: phone.code() }] as const;
      landing = await browser.submit(...confirmation);
      expect(landing.pageName).to.equal('recovery-codes');
      expect(new Set(codesOn(landing))).to.have.lengthOf(10);
      // Loaded again, the page with the codes shows them no more, says where others can be made, and goes on as before.
      landing = await browser.submit(...confirmation);
      expect(landing).to.include({ status: 200, pageName: 'recovery-codes' });
      expect(codesOn(landing)).to.deep.equal([]);
      expect(hrefOf(landing, 'account')).to.equal(`${latchkey.issuer}/account/two-step`);
      landing = await browser.submit(landing, 'submit');
      const told = tell(await finishSignIn(strict, browser, { ...begun, landing }));
      expect(told).to.deep.include({ acr: MFA, amr: ['pwd', 'otp'] });
    });

    it('has it set up by a form that is sent twice at once: one answer shows the codes, the other says where to get some', async () => {
      const browser = newBrowser();
      const begun = await strict.authorize(browser, TELLING, PEOPLE.doubleClick);
      const { landing } = begun;
      const { action, csrf } = formOf(landing, 'submit');
      const hidden = (name: string) =>
        new RegExp(`name="${name}" value="([^"]+)"`).exec(landing.page)?.[1] ?? '';
      const code = new AuthenticatorApp(secretOn(landing)).code();
      const fields = { csrf, proof: hidden('proof'), sealed: hidden('sealed'), code };
      const stranger = newBrowser();
      const elsewhere = await strict.authorize(stranger, TELLING, PEOPLE.doubleClick);
      const answers = await Promise.all(
        [1, 2].map(async () => {
          const answer = await post(browser, action, fields);
          const page = await answer.text();
          return { status: answer.status, url: landing.url, page, pageName: pageNameOf(page) };
        }),
      );
      for (const answer of answers) expect(answer).to.include({ status: 200, pageName: 'recovery-codes' });
      const [shown, told] = answers.sort((one, other) => codesOn(other).length - codesOn(one).length) as [
        Landing,
        Landing,
      ];
      expect([codesOn(shown).length, codesOn(told).length]).to.deep.equal([10, 0]);
      expect(told.page).to.contain(`${latchkey.issuer}/account/two-step`);
      // The same form in another sign-in proves nothing: that one is asked for a code of its own.
      const other = formOf(elsewhere.landing, 'submit');
      const proof = /name="proof" value="([^"]+)"/.exec(elsewhere.landing.page)?.[1] ?? '';
      const crossed = await post(stranger, other.action, { ...fields, csrf: other.csrf, proof });
      expect(crossed.headers.get('Location')).to.contain('/second-step');
      const end = await browser.submit(told, 'submit');
      const tokens = tell(await finishSignIn(strict, browser, { ...begun, landing: end }));
      expect(tokens).to.deep.include({ acr: MFA, amr: ['pwd', 'otp'] });
    });

    it('is told that it cannot be reached where the person has nothing that would do', async () => {
      const browser = newBrowser();
      const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['phrh', 'gold'] } } });
      const { landing } = await app.authorize(browser, { claims }, PEOPLE.plain);
      expect(landing.pageName).to.equal('unreachable');
      const answer = answerIn(await browser.submit(landing, 'submit'));
      expect(answer).to.include({ error: 'unmet_authentication_requirements', state: 'a-state' });
      expect(answer).not.to.have.property('code');
    });

    it('is told at once where nobody could reach it, and asked for a sign-in where prompt=none forbids the step', async () => {
      const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'gold' } } });
      const unknown = await newBrowser().visit(app.authorizationRequest({ claims }).url);
      expect(errorIn(unknown)).to.equal('unmet_authentication_requirements');
      const browser = newBrowser();
      await app.signIn(browser, {}, PEOPLE.plain);
      const silent = await browser.visit(strict.authorizationRequest({ prompt: 'none' }).url);
      expect(errorIn(silent)).to.equal('login_required');
      const wish = await browser.visit(app.authorizationRequest({ prompt: 'none', acr_values: MFA }).url);
      expect(answerIn(wish)).to.have.property('code');
    });
  });

  it('a wish for more (acr_values) lets a person go on who has no more, and claims nothing', async () => {
    const tokens = await app.signIn(newBrowser(), { acr_values: `gold ${MFA}`, ...TELLING }, PEOPLE.plain);
    expect(tell(tokens)).to.deep.include({ acr: SFA, amr: ['pwd'] });
  });

  it('step-up: a session that lacks a factor is asked for it alone, and is no younger for it', async () => {
    const browser = newBrowser();
    const person = PEOPLE.stepUp;
    const first = tell(await app.signIn(browser, TELLING, person));
    expect(first).to.deep.include({ acr: SFA, amr: ['pwd'] });
    const { phone } = await enrol(strict, newBrowser(), person);
    await eventually('a later second', () => Math.floor(Date.now() / 1000) > Number(first.authTime));
    const { url, verifier } = app.authorizationRequest({ acr_values: MFA, ...TELLING });
    const landing = await browser.visit(url);
    expect(landing.pageName, landing.page).to.equal('second-step');
    const done = await browser.submit(landing, 'submit', { code: phone.code() });
    const second = tell(await finishSignIn(app, browser, { landing: done, verifier }));
    expect(second).to.deep.equal({ acr: MFA, amr: ['pwd', 'otp'], authTime: first.authTime });
    // What was reached stays reached in this session, for every application.
    const again = await strict.authorize(browser, { prompt: 'none' });
    expect(errorIn(again.landing)).to.equal('consent_required');
    // Somebody who must sign in anew does both.
    const renewed = await browser.visit(app.authorizationRequest({ acr_values: MFA, prompt: 'login' }).url);
    expect(renewed.pageName).to.equal('login');
    expect((await browser.submit(renewed, 'submit', { ...person })).pageName).to.equal('second-step');
  });

  it('a scope that needs one leads to it, and access tokens tell what happened (RFC 9470)', async () => {
    const browser = newBrowser();
    const api = { resource: API };
    const read = await app.signIn(browser, { ...api, scope: 'openid payments:read' }, PEOPLE.plain);
    expect(decodeJwt(read.access_token)).to.deep.include({ acr: SFA, amr: ['pwd'] });
    const { url } = app.authorizationRequest({ ...api, scope: 'openid payments:write' });
    expect((await browser.visit(url)).pageName).to.equal('set-up-two-step');
    const refreshed = (await app.refresh(read.refresh_token)).body;
    const claims = decodeJwt(refreshed.access_token);
    expect(claims).to.deep.include({ acr: SFA, auth_time: decodeJwt(read.access_token).auth_time });
    expect(
      (await app.introspect((await app.signIn(browser, {}, PEOPLE.plain)).access_token)).body,
    ).to.include({
      active: true,
      acr: SFA,
    });
  });

  describe('of somebody who has one', () => {
    let phone: AuthenticatorApp;
    let codes: string[];

    before(async () => {
      ({ phone, codes } = await enrol(strict, newBrowser(), PEOPLE.parallel));
    });

    const atSecondStep = async (parameters: Record<string, string> = {}) => {
      const browser = newBrowser();
      const begun = await app.authorize(browser, { ...TELLING, ...parameters }, PEOPLE.parallel);
      expect(begun.landing.pageName).to.equal('second-step');
      return { browser, ...begun };
    };

    const proveAtOnce = async (fields: { way: string; code: string }) => {
      const tries = await Promise.all(Array.from({ length: 5 }, () => atSecondStep()));
      const ends = await Promise.all(
        tries.map(async ({ browser, landing, verifier }) => {
          const page = await browser.visit(`${landing.url.href}&way=${fields.way}`);
          const end = await browser.submit(page, 'submit', { code: fields.code });
          return { browser, landing: end, verifier };
        }),
      );
      return {
        right: ends.filter(({ landing }) => landing.pageName === 'consent' || 'code' in answerIn(landing)),
        wrong: ends.filter(({ landing }) => landing.status === 422 && landing.pageName === 'second-step'),
      };
    };

    it('one code of an app typed in many browsers at once signs in at one of them', async () => {
      const { right, wrong } = await proveAtOnce({ way: 'totp', code: phone.code() });
      expect([right.length, wrong.length]).to.deep.equal([1, 4]);
      const [{ browser, landing, verifier }] = right as [(typeof right)[0]];
      const told = tell(await finishSignIn(app, browser, { landing, verifier }));
      expect(told).to.deep.include({ acr: MFA, amr: ['pwd', 'otp'] });
    });

    it('so does a recovery code, and the page tells how many are left', async () => {
      const [code = ''] = codes;
      const { right, wrong } = await proveAtOnce({ way: 'recovery-code', code: code.toLowerCase() });
      expect([right.length, wrong.length]).to.deep.equal([1, 4]);
      const { browser, landing } = await atSecondStep();
      const page = await browser.visit(`${landing.url.href}&way=recovery-code`);
      expect(page.page).to.contain('9 are left');
      const subject = 'A recovery code was used';
      const { login } = PEOPLE.parallel;
      await mailTo(latchkey.dataDir, login, subject);
      const told = readOutbox(latchkey.dataDir).filter(
        ({ headers }) => headers.get('to') === login && headers.get('subject') === subject,
      );
      expect(told, 'for the right one alone').to.have.length(1);
      const signedIn = (right as [(typeof right)[0]])[0].browser;
      await eventually('it is among the activity', async () =>
        (await signedIn.visit('/account/activity')).page.includes('Recovery code used'),
      );
    });

    it('the second step alone, without the first, is none', async () => {
      const browser = newBrowser();
      const login = await browser.visit(app.authorizationRequest().url);
      const action = login.url.href.replace('?', '/second-step?').replace(latchkey.issuer, '');
      const forged = {
        ...login,
        page: login.page.replace(/action="[^"]*\/login[^"]*"/, `action="${action}"`),
      };
      const end = await browser.submit(forged, 'submit', {
        way: 'recovery-code',
        code: codes[1] ?? '',
        proof: '',
      });
      expect(end.pageName).to.equal('login');
      expect((await browser.visit(action)).pageName).to.equal('login');
    });

    it('a page drawn for one person judges nothing for another', async () => {
      const other = await enrol(strict, newBrowser(), PEOPLE.other);
      const { browser, landing } = await atSecondStep();
      const login = await browser.visit(landing.url.href.replace('/second-step', '').concat('&switch'));
      const theirs = await browser.submit(login, 'submit', { ...PEOPLE.other });
      expect(theirs.page).to.contain(PEOPLE.other.login);
      for (const code of [codes[2] ?? '', other.codes[2] ?? '']) {
        const old = await browser.submit(landing, 'submit', { way: 'recovery-code', code });
        expect(old).to.include({ status: 403, pageName: 'second-step' });
      }
      // Neither was used up; and what is typed counts for whoever proved the first factor last.
      const wrongPerson = await browser.submit(theirs, 'submit', {
        way: 'recovery-code',
        code: codes[2] ?? '',
      });
      expect(wrongPerson).to.include({ status: 422, pageName: 'second-step' });
      const right = await browser.submit(theirs, 'submit', {
        way: 'recovery-code',
        code: other.codes[2] ?? '',
      });
      expect(right.pageName).to.equal('consent');
      expect(right.page).to.contain(PEOPLE.other.login).and.not.contain(PEOPLE.parallel.login);
    });

    it('an old step after success is over', async () => {
      const { browser, landing } = await atSecondStep();
      const done = await browser.submit(landing, 'submit', { way: 'recovery-code', code: codes[3] ?? '' });
      expect(done.pageName === 'consent' || 'code' in answerIn(done)).to.equal(true);
      const old = await browser.submit(landing, 'submit', { way: 'recovery-code', code: codes[4] ?? '' });
      expect(old).to.include({ status: 410, pageName: 'expired' });
    });

    it('a form that is sent twice leads on, as a page does that is loaded again', async () => {
      const { browser, landing, verifier } = await atSecondStep();
      const { action, csrf } = formOf(landing, 'submit');
      const proof = /name="proof" value="([^"]+)"/.exec(landing.page)?.[1] ?? '';
      const code = codes[5] ?? '';
      const send = () => post(browser, action, { csrf, proof, way: 'recovery-code', code });
      const [first, second] = [await send(), await send()];
      expect(second.headers.get('Location')).to.equal(first.headers.get('Location')).and.contain('/auth/');
      const again = await browser.request(landing.url);
      expect(again.headers.get('Location')).to.equal(first.headers.get('Location'));
      const end = await browser.visit(String(again.headers.get('Location')));
      await finishSignIn(app, browser, { landing: end, verifier });
    });

    it('a right code that is sent twice at once leads to one place, and a wrong one nowhere', async () => {
      const person = PEOPLE.twice;
      const own = await enrol(strict, newBrowser(), person);
      for (const fields of [
        { way: 'totp', code: own.phone.code() },
        { way: 'recovery-code', code: own.codes[0] ?? '' },
      ]) {
        const browser = newBrowser();
        const { landing, verifier } = await app.authorize(browser, {}, person);
        const { action, csrf } = formOf(landing, 'submit');
        const proof = /name="proof" value="([^"]+)"/.exec(landing.page)?.[1] ?? '';
        const twice = (given: { way: string; code: string }) =>
          Promise.all([1, 2].map(() => post(browser, action, { csrf, proof, ...given })));
        const wrong = await twice({ ...fields, code: '12345' });
        expect(wrong.map(({ status }) => status)).to.deep.equal([422, 422]);
        const [first, second] = await twice(fields);
        expect(first?.status, fields.way).to.equal(303);
        expect(second?.headers.get('Location'), fields.way)
          .to.equal(first?.headers.get('Location'))
          .and.contain('/auth/');
        const end = await browser.visit(String(first?.headers.get('Location')));
        await finishSignIn(app, browser, { landing: end, verifier });
      }
    });

    it('what was proved in an earlier interaction of an authorization is not proved in a later one', async () => {
      const { browser, landing } = await atSecondStep({ prompt: 'login' });
      const login = await browser.visit(landing.url.pathname.replace(/interaction\/([^/]+).*/, 'auth/$1'));
      expect(login.pageName).to.equal('login');
      const { action, csrf } = formOf(login, 'submit');
      await (await post(browser, action, { csrf, ...PEOPLE.plain })).body?.cancel();
      const stepOfNext = action.replace('/login?', '/second-step?');
      const shown = await browser.visit(stepOfNext);
      expect(shown.pageName).not.to.equal('second-step');
      expect(shown.page).not.to.contain(PEOPLE.parallel.login);
    });

    it('a password that is changed meanwhile ends the half of a sign-in that it was for', async () => {
      const { browser, landing } = await atSecondStep();
      const words = ['users', 'set-password', PEOPLE.parallel.login, '--password-stdin'];
      await latchkey.json(words, `${PASSWORD}\n`);
      const end = await browser.submit(landing, 'submit', { way: 'recovery-code', code: codes[4] ?? '' });
      expect(end.pageName).to.equal('login');
    });
  });

  it('a remembered browser leaves the step out until the password changes, and says so in acr', async () => {
    const person = PEOPLE.remembered;
    const { codes } = await enrol(strict, newBrowser(), person);
    const browser = newBrowser();
    const first = await app.authorize(browser, TELLING, person);
    const fields = { way: 'recovery-code', code: codes[0] ?? '', remember: 'yes' };
    const landing = await browser.submit(first.landing, 'submit', fields);
    expect(tell(await finishSignIn(app, browser, { ...first, landing })).acr).to.equal(MFA);
    const again = await app.signIn(browser, { ...TELLING, prompt: 'login' }, person);
    expect(tell(again)).to.deep.include({ acr: SFA, amr: ['pwd'] });
    const demanded = await browser.visit(strict.authorizationRequest().url);
    expect(demanded.pageName, 'what an application demands').to.equal('second-step');
    const elsewhere = await app.authorize(newBrowser(), {}, person);
    expect(elsewhere.landing.pageName).to.equal('second-step');
    const words = ['users', 'set-password', person.login, '--password-stdin'];
    await latchkey.json(words, `${PASSWORD}\n`);
    const forgotten = await app.authorize(browser, { prompt: 'login' }, person);
    expect(forgotten.landing.pageName).to.equal('second-step');
  });

  it('guesses have to wait, whichever process judges them, and a recovery code still gets in', async () => {
    const { phone, codes } = await enrol(strict, newBrowser(), PEOPLE.guessed);
    const browser = newBrowser();
    const { landing, verifier } = await app.authorize(browser, {}, PEOPLE.guessed);
    const guesses = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        browser.submit(landing, 'submit', { way: 'totp', code: String(index).padStart(6, '0') }),
      ),
    );
    const statuses = guesses.map(({ status }) => status).sort();
    expect(statuses).to.deep.equal([...Array(8).fill(422), ...Array(4).fill(429)]);
    const right = await browser.submit(landing, 'submit', { way: 'totp', code: phone.code() });
    expect(right.status, 'a right code is not judged either').to.equal(429);
    const end = await browser.submit(landing, 'submit', { way: 'recovery-code', code: codes[0] ?? '' });
    await finishSignIn(app, browser, { landing: end, verifier });
  });

  it('discovery says what can be asked for', async () => {
    const response = await fetch(`${latchkey.issuer}/.well-known/openid-configuration`);
    const discovery = (await response.json()) as Record<string, string[]>;
    expect(discovery.acr_values_supported).to.deep.equal([SFA, MFA, 'phr', 'phrh']);
    expect(discovery.claims_supported).to.include.members(['acr', 'amr', 'auth_time']);
  });
});
