import { expect } from 'chai';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { ADA, Application, answerIn } from './application.ts';
import { askForDevice, DEVICE_CLIENT } from './device-application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const BYE = ['http://localhost:9/bye', 'http://localhost:8/bye'] as const;

const secretOf = ({ page }: Landing): string => /name="xsrf" value="([0-9a-f]+)"/.exec(page)?.[1] ?? '';

describe('the forms of a log-out', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let notes: Application;
  let timer: Application;
  let browser: FormBrowser;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_SESSION_MANAGEMENT: 'true' });
    await latchkey.createPerson(ADA.login, ADA.password);
    notes = await Application.register(latchkey, {
      client_uri: 'http://localhost:9/notes',
      post_logout_redirect_uris: [BYE[0]],
    });
    timer = await Application.register(latchkey, {
      client_name: 'Timer',
      redirect_uris: ['http://localhost:8/callback'],
      post_logout_redirect_uris: [BYE[1]],
    });
  });
  after(() => latchkey.stop());
  beforeEach(async () => {
    browser = new FormBrowser(latchkey.issuer);
    await notes.signIn(browser);
    await timer.signIn(browser);
  });

  const silently = async (): Promise<string> =>
    answerIn(await browser.visit(notes.authorizationRequest({ prompt: 'none' }).url)).error ?? 'signed in';
  const asked = (app: Application, bye: string, state: string): Promise<Landing> =>
    browser.visit(
      `/session/end?${new URLSearchParams({ client_id: app.clientId, post_logout_redirect_uri: bye, state })}`,
    );

  it('work in several tabs, and each leads where its own application wants', async () => {
    const one = await asked(notes, BYE[0], 'one');
    const two = await asked(timer, BYE[1], 'two');
    const three = await browser.visit('/session/end');
    expect([one, two, three].map(({ pageName }) => pageName)).to.deep.equal(['logout', 'logout', 'logout']);

    const stayed = await browser.submit(two, 'cancel');
    expect(stayed.url.href).to.equal(`${BYE[1]}?state=two`);
    expect(await silently(), 'stayed').to.equal('signed in');

    const left = await browser.submit(one, 'confirm');
    expect(left.url.href).to.equal(`${BYE[0]}?state=one`);
    expect(await silently()).to.equal('login_required');

    expect(await browser.submit(three, 'confirm'), 'signed out already').to.include({
      status: 200,
      pageName: 'logged-out',
    });
  });

  it('opened at the same moment work each, as when a browser brings its tabs back', async () => {
    const tabs = await Promise.all([0, 1, 2, 3].map((tab) => asked(notes, BYE[0], `tab-${tab}`)));
    for (const [tab, page] of tabs.entries()) {
      const stayed = await browser.submit(page, 'cancel');
      expect(stayed.url.href, `tab ${tab}`).to.equal(`${BYE[0]}?state=tab-${tab}`);
    }
  });

  it('work in several tabs where nobody is signed in', async () => {
    browser = new FormBrowser(latchkey.issuer);
    const one = await asked(notes, BYE[0], 'one');
    const two = await asked(timer, BYE[1], 'two');
    expect((await browser.submitItself(one)).url.href).to.equal(`${BYE[0]}?state=one`);
    // The first has ended the session, of nobody, in which the second was remembered.
    const other = await browser.submitItself(two);
    expect(other).to.include({ status: 200, pageName: 'logged-out' });
  });

  it('sent twice end where it is said that one is signed out, with a way back', async () => {
    const page = await asked(notes, BYE[0], 'one');
    const { action } = formOf(page, 'confirm');
    const fields = { xsrf: secretOf(page), logout: 'yes' };
    const atOnce = await Promise.all([post(browser, action, fields), post(browser, action, fields)]);
    for (const answer of atOnce) expect(answer.status).to.equal(303);
    expect(atOnce.map((answer) => answer.headers.get('Location'))).to.include(`${BYE[0]}?state=one`);

    const again = await browser.submit(page, 'confirm');
    expect(again).to.include({ status: 200, pageName: 'logged-out' });
    expect(hrefOf(again, 'return')).to.equal('http://localhost:9/notes');
    expect(await silently()).to.equal('login_required');
  });

  it('sent twice, the first answer dropped with its cookies, leave none by which applications would think somebody signed in', async () => {
    const STATE = 'latchkey-state|/';
    const page = await asked(notes, BYE[0], 'one');
    expect(browser.cookies.has(STATE)).to.equal(true);
    const dropped = await fetch(new URL(formOf(page, 'confirm').action, latchkey.issuer), {
      method: 'POST',
      headers: {
        Cookie: [...browser.cookies].map(([key, { value }]) => `${key.split('|')[0]}=${value}`).join('; '),
      },
      body: new URLSearchParams({ xsrf: secretOf(page), logout: 'yes' }),
      redirect: 'manual',
    });
    expect(dropped.headers.get('Location')).to.equal(`${BYE[0]}?state=one`);
    expect(browser.cookies.has(STATE)).to.equal(true);
    expect(await browser.submit(page, 'confirm')).to.include({ status: 200, pageName: 'logged-out' });
    expect(browser.cookies.has(STATE)).to.equal(false);
  });

  it('leave that cookie to a browser that sends no session with them, as from another site', async () => {
    const page = await asked(notes, BYE[0], 'one');
    const foreign = await fetch(new URL(formOf(page, 'confirm').action, latchkey.issuer), {
      method: 'POST',
      headers: { Accept: 'text/html' },
      body: new URLSearchParams({ xsrf: secretOf(page), logout: 'yes' }),
      redirect: 'manual',
    });
    expect(foreign.status).to.equal(303);
    expect(foreign.headers.getSetCookie()).to.deep.equal([]);
  });

  it('say that one has stayed signed in, not that one is signed out', async () => {
    for (const query of ['', `?client_id=${notes.clientId}`]) {
      const stayed = await browser.submit(await browser.visit(`/session/end${query}`), 'cancel');
      expect(stayed).to.include({ status: 200, pageName: 'logged-out' });
      expect(stayed.page).to.contain('still signed in').and.contain(ADA.login);
      expect(stayed.page).to.not.contain('You are signed out');
      expect(hrefOf(stayed, 'account')).to.equal('/account');
    }
    const left = await browser.submit(await browser.visit('/session/end'), 'confirm');
    expect(left.page).to.contain('You are signed out').and.not.contain('still signed in');
  });

  it('sent twice to stay signed in lead to the same place', async () => {
    const page = await asked(notes, BYE[0], 'one');
    for (const time of ['first', 'second']) {
      expect((await browser.submit(page, 'cancel')).url.href, time).to.equal(`${BYE[0]}?state=one`);
      expect(await silently(), time).to.equal('signed in');
    }
  });

  it('that are not known any more are asked for once more, and end nothing by themselves', async () => {
    const other = new FormBrowser(latchkey.issuer);
    await notes.signIn(other);
    const foreign = await other.visit('/session/end');
    const page = await browser.visit('/session/end');
    for (const xsrf of [secretOf(foreign), secretOf(foreign).slice(0, 16) + secretOf(page).slice(16), '']) {
      const rejected = await browser.submit(page, 'confirm', { xsrf });
      expect(rejected).to.include({ status: 422, pageName: 'logout' });
      expect(rejected.page).to.contain('role="alert"');
      expect(rejected.page).to.contain(ADA.login);
      expect(await silently()).to.equal('signed in');
    }
    const rejected = await browser.submit(page, 'confirm', { xsrf: 'f'.repeat(48) });
    expect(await browser.submit(rejected, 'confirm')).to.include({ status: 200, pageName: 'logged-out' });
    expect(await silently()).to.equal('login_required');
  });

  it('and of letting a device in do not end each other', async () => {
    const television = await Application.register(latchkey, DEVICE_CLIENT);
    const device = await askForDevice(television);
    const entered = await browser.submit(await browser.visit('/device'), 'submit', {
      user_code: device.user_code,
    });
    expect(entered.pageName).to.equal('device-confirm');
    const logout = await asked(notes, BYE[0], 'one');
    await asked(timer, BYE[1], 'two');
    const consent = await browser.submit(entered, 'approve');
    expect(consent.pageName).to.equal('consent');
    expect((await browser.submit(consent, 'approve')).pageName).to.equal('device-ended');
    expect((await browser.submit(logout, 'confirm')).url.href).to.equal(`${BYE[0]}?state=one`);
  });

  it('keep the code of a device whose form they ended', async () => {
    const television = await Application.register(latchkey, DEVICE_CLIENT);
    const device = await askForDevice(television);
    const page = await browser.visit('/device');
    await browser.submit(await browser.visit('/session/end'), 'confirm');
    const again = await browser.submit(page, 'submit', { user_code: device.user_code });
    expect(again.pageName).to.equal('device');
    expect(again.page).to.contain(`value="${device.user_code}"`);
    const confirm = await browser.submit(again, 'submit', { user_code: device.user_code });
    expect(confirm.pageName).to.equal('device-confirm');
  });

  it('of the log-out in twenty tabs: the latest work, the others are asked for once more', async () => {
    const tabs: Landing[] = [];
    for (let tab = 0; tab < 20; tab += 1) tabs.push(await asked(notes, BYE[0], `tab-${tab}`));
    const first = await browser.submit(tabs[0] as Landing, 'confirm');
    expect(first).to.include({ status: 422, pageName: 'logout' });
    const last = await browser.submit(tabs[18] as Landing, 'confirm');
    expect(last.url.href).to.equal(`${BYE[0]}?state=tab-18`);
  });
});
