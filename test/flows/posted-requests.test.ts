import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import { launchChromium } from '../browser/chromium.ts';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

describe('requests by POST', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    app = await Application.register(latchkey, { post_logout_redirect_uris: ['http://localhost:9/bye'] });
  });
  after(() => latchkey.stop());

  const post = (path: string, body: URLSearchParams | string, headers: Record<string, string> = {}) =>
    fetch(new URL(path, latchkey.issuer), { method: 'POST', body, headers, redirect: 'manual' });

  /** The same request by another way: what the address would carry is the form. */
  function formOf(parameters: Record<string, string> = {}): URLSearchParams {
    return new URLSearchParams(app.authorizationRequest(parameters).url.search);
  }

  it('lead to the same request by GET, with every parameter once as it came', async () => {
    const form = formOf({ state: 'a b&c=ä#%' });
    form.append('ui_locales', 'de');
    const response = await post('/auth', form);
    expect(response.status).to.equal(303);
    expect(response.headers.get('cache-control')).to.contain('no-store');
    expect(response.headers.get('set-cookie')).to.equal(null);
    const target = new URL(response.headers.get('location') as string, latchkey.issuer);
    expect(target.pathname).to.equal('/auth');
    expect([...target.searchParams]).to.deep.equal([...form]);
  });

  it('sign a person in, and answer without a page where a session is', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);
    const response = await browser.request('/auth', { method: 'POST', body: formOf({ prompt: 'none' }) });
    const landing = await browser.visit(response.headers.get('location') as string);
    expect(answerIn(landing))
      .to.include({ state: 'a-state', iss: latchkey.issuer })
      .and.have.property('code');
  });

  it('never lead to another host, whatever the path', async () => {
    for (const path of ['//elsewhere.example/auth', '/auth/', '/AUTH', '/auth//']) {
      const response = await fetch(latchkey.issuer + path, {
        method: 'POST',
        body: formOf(),
        redirect: 'manual',
      });
      expect(response.status, path).to.be.oneOf([404, 405]);
      expect(response.headers.get('location'), path).to.equal(null);
    }
  });

  it('a repeated parameter is repeated still, and refused', async () => {
    const form = formOf();
    form.append('scope', 'openid email');
    const browser = new FormBrowser(latchkey.issuer);
    const response = await browser.request('/auth', { method: 'POST', body: form });
    const landing = await browser.visit(response.headers.get('location') as string);
    expect(answerIn(landing)).to.include({ error: 'invalid_request' });
  });

  it('take a form alone, no more than 56 KiB of it', async () => {
    const json = await post('/auth', JSON.stringify({ client_id: app.clientId }), {
      'Content-Type': 'application/json',
    });
    expect(json.status).to.equal(400);
    const large = formOf({ state: 'x'.repeat(60_000) });
    expect((await post('/auth', large)).status).to.equal(413);
  });

  it('that are too long for an address go through a page that sends them once more from here', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);
    // As long as a request object with its certificates may be.
    const hint = '"><script>'.padEnd(20_000, 'x');
    const form = formOf({ login_hint: hint, prompt: 'none' });
    const first = await browser.request('/auth', { method: 'POST', body: form });
    expect(first.status).to.equal(200);
    expect(first.headers.get('location')).to.equal(null);
    const page = await first.text();
    expect(page).to.contain('data-page="continue"').and.not.contain('"><script>');
    const landing = await browser.submit(
      { status: 200, url: new URL('/auth', latchkey.issuer), page, pageName: 'continue' },
      'continue',
    );
    expect(landing.url.searchParams.get('code')).to.be.a('string');
    expect(landing.url.searchParams.get('state')).to.equal('a-state');
  });

  it('sign out as well (OpenID Connect RP-Initiated Logout 1.0 section 2)', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { id_token: hint } = await app.signIn(browser);
    const form = new URLSearchParams({
      id_token_hint: hint,
      post_logout_redirect_uri: 'http://localhost:9/bye',
      state: 'bye',
    });
    const response = await browser.request('/session/end', { method: 'POST', body: form });
    expect(response.status).to.equal(303);
    const question = await browser.visit(response.headers.get('location') as string);
    const landing = await browser.submit(question, 'confirm');
    expect(landing.url.href).to.equal('http://localhost:9/bye?state=bye');
  });

  describe('from another site, in Chromium', () => {
    let chromium: Browser;
    let elsewhere: Server;
    let origin: string;
    let form = '';

    before(async () => {
      elsewhere = createServer((request, response) => {
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end(request.url?.startsWith('/cb') ? '<title>back</title>' : form);
      });
      elsewhere.listen(0, '127.0.0.1');
      await once(elsewhere, 'listening');
      origin = `http://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
      chromium = await launchChromium();
    });
    after(async () => {
      await chromium?.close();
      elsewhere?.close();
    });

    it('find the session that the person has here, short or long', async () => {
      const other = await Application.register(latchkey, { redirect_uris: [`${origin}/cb`] });
      const context = await chromium.newContext();
      const page = await context.newPage();
      await page.goto(other.authorizationRequest().url.href);
      await page.fill('#login', ADA.login);
      await page.fill('#password', ADA.password);
      await page.click('#submit');
      await page.click('#approve');
      await page.waitForURL(/\/cb\?.*code=/);
      // Chromium sends young cookies with cross-site forms for two minutes, unless they say SameSite=Lax as ours do.
      for (const state of ['short', 'long'.repeat(3000)]) {
        const { url } = other.authorizationRequest({ prompt: 'none', state });
        const inputs = [...url.searchParams].map(
          ([name, value]) => `<input type="hidden" name="${name}" value="${value}">`,
        );
        form = `<form method="post" action="${latchkey.issuer}/auth">${inputs.join('')}<button>go</button></form>`;
        await page.goto(`${origin}/form`);
        await page.click('button');
        await page.waitForURL(/\/cb\?/);
        const answered = new URL(page.url()).searchParams;
        expect(answered.get('error')).to.equal(null);
        expect(answered.get('code')).to.be.a('string');
        expect(answered.get('state')).to.equal(state);
      }
      await context.close();
    });
  });
});
