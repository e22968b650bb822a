import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launchChromium } from '../browser/chromium.ts';
import { testCertificate } from '../config/test-certificate.ts';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';

const GRACE = { login: 'grace@example.com', password: 'nanoseconds by the yard' };
const PRIVATE_URI = 'com.example.app:/cb';

/** Starts a server on any free port; answers the port. */
async function listen(server: Server, host: string): Promise<string> {
  server.listen(0, host);
  await once(server, 'listening');
  return String((server.address() as AddressInfo).port);
}

describe('the content security policy in Chromium', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let chromium: Browser;
  let next = '';
  const servers: Server[] = [];
  const origins: Record<'https' | 'localhost' | 'ipv6', string> = { https: '', localhost: '', ipv6: '' };
  const applications: Record<string, Application> = {};

  /** An application's own server: `/cb` leads on to `/home` at `next`, as applications do after sign-in. */
  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://application');
    if (url.pathname === '/cb' && request.method === 'GET') {
      response.writeHead(303, { location: `${next}/home${url.search}` }).end();
      return;
    }
    response
      .writeHead(200, { 'content-type': 'text/html' })
      .end(`<title>${request.method} ${url.pathname}</title>`);
  }

  before(async () => {
    const https = createHttpsServer({ cert: testCertificate.certificate, key: testCertificate.key }, answer);
    const localhost = createServer(answer);
    const ipv6 = createServer(answer);
    servers.push(https, localhost, ipv6);
    origins.https = `https://localhost:${await listen(https, '127.0.0.1')}`;
    origins.localhost = `http://127.0.0.1:${await listen(localhost, '127.0.0.1')}`;
    origins.ipv6 = `http://[::1]:${await listen(ipv6, '::1')}`;
    next = origins.https;
    [latchkey, chromium] = await Promise.all([LatchkeyProcess.start(), launchChromium()]);
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.createPerson(GRACE.login, GRACE.password);
    for (const [kind, uri, more] of [
      [
        'https',
        `${origins.https}/cb`,
        { response_modes: ['query', 'form_post'], post_logout_redirect_uris: [`${origins.https}/bye`] },
      ],
      [
        'localhost',
        `${origins.localhost}/cb`,
        { application_type: 'native', response_modes: ['query', 'form_post'] },
      ],
      ['ipv6', `${origins.ipv6}/cb`, { application_type: 'native' }],
      ['private', PRIVATE_URI, { application_type: 'native' }],
    ] as const) {
      applications[kind] = await Application.register(latchkey, { redirect_uris: [uri], ...more });
    }
  });
  after(async () => {
    await chromium?.close();
    await latchkey?.stop();
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });

  const application = (kind: string): Application => applications[kind] as Application;

  /** A tab, and what the browser refused to do in it. */
  async function newTab(): Promise<{ tab: Page; context: BrowserContext; refused: string[] }> {
    const context = await chromium.newContext({ ignoreHTTPSErrors: true });
    const tab = await context.newPage();
    const refused: string[] = [];
    tab.on('console', (message) => {
      if (/Content.Security.Policy|Refused/i.test(message.text())) refused.push(message.text());
    });
    return { tab, context, refused };
  }

  async function signIn(tab: Page, url: URL, person = ADA): Promise<void> {
    await tab.goto(url.href);
    await tab.fill('#login', person.login);
    await tab.fill('#password', person.password);
    await tab.click('#submit');
    await tab.waitForSelector('#approve');
  }

  for (const kind of ['https', 'localhost', 'ipv6'] as const) {
    it(`lets approval reach the application, and go on from there: ${kind}`, async () => {
      const { tab, context, refused } = await newTab();
      await signIn(tab, application(kind).authorizationRequest({ prompt: 'login consent' }).url);
      await tab.click('#approve');
      await tab.waitForURL(`${origins.https}/home?*`);
      expect(new URL(tab.url()).searchParams.get('code')).to.match(/^[\w-]{48}$/);
      expect(refused).to.deep.equal([]);
      await context.close();
    });

    it(`lets a refusal reach the application: ${kind}`, async () => {
      const { tab, context, refused } = await newTab();
      await tab.goto(application(kind).authorizationRequest().url.href);
      await tab.click('#cancel');
      await tab.waitForURL(`${origins.https}/home?*`);
      expect(new URL(tab.url()).searchParams.get('error')).to.equal('access_denied');
      expect(refused).to.deep.equal([]);
      await context.close();
    });
  }

  it('lets approval reach an app by its private-use scheme, and nothing by another', async () => {
    const { tab, context, refused } = await newTab();
    await signIn(tab, application('private').authorizationRequest().url);
    const left = tab.waitForEvent('requestfailed', (request) => request.url().startsWith(PRIVATE_URI));
    const handed = tab.waitForResponse((response) =>
      (response.headers().location ?? '').startsWith(PRIVATE_URI),
    );
    await tab.click('#approve', { noWaitAfter: true });
    await Promise.race([handed, left]);
    expect(refused).to.deep.equal([]);

    // The control: what is refused is seen to be refused.
    await tab.goto(application('private').authorizationRequest({ prompt: 'login' }).url.href);
    const told = tab.waitForEvent('console', (message) => /form-action/.test(message.text()));
    await tab.evaluate(`(() => {
      const form = document.createElement('form');
      form.action = 'com.evil.app:/cb';
      form.method = 'post';
      document.body.append(form);
      form.submit();
    })()`);
    expect((await told).text()).to.contain('com.evil.app');
    await context.close();
  });

  for (const kind of ['https', 'localhost'] as const) {
    it(`runs the engine's form for response_mode=form_post: ${kind}`, async () => {
      const { tab, context, refused } = await newTab();
      await signIn(
        tab,
        application(kind).authorizationRequest({ response_mode: 'form_post', prompt: 'login consent' }).url,
      );
      const posted = tab.waitForRequest(
        (request) => request.method() === 'POST' && request.url() === `${origins[kind]}/cb`,
      );
      await tab.click('#approve');
      expect(new URLSearchParams((await posted).postData() ?? '').get('code')).to.match(/^[\w-]{48}$/);
      await tab.waitForFunction(`document.title === 'POST /cb'`);
      expect(refused).to.deep.equal([]);
      await context.close();
    });
  }

  it('lets a change of account reach the application through all its redirects', async () => {
    const { tab, context, refused } = await newTab();
    const web = application('https');
    for (const person of [ADA, GRACE]) {
      await signIn(tab, web.authorizationRequest({ prompt: 'login consent' }).url, person);
      await tab.click('#approve');
      await tab.waitForURL(`${origins.https}/home?*`);
    }
    // Consent being remembered, the engine's own form leads straight to the application.
    await tab.goto(web.authorizationRequest({ prompt: 'login', state: 'changed' }).url.href);
    await tab.fill('#login', ADA.login);
    await tab.fill('#password', ADA.password);
    await tab.click('#submit');
    await tab.waitForURL(`${origins.https}/home?*state=changed*`);
    expect(new URL(tab.url()).searchParams.get('code')).to.match(/^[\w-]{48}$/);
    expect(refused).to.deep.equal([]);
    await context.close();
  });

  it('lets a log-out lead back to the application, also when nobody was signed in', async () => {
    const { tab, context, refused } = await newTab();
    const end = new URL('/session/end', latchkey.issuer);
    end.searchParams.set('client_id', application('https').clientId);
    end.searchParams.set('post_logout_redirect_uri', `${origins.https}/bye`);
    await tab.goto(end.href);
    await tab.waitForURL(`${origins.https}/bye`);
    await signIn(tab, application('https').authorizationRequest({ prompt: 'login consent' }).url);
    await tab.goto(end.href);
    await tab.click('#confirm');
    await tab.waitForURL(`${origins.https}/bye`);
    expect(refused).to.deep.equal([]);
    await context.close();
  });

  it('leaves a pop-up its opener, which waits for the answer', async () => {
    const { tab, context } = await newTab();
    await tab.goto(`${origins.localhost}/application`);
    const opened = context.waitForEvent('page');
    const { url } = application('localhost').authorizationRequest({ prompt: 'login consent' });
    next = origins.localhost;
    await tab.evaluate(`void window.open(${JSON.stringify(url.href)}, 'sign-in')`);
    const popup = await opened;
    await popup.waitForSelector('#login');
    await popup.fill('#login', ADA.login);
    await popup.fill('#password', ADA.password);
    await popup.click('#submit');
    await popup.click('#approve');
    await popup.waitForURL(`${origins.localhost}/home?*`);
    next = origins.https;
    expect(await popup.evaluate('window.opener !== null')).to.equal(true);
    await context.close();
  });

  it('names in form-action what a page may lead to, and no more', async () => {
    const formAction = async (browser: FormBrowser, url: URL | string): Promise<string> => {
      const first = await browser.request(url);
      const response =
        first.status === 303 ? await browser.request(first.headers.get('location') as string) : first;
      const policy = response.headers.get('content-security-policy') ?? '';
      expect(policy).to.contain("script-src 'self';").and.not.to.contain('unsafe');
      return /form-action ([^;]*)/.exec(policy)?.[1] ?? '';
    };
    const expected = {
      https: "'self' https:",
      localhost: "'self' https: http://localhost:* http://127.0.0.1:*",
      ipv6: "'self' https: http:",
      private: "'self' https: com.example.app:",
    };
    const signedIn = new FormBrowser(latchkey.issuer);
    await signedIn.authorize(application('https').authorizationRequest().url, ADA);
    for (const [kind, targets] of Object.entries(expected)) {
      const browser = new FormBrowser(latchkey.issuer);
      expect(await formAction(browser, application(kind).authorizationRequest().url), kind).to.equal(targets);
      for (const prompt of ['login', 'consent', 'select_account']) {
        const { url } = application(kind).authorizationRequest({ prompt });
        expect(await formAction(signedIn, url), `${kind} ${prompt}`).to.equal(targets);
      }
    }
    for (const path of ['/', '/nothing', '/interaction/none', '/auth?client_id=nobody']) {
      expect(await formAction(new FormBrowser(latchkey.issuer), path), path).to.equal("'self'");
    }
  });
});
