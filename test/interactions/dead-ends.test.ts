import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { pageNameOf, post } from './page-forms.ts';

/** Everything but cookies: follows redirects as a browser does that keeps none. */
async function visitWithoutCookies(
  url: URL | string,
): Promise<{ status: number; page: string; url: string }> {
  const response = await fetch(url, { headers: { accept: 'text/html' } });
  return { status: response.status, page: await response.text(), url: response.url };
}

describe('no dead ends', () => {
  let latchkey: LatchkeyProcess;
  let notes: Application;
  let timer: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    notes = await Application.register(latchkey, {
      client_name: 'Notes',
      client_uri: 'https://notes.example/',
      initiate_login_uri: 'https://notes.example/login?from=link',
    });
    timer = await Application.register(latchkey, { client_name: 'Desk Timer' });
  });
  after(() => latchkey?.stop());

  const codeOf = ({ url }: Landing): string => url.searchParams.get('code') ?? '';

  /** The page of an interaction that is over: what it says, and the way on that it offers. */
  function expectWayOn(
    { status, page }: { status: number; page: string },
    words: RegExp,
    name = 'Notes',
  ): void {
    expect(status).to.equal(410);
    expect(pageNameOf(page)).to.equal('expired');
    expect(page).to.contain('This page is no longer valid').and.to.match(words);
    expect(page).to.contain(`open <bdi>${name}</bdi> again`);
    expect(page).to.contain('<a class="button secondary" id="home" href="/">');
    if (name === 'Notes') {
      const link = /<a class="button" id="restart" href="([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
      expect(link).to.equal(
        `https://notes.example/login?from=link&iss=${encodeURIComponent(latchkey.issuer)}`,
      );
    }
  }

  it('the Back button after the end', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(notes.authorizationRequest().url);
    const consent = await browser.submit(login, 'submit', { ...ADA });
    expect(codeOf(await browser.submit(consent, 'approve'))).not.to.equal('');
    for (const former of [login, consent]) expectWayOn(await browser.visit(former.url), /already finished/);
    // What a browser asks to send once more.
    expectWayOn(await browser.submit(login, 'submit', { ...ADA }), /already finished/);
    expectWayOn(await browser.submit(consent, 'approve'), /already finished/);
    expectWayOn(await browser.submit(consent, 'deny'), /already finished/);
    const again = await browser.visit(notes.authorizationRequest().url);
    expect(codeOf(again), 'the way on').not.to.equal('');
  });

  it('an application that names no address to begin at', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(timer.authorizationRequest().url);
    await browser.submit(login, 'cancel');
    const back = await browser.visit(login.url);
    expectWayOn(back, /already finished/, 'Desk Timer');
    expect(back.page).not.to.contain('id="restart"');
  });

  it('two tabs at once, of one application or of two, in any order', async () => {
    const [one, two] = [await Application.register(latchkey), await Application.register(latchkey)];
    const browser = new FormBrowser(latchkey.issuer);
    const first = await browser.visit(one.authorizationRequest().url);
    const second = await browser.visit(two.authorizationRequest().url);
    const third = await browser.visit(one.authorizationRequest().url);
    const secondConsent = await browser.submit(second, 'submit', { ...ADA });
    const firstConsent = await browser.submit(first, 'submit', { ...ADA });
    expect(codeOf(await browser.submit(firstConsent, 'approve'))).not.to.equal('');
    expect(codeOf(await browser.submit(secondConsent, 'approve'))).not.to.equal('');
    expect(codeOf(await browser.submit(third, 'submit', { ...ADA })), 'consent is remembered').not.to.equal(
      '',
    );
  });

  it('a tab that is reloaded at any step', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    let landing = await browser.visit(timer.authorizationRequest({ prompt: 'login consent' }).url);
    landing = await browser.visit(landing.url);
    expect(landing.pageName).to.equal('login');
    const refused = await browser.submit(landing, 'submit', { ...ADA, password: 'wrong' });
    expect(refused.status).to.equal(422);
    // The address bar shows where the form was posted to.
    landing = await browser.visit(refused.url);
    expect(landing.pageName).to.equal('login');
    landing = await browser.submit(landing, 'submit', { ...ADA });
    landing = await browser.visit(landing.url);
    expect(landing.pageName).to.equal('consent');
    const switching = await browser.submit(landing, 'switch');
    expect(switching.pageName).to.equal('login');
    landing = await browser.visit(switching.url.href.replace('&switch', ''));
    expect(codeOf(await browser.submit(landing, 'approve'))).not.to.equal('');
  });

  it('a bookmarked or copied login page', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(notes.authorizationRequest().url);
    const elsewhere = await new FormBrowser(latchkey.issuer).visit(login.url);
    expectWayOn(elsewhere, /A bookmark or a copied link does not lead back/);
    const form = await post(
      new FormBrowser(latchkey.issuer),
      `${login.url.pathname}/login${login.url.search}`,
      { csrf: 'x' },
    );
    expectWayOn({ status: form.status, page: await form.text() }, /A bookmark or a copied link/);
    const plain = await new FormBrowser(latchkey.issuer).visit(login.url.pathname);
    expect(plain.status).to.equal(410);
    expect(plain.page).to.contain('Open the application you want to use again');
    const unknown = await new FormBrowser(latchkey.issuer).visit(`${login.url.pathname}?client_id=nobody`);
    expect(unknown.page)
      .to.contain('Open the application you want to use again')
      .and.not.to.contain('nobody');
  });

  it('the address to go on with, bookmarked or opened again', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(notes.authorizationRequest().url);
    const landing = await browser.visit(login.url.pathname.replace('interaction', 'auth').replace(/.$/, ''));
    expect(landing.status).to.equal(410);
    expect(landing.pageName).to.equal('expired');
    expect(landing.page).to.contain('sign in from there');
  });

  it('cookies that are stale or of somebody else', async () => {
    const names = ['latchkey-session=', 'latchkey-session=gone', `latchkey-session=${'A'.repeat(43)}`];
    for (const cookie of names) {
      const response = await fetch(notes.authorizationRequest().url, {
        redirect: 'manual',
        headers: { cookie },
      });
      expect(response.headers.get('location'), cookie).to.match(/^\/interaction\//);
    }
    const browser = new FormBrowser(latchkey.issuer);
    const { url } = await browser.visit(notes.authorizationRequest().url);
    const response = await fetch(url, {
      headers: { cookie: 'latchkey-interaction=other', accept: 'text/html' },
    });
    expectWayOn(
      { status: response.status, page: await response.text() },
      /only in the browser where they were opened/,
    );
  });

  it('cookies that are switched off', async () => {
    const landing = await visitWithoutCookies(notes.authorizationRequest().url);
    expectWayOn(landing, /browser must accept cookies/);
  });

  it('a login page that is signed in elsewhere meanwhile: it still works', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const waiting = await browser.visit(notes.authorizationRequest().url);
    await browser.authorize(timer.authorizationRequest().url, ADA);
    const landing = await browser.submit(waiting, 'submit', { ...ADA });
    expect(codeOf(landing)).not.to.equal('');
  });

  it('the words are there in German too', async () => {
    const response = await fetch(`${latchkey.issuer}/interaction/none?client_id=${notes.clientId}`, {
      headers: { accept: 'text/html', 'accept-language': 'de' },
    });
    const page = await response.text();
    expect(page)
      .to.contain('lang="de"')
      .and.to.contain('Cookies annehmen')
      .and.to.contain('Bei <bdi>Notes</bdi> neu');
  });

  it('an interaction that took too long', async () => {
    const hasty = await LatchkeyProcess.start({ LATCHKEY_LIFETIMES_INTERACTION: '2' });
    try {
      const slow = await Application.register(hasty, { client_name: 'Slow Notes' });
      const browser = new FormBrowser(hasty.issuer);
      const login = await browser.visit(slow.authorizationRequest().url);
      let landing = login;
      expect(login.pageName).to.equal('login');
      await eventually('its time is over', async () => {
        landing = await browser.visit(login.url);
        return landing.pageName !== 'login';
      });
      expectWayOn(landing, /took longer than it could wait/, 'Slow Notes');
      const late = await browser.submit(login, 'submit', { ...ADA });
      expectWayOn(late, /took longer than it could wait/, 'Slow Notes');
      expect(late.page).not.to.contain(ADA.login);
    } finally {
      await hasty.stop();
    }
  });
});
