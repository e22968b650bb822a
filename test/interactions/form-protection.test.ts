import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, pageNameOf, post } from './page-forms.ts';

const MALLORY = { login: 'mallory@example.com', password: 'an attacker of her own' };

/** Each form of each page: the page it is on, its button, and the button that proves that the step is still pending. */
const FORMS = [
  { page: 'login', button: 'submit', fields: ADA },
  { page: 'login', button: 'cancel', fields: {} },
  { page: 'consent', button: 'approve', fields: {} },
  { page: 'consent', button: 'deny', fields: {} },
  { page: 'consent', button: 'switch', fields: {} },
  { page: 'select-account', button: 'continue', fields: {} },
  { page: 'select-account', button: 'switch', fields: {} },
  { page: 'select-account', button: 'cancel', fields: {} },
] as const;

describe('forms of interactions', () => {
  let latchkey: LatchkeyProcess;
  let notes: Application;
  let signedIn: FormBrowser;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.createPerson(MALLORY.login, MALLORY.password),
    ]);
    notes = await Application.register(latchkey);
    signedIn = new FormBrowser(latchkey.issuer);
    await signedIn.authorize(notes.authorizationRequest().url, ADA);
  });
  after(() => latchkey?.stop());

  /** A browser that is shown a page of this name. */
  async function open(page: string): Promise<{ browser: FormBrowser; landing: Landing }> {
    const browser = page === 'login' ? new FormBrowser(latchkey.issuer) : signedIn;
    const prompt = { login: '', consent: 'consent', 'select-account': 'select_account' }[page] ?? '';
    const landing = await browser.visit(notes.authorizationRequest({ prompt }).url);
    expect(landing.pageName).to.equal(page);
    return { browser, landing };
  }

  const foreign: [what: string, headers: Record<string, string>][] = [
    ['a foreign origin', { origin: 'https://evil.example' }],
    ['an origin with another port', { origin: 'http://localhost:1' }],
    ['an origin that only begins like ours', { origin: 'ISSUER.evil.example' }],
    ['a cross-site post', { 'sec-fetch-site': 'cross-site' }],
    ['a post from a neighbouring site', { 'sec-fetch-site': 'same-site' }],
    ['a cross-site post of a hidden origin', { origin: 'null', 'sec-fetch-site': 'cross-site' }],
  ];

  for (const { page, button, fields } of FORMS) {
    it(`refuse what our page did not send, and do nothing: ${page}, ${button}`, async () => {
      const { browser, landing } = await open(page);
      const { action, csrf } = formOf(landing, button);
      expect(csrf).to.match(/^[\w-]{43}$/);
      const other = formOf((await open(page)).landing, button);
      const tries: [what: string, Promise<Response>][] = [
        ['no token', post(browser, action, { ...fields })],
        ['an empty token', post(browser, action, { ...fields, csrf: '' })],
        [
          'a wrong token',
          post(browser, action, {
            ...fields,
            csrf: csrf.replace(/./, (first) => (first === 'a' ? 'b' : 'a')),
          }),
        ],
        ['a token that is too long', post(browser, action, { ...fields, csrf: `${csrf}a` })],
        ["another interaction's token", post(browser, action, { ...fields, csrf: other.csrf })],
        ['the token in the query', post(browser, `${action}&csrf=${csrf}`, { ...fields })],
        ...foreign.map(([what, headers]): [string, Promise<Response>] => {
          const filled = Object.entries(headers).map(([name, value]) => [
            name,
            value.replace('ISSUER', latchkey.issuer),
          ]);
          return [what, post(browser, action, { ...fields, csrf }, Object.fromEntries(filled))];
        }),
      ];
      for (const [what, request] of tries) {
        const response = await request;
        expect(response.status, what).to.equal(403);
        expect(response.headers.get('location'), what).to.equal(null);
        const text = await response.text();
        expect(pageNameOf(text), what).to.equal(page);
        expect(text, what).to.contain('id="problem"');
        expect(text, what).to.not.contain(ADA.password);
      }
      const query = new URLSearchParams({ ...fields, csrf });
      const asGet = await browser.request(`${action}&${query}`);
      expect(asGet.status).to.equal(303);
      expect(asGet.headers.get('location')).to.match(/^\/interaction\/[\w-]+\?client_id=[\w-]+$/);

      const again = await browser.visit(landing.url);
      expect(again.pageName, 'still pending').to.equal(page);
      expect(formOf(again, button).csrf).to.equal(csrf);
      const honest = await post(
        browser,
        action,
        { ...fields, csrf },
        { origin: 'null', 'sec-fetch-site': 'same-origin' },
      );
      expect(honest.status, 'the honest form').to.equal(303);
    });
  }

  it('cannot be finished in a browser that did not begin: no login by force (RFC 6749 §10.12)', async () => {
    const mallory = new FormBrowser(latchkey.issuer);
    const landing = await mallory.visit(notes.authorizationRequest().url);
    const { action, csrf } = formOf(landing, 'submit');
    const victim = new FormBrowser(latchkey.issuer);
    const forced = await post(victim, action, { ...MALLORY, csrf });
    expect(forced.status).to.equal(410);
    expect([...victim.cookies.keys()]).to.deep.equal([]);

    // Nor can the last step be: the address to go on with is of use in the browser that began alone.
    const finished = await post(mallory, action, { ...MALLORY, csrf });
    const returnTo = finished.headers.get('location') as string;
    const resumed = await victim.request(returnTo);
    expect(resumed.status).to.equal(410);
    expect(resumed.headers.get('location')).to.equal(null);
    expect([...victim.cookies.keys()]).to.deep.equal([]);
  });

  it('cannot be filled by a link: the login page takes a hint, never a password', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const url = new URL(notes.authorizationRequest({ login_hint: MALLORY.login }).url);
    url.searchParams.set('password', MALLORY.password);
    url.searchParams.set('login', MALLORY.login);
    const landing = await browser.visit(url);
    expect(landing.pageName).to.equal('login');
    expect(landing.page).not.to.contain(MALLORY.password);
  });

  it('of the log-out carry a token of their own', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    await browser.authorize(notes.authorizationRequest().url, ADA);
    const page = await browser.visit('/session/end');
    expect(page.pageName).to.equal('logout');
    for (const fields of [
      { logout: 'yes' },
      { logout: 'yes', xsrf: '' },
      { logout: 'yes', xsrf: 'a'.repeat(48) },
    ]) {
      const response = await post(browser, '/session/end/confirm', fields as Record<string, string>);
      expect(response.status).to.equal(422);
      expect(pageNameOf(await response.text()), 'asked once more').to.equal('logout');
    }
    expect((await browser.request('/session/end/confirm?logout=yes')).status).to.equal(405);
    const silent = await browser.visit(notes.authorizationRequest({ prompt: 'none' }).url);
    expect(silent.url.searchParams.get('code'), 'still signed in').to.match(/^.{20,}/);
    const done = await browser.submit(await browser.visit('/session/end'), 'confirm');
    expect(done.pageName).to.equal('logged-out');
    const gone = await browser.visit(notes.authorizationRequest({ prompt: 'none' }).url);
    expect(gone.url.searchParams.get('error')).to.equal('login_required');
  });
});
