import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { answerWith, makePasskey } from '../authentication/passkey-forms.ts';
import { ADA, Application } from '../flows/application.ts';
import type { FormBrowser } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { codeAt, finishSignIn, MFA, secretOn } from '../flows/second-factor.ts';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { signedInBrowser } from './own-account.ts';

const ELEVEN_MINUTES = 660_000;
const NEXT_PASSWORD = 'seven quiet otters';
const GRACE = { login: 'grace@example.com', password: 'nanoseconds by the yard' };
const KATHERINE = { login: 'katherine@example.com', password: 'trajectories by hand' };
const MARGARET = { login: 'margaret@example.com', password: 'priority displays for all' };

describe('a sign-in of eleven minutes ago', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  let browser: FormBrowser;
  let csrf: string;
  let withoutPassword: FormBrowser;
  let left: FormBrowser;
  let leftToo: FormBrowser;

  async function letTimePass(): Promise<void> {
    process.kill(latchkey.pid, 'SIGUSR2');
    await eventually('the clock is set', async () =>
      (await browser.visit('/account/password')).page.includes('id="current"'),
    );
  }

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      NODE_OPTIONS: `--import=${path.join(import.meta.dirname, '../faults/shifted-clock.ts')}`,
      TEST_CLOCK_OFFSETS: `${ELEVEN_MINUTES},${2 * ELEVEN_MINUTES}`,
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    const { sub } = await latchkey.createPerson(GRACE.login, GRACE.password);
    withoutPassword = await signedInBrowser(latchkey, GRACE);
    // As of somebody who signs in by passkey alone.
    const database = new DatabaseSync(path.join(latchkey.dataDir, 'latchkey.db'));
    database.prepare('DELETE FROM passwords WHERE sub = ?').run(sub);
    database.close();
    await latchkey.createPerson(MARGARET.login, MARGARET.password);
    left = await signedInBrowser(latchkey, MARGARET);
    await latchkey.createPerson(KATHERINE.login, KATHERINE.password);
    leftToo = await signedInBrowser(latchkey, KATHERINE);
    browser = await signedInBrowser(latchkey);
    csrf = formOf(await browser.visit('/account/delete'), 'confirm').csrf;
    await letTimePass();
  });
  after(() => latchkey.stop());

  it('shows the pages that change nothing', async () => {
    for (const page of ['', '/profile', '/email', '/sessions', '/applications', '/activity', '/data']) {
      expect(await browser.visit(`/account${page}`), page).to.include({ status: 200 });
    }
  });

  it('is not enough for changes that matter, and nothing of them is done', async () => {
    for (const [address, fields] of [
      ['/account/email', { email: 'else@new.example' }],
      ['/account/delete', {}],
    ] as const) {
      const answer = await post(browser, address, { csrf, ...fields });
      expect(answer.status, address).to.equal(303);
      const location = answer.headers.get('location') ?? '';
      expect(location, address)
        .to.match(/^\/auth\?/)
        .and.contain('max_age=600');
      expect(await browser.visit(location), address).to.include({ pageName: 'login' });
    }
    expect((await browser.visit('/account/data/export')).pageName).to.equal('login');
    expect(await browser.visit('/account'), 'still signed in').to.include({ pageName: 'account' });
    expect(readOutbox(latchkey.dataDir)).to.have.length(0);
  });

  it('of somebody who has no password leads to a sign-in: there is no present one to ask for', async () => {
    const asked = await withoutPassword.visit('/account/password');
    expect(asked).to.include({ pageName: 'login' });
    expect(asked.page).to.contain(`value="${GRACE.login}"`);
  });

  it('is not enough to make a passkey in the middle of a sign-in that demands one', async () => {
    const vault = await Application.register(latchkey, { required_acr: 'phr' });
    const { url, verifier } = vault.authorizationRequest({
      claims: JSON.stringify({ id_token: { acr: null } }),
    });
    const stale = await left.visit(url);
    expect(stale.pageName).to.equal('set-up-passkey');
    expect(stale.page).not.to.contain('data-passkey=');
    const { csrf } = formOf(stale, 'cancel');
    const proof = { csrf, proof: 'unknown', credential: '{}' };
    for (const step of ['/enrol-passkey-options', '/enrol-passkey']) {
      const answer = await post(left, stale.url.href.replace('/enrol-passkey', step), proof);
      expect(answer.status, step).to.equal(403);
    }
    const login = await left.visit(hrefOf(stale, 'again'));
    expect(login.pageName).to.equal('login');
    expect(login.page).to.contain(`value="${MARGARET.login}"`);
    const landing = await left.submit(login, 'submit', { ...MARGARET });
    expect(landing.pageName).to.equal('set-up-passkey');
    const made = await makePasskey(left, landing);
    const asked = await left.submit(made.landing, 'submit');
    const done = await answerWith(left, asked, made.authenticator);
    const tokens = await finishSignIn(vault, left, { landing: done, verifier });
    expect(decodeJwt(tokens.id_token)).to.include({ acr: 'phr' });
  });

  it('is not enough to set up an authenticator app in the middle of a sign-in that demands two factors', async () => {
    const strict = await Application.register(latchkey, { required_acr: MFA });
    const { url, verifier } = strict.authorizationRequest({
      claims: JSON.stringify({ id_token: { acr: null } }),
    });
    const login = await leftToo.visit(url);
    expect(login.pageName).to.equal('login');
    expect(login.page).to.contain(`value="${KATHERINE.login}"`);
    const { csrf } = formOf(login, 'cancel');
    const enrol = login.url.href.replace('?', '/enrol?');
    const forged = await post(leftToo, enrol, { csrf, proof: 'unknown', sealed: '', code: '000000' });
    expect(forged.headers.get('location')).to.contain('&again');
    const landing = await leftToo.submit(login, 'submit', { ...KATHERINE });
    expect(landing.pageName).to.equal('set-up-two-step');
    const code = codeAt(secretOn(landing), Date.now() + ELEVEN_MINUTES);
    const shown = await leftToo.submit(landing, 'submit', { code });
    expect(shown.pageName).to.equal('recovery-codes');
    const done = await leftToo.submit(shown, 'submit');
    const tokens = await finishSignIn(strict, leftToo, { landing: done, verifier });
    expect(decodeJwt(tokens.id_token)).to.include({ acr: MFA });
  });

  it('is made fresh by signing in, and goes on where it was', async () => {
    const login = await browser.visit('/account/delete');
    expect(login.page).to.contain(`value="${ADA.login}"`);
    expect(await browser.submit(login, 'submit', { ...ADA })).to.include({
      status: 200,
      pageName: 'account-delete',
    });
  });

  it('is asked for the present password before it chooses another, and is throttled like a sign-in', async () => {
    await letTimePass();
    const page = await browser.visit('/account/password');
    const wrong = await browser.submit(page, 'submit', { current: 'not that one', password: NEXT_PASSWORD });
    expect(wrong).to.include({ status: 422, pageName: 'account-password' });
    expect(wrong.page).to.contain('aria-invalid="true"');
    const without = await post(browser, '/account/password', { csrf, password: NEXT_PASSWORD });
    expect(without.status).to.equal(422);
    const right = await browser.submit(page, 'submit', { current: ADA.password, password: NEXT_PASSWORD });
    expect(right.page).to.contain('id="done"');
    const next = await browser.visit('/account/password');
    let last = next;
    for (let attempt = 0; attempt < 12; attempt += 1) {
      last = await browser.submit(next, 'submit', { current: 'not that one', password: ADA.password });
    }
    expect(last.status).to.equal(429);
  });
});
