import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, pageNameOf, post } from './page-forms.ts';

const GRACE = { login: 'grace@example.com', password: 'nanoseconds by the yard' };

describe('steps of an interaction', () => {
  let latchkey: LatchkeyProcess;
  let notes: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.createPerson(GRACE.login, GRACE.password),
    ]);
    notes = await Application.register(latchkey);
  });
  after(() => latchkey?.stop());

  const step = ({ url }: Landing, name: string): string => `${url.pathname}/${name}${url.search}`;
  const resumeOf = ({ url }: Landing): string => url.pathname.replace('/interaction/', '/auth/');
  const codesOf = (landings: Landing[]): string[] =>
    landings.map(({ url }) => url.searchParams.get('code')).filter((code) => code !== null);

  /** A browser with the consent page before it, Ada being signed in. */
  async function atConsent(): Promise<{ browser: FormBrowser; landing: Landing }> {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(notes.authorizationRequest({ prompt: 'login consent' }).url);
    const landing = await browser.submit(login, 'submit', { ...ADA });
    expect(landing.pageName).to.equal('consent');
    return { browser, landing };
  }

  it('cannot be skipped: consent or a choice before login', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const landing = await browser.visit(notes.authorizationRequest().url);
    const { csrf } = formOf(landing, 'submit');
    for (const name of ['consent', 'select']) {
      const response = await post(browser, step(landing, name), { csrf });
      expect(response.status, name).to.equal(200);
      expect(pageNameOf(await response.text()), name).to.equal('login');
    }
    const resumed = await browser.visit(resumeOf(landing));
    expect(resumed.pageName, 'going on without having answered').to.equal('login');
    expect(resumed.url.pathname).not.to.equal(landing.url.pathname);
  });

  it('cannot be skipped: going on from the consent page without having allowed anything', async () => {
    const { browser, landing } = await atConsent();
    const resumed = await browser.visit(resumeOf(landing));
    expect(resumed.status).to.equal(200);
    expect(resumed.pageName).to.be.oneOf(['login', 'consent']);
  });

  it('cannot be swapped: a choice of account is no consent', async () => {
    const { browser, landing } = await atConsent();
    const { csrf } = formOf(landing, 'approve');
    const response = await post(browser, step(landing, 'select'), { csrf });
    expect(pageNameOf(await response.text())).to.equal('consent');
    expect((await browser.visit(resumeOf(landing))).pageName).to.be.oneOf(['login', 'consent']);
  });

  it('belong to one interaction: neither the cookie nor the token of another will do', async () => {
    const { browser, landing } = await atConsent();
    const other = await atConsent();
    const { csrf } = formOf(landing, 'approve');
    const theirs = formOf(other.landing, 'approve');
    expect((await post(browser, theirs.action, { csrf: theirs.csrf })).status, 'no cookie').to.equal(410);
    const forged = await fetch(new URL(theirs.action, latchkey.issuer), {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ csrf: theirs.csrf }),
      headers: { cookie: `latchkey-interaction=${landing.url.pathname.split('/')[2]}`, accept: 'text/html' },
    });
    expect(forged.status, "the cookie of one's own").to.equal(410);
    expect((await post(browser, formOf(landing, 'approve').action, { csrf: theirs.csrf })).status).to.equal(
      403,
    );
    expect((await browser.submit(landing, 'approve')).url.searchParams.get('code')).to.match(/^[\w-]{20,}$/);
    expect((await other.browser.submit(other.landing, 'approve')).url.searchParams.get('code')).to.match(
      /^[\w-]{20,}$/,
    );
    expect(csrf).not.to.equal(theirs.csrf);
  });

  it('cannot be taken again once they led on', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(notes.authorizationRequest({ prompt: 'login consent' }).url);
    const consent = await browser.submit(login, 'submit', { ...ADA });
    const end = await browser.submit(consent, 'approve');
    expect(codesOf([end])).to.have.lengthOf(1);
    const replays: [string, Promise<Landing>][] = [
      ['login', browser.submit(login, 'submit', { ...ADA })],
      ['login as somebody else', browser.submit(login, 'submit', GRACE)],
      ['approve', browser.submit(consent, 'approve')],
      ['deny', browser.submit(consent, 'deny')],
      ['go on after login', browser.visit(resumeOf(login))],
      ['go on after consent', browser.visit(resumeOf(consent))],
    ];
    for (const [what, replay] of replays) {
      const landing = await replay;
      expect(landing.status, what).to.equal(410);
      expect(landing.pageName, what).to.equal('expired');
    }
  });

  it('answered twice at once lead on once: approved and denied, or approved twice', async () => {
    for (const buttons of [
      ['approve', 'approve'],
      ['approve', 'deny'],
      ['approve', 'approve', 'approve', 'approve'],
    ]) {
      const { browser, landing } = await atConsent();
      const landings = await Promise.all(buttons.map((button) => browser.submit(landing, button)));
      const answers = landings.filter(({ url }) => url.origin !== new URL(latchkey.issuer).origin);
      expect(answers, buttons.join()).to.have.lengthOf(1);
      for (const other of landings.filter((one) => !answers.includes(one))) {
        expect(other.status, buttons.join()).to.be.oneOf([400, 410]);
        expect(other.pageName, buttons.join()).to.be.oneOf(['expired', 'error']);
      }
    }
  });

  it('log one person in, though two answer the login page at once', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const unknown = await Application.register(latchkey, { client_name: 'New' });
    const landing = await browser.visit(unknown.authorizationRequest().url);
    const landings = await Promise.all([
      browser.submit(landing, 'submit', { ...ADA }),
      browser.submit(landing, 'submit', GRACE),
    ]);
    expect(landings.map(({ pageName }) => pageName)).to.have.members(['consent', 'expired']);
    const consent = landings.find(({ pageName }) => pageName === 'consent') as Landing;
    const winner = consent.page.includes(ADA.login) ? ADA : GRACE;
    expect(consent.page).to.contain(winner.login);
    const selection = await browser.visit(notes.authorizationRequest({ prompt: 'select_account' }).url);
    expect(selection.page).to.contain(winner.login);
  });

  it('are over when somebody signed out, or in as another, meanwhile', async () => {
    for (const change of ['log-out', 'switch'] as const) {
      const { browser, landing } = await atConsent();
      const logout = await browser.visit('/session/end');
      await browser.submit(logout, 'confirm');
      if (change === 'switch') {
        const login = await browser.visit(notes.authorizationRequest().url);
        await browser.submit(login, 'submit', GRACE);
      }
      const late = await browser.submit(landing, 'approve');
      expect(late.status, change).to.equal(410);
      expect(late.page, change).to.contain('signed out, or signed in with another account');
      expect(late.page, change).to.contain('<bdi>Notes</bdi>');
    }
  });

  it('of a person who was disabled meanwhile ask for a login', async () => {
    await latchkey.createPerson('joan@example.com', 'a third person of this test');
    const joan = { login: 'joan@example.com', password: 'a third person of this test' };
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(notes.authorizationRequest().url);
    const consent = await browser.submit(login, 'submit', joan);
    expect(consent.pageName).to.equal('consent');
    expect((await latchkey.command(['users', 'disable', joan.login])).code).to.equal(0);
    const late = await browser.submit(consent, 'approve');
    expect(late.url.origin).to.equal(new URL(latchkey.issuer).origin);
    expect(late.pageName).to.be.oneOf(['login', 'expired']);
  });
});
