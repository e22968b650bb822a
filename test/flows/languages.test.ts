import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { VIEWS_FOLDER } from '../../lib/http/pages/static-assets.ts';
import { formOf, hrefOf, pageNameOf, post } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const texts = (locale: string): Record<string, string> =>
  JSON.parse(readFileSync(join(VIEWS_FOLDER, 'messages', `${locale}.json`), 'utf8'));
const languageOf = (page: string): string | undefined => /<html lang="([^"]+)"/.exec(page)?.[1];

describe('the language of pages and mails', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_REGISTRATION_MODE: 'open',
      LATCHKEY_LANGUAGES_DEFAULT: 'fr',
      LATCHKEY_LANGUAGES_OFFERED: 'en,fr,ja,zh-Hans',
      LATCHKEY_BRANDING_PRIVACY_URL: 'https://id.example/privacy',
      LATCHKEY_BRANDING_TERMS_URL: 'https://id.example/terms',
    });
    app = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(() => latchkey.stop());

  const browserOf = (acceptLanguage = ''): FormBrowser =>
    new FormBrowser(latchkey.issuer, acceptLanguage === '' ? {} : { 'Accept-Language': acceptLanguage });
  const loginPage = (browser: FormBrowser, parameters: Record<string, string> = {}): Promise<Landing> =>
    browser.visit(app.authorizationRequest(parameters).url);

  async function choose(browser: FormBrowser, landing: Landing, locale: string): Promise<Landing> {
    const { action, csrf } = formOf(landing, 'languages-choice');
    const returnTo =
      /name="return_to" value="([^"]+)"/.exec(landing.page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const answer = await post(browser, action, { csrf, return_to: returnTo, language: locale });
    expect(answer.status).to.equal(303);
    return browser.visit(new URL(answer.headers.get('location') ?? '', latchkey.issuer));
  }

  it('is among those that are published, with the addresses of terms and privacy policy', async () => {
    const response = await fetch(`${latchkey.issuer}/.well-known/openid-configuration`);
    expect(await response.json()).to.deep.include({
      ui_locales_supported: ['fr', 'en', 'ja', 'zh-Hans'],
      op_policy_uri: 'https://id.example/privacy',
      op_tos_uri: 'https://id.example/terms',
    });
  });

  it('is that of ui_locales, then of Accept-Language, then the default', async () => {
    const cases: [uiLocales: string, acceptLanguage: string, expected: string][] = [
      ['ja', 'en', 'ja'],
      ['pt zh-CN', 'en', 'zh-Hans'],
      ['pt', 'en-GB', 'en'],
      ['', 'zh', 'zh-Hans'],
      ['', 'pt, sv', 'fr'],
      ['', '', 'fr'],
      // There are texts, but they are not offered.
      ['de', 'de', 'fr'],
    ];
    for (const [uiLocales, acceptLanguage, expected] of cases) {
      const { page } = await loginPage(browserOf(acceptLanguage), { ui_locales: uiLocales });
      expect(languageOf(page), `${uiLocales}|${acceptLanguage}`).to.equal(expected);
      expect(page).to.contain(texts(expected)['login.title']);
    }
  });

  it('stays over the steps of a sign-in, also the one that failed', async () => {
    const browser = browserOf('en');
    let landing = await loginPage(browser, { ui_locales: 'ja' });
    landing = await browser.submit(landing, 'submit', { login: ADA.login, password: 'wrong words' });
    expect(landing).to.include({ status: 422, pageName: 'login' });
    expect(languageOf(landing.page)).to.equal('ja');
    landing = await browser.submit(landing, 'submit', { login: ADA.login, password: ADA.password });
    expect(landing.pageName).to.equal('consent');
    expect(languageOf(landing.page)).to.equal('ja');
  });

  it('is that of the mail which a sign-in causes', async () => {
    const browser = browserOf('en');
    const login = await loginPage(browser, { ui_locales: 'zh-CN' });
    const register = await browser.visit(new URL(hrefOf(login, 'register'), latchkey.issuer));
    await browser.submit(register, 'submit', { email: 'li@example.com' });
    const mails = () =>
      readOutbox(latchkey.dataDir).filter(({ headers }) => headers.get('to') === 'li@example.com');
    await eventually('a mail', () => mails().length === 1);
    expect(mails()[0]?.headers.get('subject')).to.equal(texts('zh-Hans')['mail.register.subject']);
    expect(mails()[0]?.text).to.contain(texts('zh-Hans')['mail.register.note']);
    expect(mails()[0]?.html).to.contain('<html lang="zh-Hans" dir="ltr">');
  });

  it('is chosen where a device is let in without losing its code', async () => {
    const browser = browserOf('en');
    const landing = await browser.visit('/device?user_code=BCDF-GHJK&ui_locales=zh');
    const japanese = await choose(browser, landing, 'ja');
    expect(japanese).to.include({ status: 200, pageName: 'device' });
    expect(languageOf(japanese.page)).to.equal('ja');
    expect(japanese.page).to.match(/<input[^>]* id="user_code"[^>]* value="BCDF-GHJK"/);
    expect(japanese.page).to.contain(texts('ja')['device.offered']);
  });

  it('is chosen on the page, and kept from then on in this browser, whatever applications ask', async () => {
    const browser = browserOf('en');
    const landing = await loginPage(browser, { ui_locales: 'zh' });
    const japanese = await choose(browser, landing, 'ja');
    expect(japanese).to.include({ status: 200, pageName: 'login' });
    expect(japanese.url.pathname, 'the same sign-in').to.equal(landing.url.pathname);
    expect(languageOf(japanese.page)).to.equal('ja');
    expect(languageOf((await loginPage(browser, { ui_locales: 'zh' })).page)).to.equal('ja');
    expect(languageOf((await browser.visit('/')).page)).to.equal('ja');
    expect([...browser.cookies.keys()]).to.include('latchkey-language|/');
    expect(languageOf((await browserOf('en').visit('/')).page), 'another browser').to.equal('en');
  });

  it('is not changed by another site, nor to one that is not offered', async () => {
    const browser = browserOf('en');
    const { action, csrf } = formOf(await browser.visit('/'), 'languages-choice');
    const fields = { csrf, return_to: '/', language: 'ja' };
    for (const headers of [{ 'Sec-Fetch-Site': 'cross-site' }, { Origin: 'https://elsewhere.example' }]) {
      const answer = await post(browser, action, fields, headers as unknown as Record<string, string>);
      expect(answer.status).to.equal(422);
    }
    expect((await post(browser, action, { ...fields, csrf: 'x' })).status).to.equal(422);
    for (const language of ['de', 'tlh', '', '../en']) {
      expect((await post(browser, action, { ...fields, language })).status, language).to.equal(400);
    }
    expect(languageOf((await browser.visit('/')).page)).to.equal('en');
    expect((await browser.request('/language')).status).to.equal(405);
  });

  it('leads back to pages of this server alone', async () => {
    const browser = browserOf('en');
    const { action, csrf } = formOf(await browser.visit('/'), 'languages-choice');
    const hostile = [
      ...[
        'https://elsewhere.example/',
        '//elsewhere.example',
        '/\\elsewhere.example',
        '/\t/elsewhere.example',
      ],
      ...['javascript:alert(1)', '', 'x', '/..//elsewhere.example', '/x\r\nSet-Cookie: a=b'],
    ];
    for (const returnTo of hostile) {
      const answer = await post(browser, action, { csrf, return_to: returnTo, language: 'en' });
      const target = new URL(answer.headers.get('location') ?? '', `${latchkey.issuer}/language`);
      expect(target.origin, returnTo).to.equal(latchkey.issuer);
      expect(answer.headers.get('set-cookie'), returnTo).not.to.contain('a=b');
    }
  });

  it('is kept by a log-out that asks for one, over its pages', async () => {
    const browser = browserOf('en');
    await browser.authorize(app.authorizationRequest().url, ADA);
    let landing = await browser.visit('/session/end?ui_locales=ja');
    expect(landing.pageName).to.equal('logout');
    landing = await browser.submit(landing, 'confirm');
    expect(landing.pageName).to.equal('logged-out');
    expect(languageOf(landing.page)).to.equal('ja');
    expect(languageOf((await browser.visit('/')).page), 'elsewhere nothing changes').to.equal('en');
  });

  it('is that of the profile on one’s own pages, where it is changed', async () => {
    await latchkey.createPerson('ken@example.com', ADA.password);
    await latchkey.json(['users', 'update', 'ken@example.com', '--claim', 'locale=ja']);
    const browser = browserOf('en');
    await browser.authorize('/account', { login: 'ken@example.com', password: ADA.password });
    const landing = await browser.visit('/account');
    expect(landing.pageName).to.equal('account');
    expect(languageOf(landing.page)).to.equal('ja');
    expect(landing.page).not.to.contain('id="languages"');
  });

  it('is not offered on an answer to a form, where what was typed would be lost, nor on an error', async () => {
    const browser = browserOf('en');
    const landing = await loginPage(browser);
    expect(landing.page).to.contain('id="languages"');
    const refused = await browser.submit(landing, 'submit', { login: 'x', password: 'wrong words' });
    expect(pageNameOf(refused.page)).to.equal('login');
    expect(refused.page).not.to.contain('id="languages"');
    const lost = await browser.visit('/nowhere?x=y');
    expect(lost.status).to.equal(404);
    expect(lost.page).not.to.contain('id="languages"').and.not.to.contain('x=y');
  });

  it('an application is named as it calls itself in that language, with its own colour and its logo alone', async () => {
    const notes = await Application.register(latchkey, {
      client_name: 'Orchard Notes',
      'client_name#ja': '果樹園ノート',
      'client_name#en-GB': 'Orchard Notebook',
      'policy_uri#ja': 'https://notes.example/ja/privacy',
      policy_uri: 'https://notes.example/privacy',
      logo_uri: 'https://notes.example/logo.png?size=1',
      'logo_uri#ja': 'https://notes.example/ja;v=1/logo.png',
      accent_color: '#8a4b00',
    });
    const consentIn = async (locale: string) => {
      const browser = browserOf(locale);
      const login = await browser.visit(notes.authorizationRequest().url);
      return browser.submit(login, 'submit', { login: ADA.login, password: ADA.password });
    };
    const japanese = await consentIn('ja');
    expect(japanese.pageName).to.equal('consent');
    expect(japanese.page).to.contain('果樹園ノート').and.to.contain('https://notes.example/ja/privacy');
    const english = await consentIn('en');
    expect(english.page).to.contain('Orchard Notebook').and.to.contain('"https://notes.example/privacy"');
    const french = await consentIn('fr');
    expect(french.page).to.contain('Orchard Notes<').and.not.to.contain('果');

    const sheet = /href="(\/assets\/accent\.8a4b00\.css)"/.exec(french.page)?.[1];
    const styles = await fetch(new URL(sheet ?? '/', latchkey.issuer));
    expect(styles.headers.get('content-type')).to.contain('text/css');
    expect(await styles.text()).to.contain('--accent: #8a4b00');
    for (const [locale, logo] of [
      ['fr', 'https://notes.example/logo.png'],
      ['ja', 'https://notes.example/ja%3Bv=1/logo.png'],
    ] as const) {
      const policy = (await policyOf(notes, locale)) ?? '';
      expect(policy.split(';').find((part) => part.startsWith('img-src'))).to.equal(`img-src 'self' ${logo}`);
    }
  });

  /** The policy of the login page that a request leads to. */
  async function policyOf(of: Application, locale: string): Promise<string | null> {
    const browser = browserOf(locale);
    const first = await browser.request(of.authorizationRequest().url);
    const page = await browser.request(first.headers.get('location') ?? '');
    return page.headers.get('content-security-policy');
  }
});
