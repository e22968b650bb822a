import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { expectSecurityHeaders } from '../http/expect-headers.ts';
import { formOf, post } from '../interactions/page-forms.ts';

const MARKER = 'xss-marker';
const HOSTILE = [
  `"><script>${MARKER}</script>`,
  `'><img src=x onerror=${MARKER}>`,
  `</title><script>${MARKER}</script>`,
  `</textarea></script><svg/onload=${MARKER}>`,
  `javascript:${MARKER}`,
  `" autofocus onfocus="${MARKER}`,
  `<%= ${MARKER} %>{{${MARKER}}}\${${MARKER}}`,
  `&lt;script&gt;${MARKER}&lt;/script&gt;`,
  `\u2028<script>${MARKER}</script>`,
  `<!--${MARKER}-->`,
];

/** Asserts that nothing of what was given has become markup. */
function expectText(page: string, what: string): void {
  const lower = page.toLowerCase();
  for (const tag of lower.match(/<[^>]*>/g) ?? []) {
    // What was given may stand inside a quoted attribute; outside of one it would be markup.
    const outside = tag.replace(/="[^"]*"/g, '=""');
    expect(outside, `${what}: ${tag}`).not.to.contain(MARKER);
    expect(outside, `${what}: ${tag}`).not.to.match(/\son[a-z]+=/);
    expect(tag, `${what}: ${tag}`).not.to.match(/(href|src|action)="\s*(javascript|data):/);
  }
  // Our own scripts are modules from our own origin.
  expect(lower.replace(/<script type="module" src="\/[\w./-]*">/g, ''), what).not.to.contain('<script');
  expect(lower, what).not.to.match(/<(svg\/|img src=x|!--)/);
}

describe('text that an attacker chose', () => {
  let latchkey: LatchkeyProcess;
  let notes: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    notes = await Application.register(latchkey);
  });
  after(() => latchkey?.stop());

  const signedInAs = async (application: Application): Promise<FormBrowser> => {
    const browser = new FormBrowser(latchkey.issuer);
    await browser.authorize(application.authorizationRequest().url, ADA);
    return browser;
  };

  it('is text on every page: parameters of the authorization request', async () => {
    const signedIn = await signedInAs(notes);
    for (const text of HOSTILE) {
      for (const name of [
        'login_hint',
        'ui_locales',
        'state',
        'nonce',
        'display',
        'acr_values',
        'id_token_hint',
        'scope',
        'client_id',
        'redirect_uri',
        'response_type',
        'response_mode',
        'prompt',
        'claims',
        'resource',
        'max_age',
        'request_uri',
        text,
      ]) {
        const { url } = notes.authorizationRequest({ [name]: text });
        const landing = await new FormBrowser(latchkey.issuer).visit(url);
        if (landing.page !== '') expectText(landing.page, `${name} ${text}`);
        else expect(landing.url.href, name).to.match(/^http:\/\/localhost:9\/callback\?/);
      }
      for (const prompt of ['login', 'consent', 'select_account']) {
        const { url } = notes.authorizationRequest({
          prompt,
          login_hint: text,
          ui_locales: text,
          state: text,
        });
        expectText((await signedIn.visit(url)).page, `${prompt} ${text}`);
      }
    }
  });

  it('is text on every page: what is typed, and addresses', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const page = await browser.visit(notes.authorizationRequest().url);
    const { action, csrf } = formOf(page, 'submit');
    for (const text of HOSTILE) {
      for (const fields of [
        { login: text, password: text, csrf },
        { login: text, password: text, csrf: text },
      ]) {
        const response = await post(browser, action, fields);
        expect(response.status).to.be.oneOf([403, 422, 429]);
        expectText(await response.text(), `login ${text}`);
      }
      const encoded = encodeURIComponent(text);
      for (const path of [
        `/${encoded}`,
        `/interaction/${encoded}?client_id=${encoded}`,
        `/interaction/x?client_id=${notes.clientId}&ui_locales=${encoded}`,
        `/auth/${encoded}`,
        `/session/end?client_id=${encoded}&state=${encoded}&post_logout_redirect_uri=${encoded}&logout_hint=${encoded}`,
        `/session/end/success?client_id=${encoded}`,
        `/?${encoded}=${encoded}`,
      ]) {
        const response = await browser.request(path);
        expectText(await response.text(), path);
        expectSecurityHeaders(response.headers, path);
      }
    }
  });

  it("is text on every page: an application's names and links", async () => {
    for (const text of HOSTILE.slice(0, 8)) {
      const hostile = await Application.register(latchkey, {
        client_name: text,
        client_uri: `https://notes.example/?a="><script>${MARKER}</script>`.replaceAll(' ', ''),
        policy_uri: `https://notes.example/'onmouseover=${MARKER}`,
        tos_uri: `https://notes.example/"onmouseover=${MARKER}`,
        logo_uri: `https://notes.example/"onerror=${MARKER}//.png`,
        initiate_login_uri: `https://notes.example/"onclick="${MARKER}`,
      });
      const browser = new FormBrowser(latchkey.issuer);
      const pages: Landing[] = [];
      pages.push(await browser.visit(hostile.authorizationRequest().url));
      pages.push(await browser.submit(pages[0] as Landing, 'submit', { ...ADA }));
      await browser.submit(pages[1] as Landing, 'approve');
      pages.push(await browser.visit((pages[0] as Landing).url));
      pages.push(await browser.visit(hostile.authorizationRequest({ prompt: 'select_account' }).url));
      pages.push(
        await browser.visit(hostile.authorizationRequest({ redirect_uri: 'https://evil.example/' }).url),
      );
      pages.push(await browser.visit(`/session/end?client_id=${hostile.clientId}`));
      pages.push(await browser.submit(pages.at(-1) as Landing, 'confirm'));
      pages.push(await browser.visit(`/session/end/success?client_id=${hostile.clientId}`));
      const names = pages.map(({ pageName }) => pageName);
      expect(names).to.deep.equal([
        'login',
        'consent',
        'expired',
        'select-account',
        'error',
        'logout',
        'logged-out',
        'logged-out',
      ]);
      for (const { page, pageName } of pages) expectText(page, `${pageName} ${text}`);
    }
  });

  it("is text on every page: a person's name and login", async () => {
    const person = { login: `<script>${MARKER}</script>`, password: ADA.password };
    const { code } = await latchkey.command(
      [
        'users',
        'create',
        '--username',
        person.login,
        '--name',
        `"><img src=x onerror=${MARKER}>`,
        '--password-stdin',
      ],
      person.password,
    );
    // Either the login is refused, or it is shown as what it is.
    const somebody = code === 0 ? person : { login: 'named@example.com', password: ADA.password };
    if (code !== 0) {
      await latchkey.json(
        [
          'users',
          'create',
          '--email',
          somebody.login,
          '--name',
          `"><img src=x onerror=${MARKER}>`,
          '--password-stdin',
        ],
        somebody.password,
      );
    }
    const browser = new FormBrowser(latchkey.issuer);
    const consent = await browser.submit(
      await browser.visit(notes.authorizationRequest().url),
      'submit',
      somebody,
    );
    expect(consent.pageName).to.equal('consent');
    expect(consent.page).to.contain('onerror');
    expectText(consent.page, 'consent');
    await browser.submit(consent, 'approve');
    for (const path of ['/session/end', notes.authorizationRequest({ prompt: 'select_account' }).url]) {
      expectText((await browser.visit(path)).page, String(path));
    }
  });

  it('cannot turn the words around it: names with direction controls are refused, others are isolated', async () => {
    for (const control of ['\u202e', '\u2066', '\u200f', '\u061c', '\u202a']) {
      const metadata = { client_name: `Bank${control}txt`, redirect_uris: ['https://a.example/'] };
      const { code, stderr } = await latchkey.command(
        ['clients', 'create', '--file', '-', '--json'],
        JSON.stringify(metadata),
      );
      expect(code, escape(control)).not.to.equal(0);
      expect(stderr).to.contain('direction characters');
    }
    const arabic = await Application.register(latchkey, { client_name: 'بنك الأمان' });
    const page = await new FormBrowser(latchkey.issuer).visit(
      arabic.authorizationRequest({ login_hint: '\u202eada' }).url,
    );
    expect(page.page).to.contain('<bdi>بنك الأمان</bdi>');
    expect(page.page.replace(/value="[^"]*"/g, '')).not.to.contain('\u202e');
    const refused = await new FormBrowser(latchkey.issuer).visit(
      `/auth?client_id=%E2%80%AEabc&${new URLSearchParams({ redirect_uri: '\u202e' })}`,
    );
    expect(refused.page.replace(/<bdi>[^<]*<\/bdi>/g, '')).not.to.contain('\u202e');
  });
});
