import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';

const ON = {
  LATCHKEY_FEATURES_FRONTCHANNEL_LOGOUT: 'true',
  LATCHKEY_FEATURES_SESSION_MANAGEMENT: 'true',
};

/** Asks the provider's frame, as an application's own frame does, and shows what it answers. */
const watcher = (frame: string): string => `<!doctype html><title>Watcher</title><p id="answer"></p>
<iframe src="${frame}"></iframe>
<script>
  addEventListener('message', (event) => {
    if (event.source === frames[0]) document.querySelector('#answer').textContent += event.data + ' ';
  });
  window.ask = (question) => frames[0].postMessage(question, '*');
</script>`;

describe('hearing of a logout in the browser, in Chromium', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  let server: Server;
  let origin: string;
  let browser: Browser;
  let context: BrowserContext;
  let tab: Page;
  let complaints: string[];
  const calls: URL[] = [];

  before(async () => {
    latchkey = await LatchkeyProcess.start(ON);
    await latchkey.createPerson(ADA.login, ADA.password);
    server = createServer((request, response) => {
      const url = new URL(request.url ?? '/', origin);
      calls.push(url);
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(
        url.pathname === '/watch' ? watcher(`${latchkey.issuer}/session/check`) : '<title>Client</title>',
      );
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    origin = `http://localhost:${(server.address() as AddressInfo).port}`;
    browser = await launchChromium();
  });
  beforeEach(async () => {
    calls.length = 0;
    context = await browser.newContext({ reducedMotion: 'reduce' });
    tab = await context.newPage();
    complaints = [];
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
  });
  afterEach(() => context?.close());
  after(async () => {
    await browser?.close();
    server?.closeAllConnections();
    server?.close();
    await latchkey?.stop();
  });

  const callsOf = (path: string): URL[] => calls.filter(({ pathname }) => pathname === path);

  async function register(name: string, metadata: Record<string, unknown> = {}): Promise<Application> {
    return Application.register(latchkey, {
      client_name: name,
      redirect_uris: [`${origin}/callback`],
      post_logout_redirect_uris: [`${origin}/bye`],
      ...metadata,
    });
  }

  /** Signs in with the tab; answers the answer's parameters and the ID token. */
  async function signIn(
    app: Application,
    { consented = false } = {},
  ): Promise<{ answer: URLSearchParams; idToken: string }> {
    const { url, verifier } = app.authorizationRequest();
    await tab.goto(url.href);
    if ((await tab.getAttribute('body', 'data-page')) === 'login') {
      await tab.fill('#login', ADA.login);
      await tab.fill('#password', ADA.password);
      await tab.click('#submit');
    }
    if (!consented) await tab.click('#approve');
    await tab.waitForURL(`${origin}/callback?**`);
    const answer = new URL(tab.url()).searchParams;
    const { body } = await app.redeem({ code: answer.get('code') ?? '', verifier });
    return { answer, idToken: String(body.id_token) };
  }

  it('loads a frame for each application of the session, with its session, and goes on', async () => {
    const withSession = await register('One', {
      frontchannel_logout_uri: `${origin}/one?kept=yes`,
      frontchannel_logout_session_required: true,
    });
    const without = await register('Two', { frontchannel_logout_uri: `${origin}/two` });
    const { idToken } = await signIn(withSession);
    const sid = decodeJwt(idToken).sid;
    expect(sid).to.be.a('string');
    expect(decodeJwt((await signIn(without)).idToken)).to.not.have.property('sid');
    const end = new URL('/session/end', latchkey.issuer);
    end.search = String(
      new URLSearchParams({ id_token_hint: idToken, post_logout_redirect_uri: `${origin}/bye`, state: 's1' }),
    );
    await tab.goto(end.href);
    const answered = tab.waitForResponse(
      (response) => new URL(response.url()).pathname === '/session/end/confirm',
    );
    await tab.click('#confirm');
    const policy = (await (await answered).allHeaders())['content-security-policy'];
    expect(policy?.split(';')).to.include(`frame-src ${origin}/one ${origin}/two`);
    await tab.waitForURL(`${origin}/bye?state=s1`);
    const [one] = callsOf('/one');
    expect(Object.fromEntries(one?.searchParams ?? [])).to.deep.equal({
      kept: 'yes',
      iss: latchkey.issuer,
      sid,
    });
    expect(callsOf('/two').map(({ search }) => search)).to.deep.equal(['']);
    expect(complaints).to.deep.equal([]);
  });

  it('stays on its own page when no application asked for the logout', async () => {
    await signIn(await register('Three', { frontchannel_logout_uri: `${origin}/three` }));
    await tab.goto(`${latchkey.issuer}/session/end`);
    await tab.click('#confirm');
    await tab.waitForSelector('body[data-page="logged-out"]');
    await eventually('the frame was loaded', () => callsOf('/three').length === 1);
    await tab.evaluate(axeSource);
    expect(await violations(tab)).to.deep.equal([]);
    expect(complaints).to.deep.equal([]);
  });

  it('tells the one application that the person leaves, and no other', async () => {
    const left = await register('Four', { frontchannel_logout_uri: `${origin}/four` });
    const kept = await register('Five', { frontchannel_logout_uri: `${origin}/five` });
    const { idToken } = await signIn(left);
    await signIn(kept);
    await tab.goto(`${latchkey.issuer}/session/end?id_token_hint=${idToken}`);
    await tab.click('#cancel');
    await tab.waitForSelector('body[data-page="logged-out"]');
    await eventually('the frame was loaded', () => callsOf('/four').length === 1);
    expect(callsOf('/five')).to.deep.equal([]);
    await tab.goto(kept.authorizationRequest({ prompt: 'none' }).url.href);
    expect(new URL(tab.url()).searchParams.get('code'), 'the session goes on').to.be.a('string');
  });

  it('answers in the frame whether the session is the same (Session Management §3.2)', async () => {
    const app = await register('Watcher');
    const { answer } = await signIn(app);
    const state = answer.get('session_state') ?? '';
    expect(state).to.match(/^[0-9a-f]{64}\.[\w-]{16}$/);
    const watch = await context.newPage();
    await watch.goto(`${origin}/watch`);
    await watch.waitForLoadState('load');
    const answers: string[] = [];
    async function ask(question: string): Promise<string> {
      await watch.evaluate(`ask(${JSON.stringify(question)})`);
      await eventually('an answer', async () => {
        const told = ((await watch.textContent('#answer')) ?? '').trim().split(' ').filter(Boolean);
        return told.length > answers.length && answers.push(...told.slice(answers.length)) > 0;
      });
      return answers.at(-1) ?? '';
    }
    expect(await ask(`${app.clientId} ${state}`)).to.equal('unchanged');
    expect(await ask(`another-client ${state}`)).to.equal('changed');
    expect(await ask('nonsense')).to.equal('error');
    // The same session again: another salt, the same state.
    await tab.goto(app.authorizationRequest({ prompt: 'none' }).url.href);
    const again = new URL(tab.url()).searchParams.get('session_state') ?? '';
    expect(again)
      .to.match(/^[0-9a-f]{64}\./)
      .and.not.equal(state);
    expect(await ask(`${app.clientId} ${state}`)).to.equal('unchanged');
    expect(await ask(`${app.clientId} ${again}`)).to.equal('unchanged');
    await tab.goto(`${latchkey.issuer}/session/end`);
    await tab.click('#confirm');
    await tab.waitForSelector('body[data-page="logged-out"]');
    expect(await ask(`${app.clientId} ${state}`)).to.equal('changed');
    await signIn(app, { consented: true });
    expect(await ask(`${app.clientId} ${state}`), 'another session').to.equal('changed');
  });

  it('is told in discovery, and its frame may be embedded while nothing else may', async () => {
    const discovery = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
    expect(discovery).to.include({
      frontchannel_logout_supported: true,
      frontchannel_logout_session_supported: true,
      check_session_iframe: `${latchkey.issuer}/session/check`,
    });
    const { headers } = await fetch(`${latchkey.issuer}/session/check`);
    expect(headers.get('content-security-policy')).to.contain('frame-ancestors *');
    expect(headers.get('x-frame-options')).to.equal(null);
    const page = await fetch(`${latchkey.issuer}/`);
    expect(page.headers.get('content-security-policy')).to.contain("frame-ancestors 'none'");
  });
});

describe('hearing of a logout in the browser, while it is off', function () {
  this.timeout(60_000);

  it('is neither told nor done, and cannot be registered', async () => {
    const latchkey = await LatchkeyProcess.start();
    try {
      await latchkey.createPerson(ADA.login, ADA.password);
      const discovery = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
      expect(discovery).to.not.have.any.keys(
        'frontchannel_logout_supported',
        'frontchannel_logout_session_supported',
        'check_session_iframe',
      );
      expect((await fetch(`${latchkey.issuer}/session/check`)).status).to.equal(404);
      const app = await Application.register(latchkey);
      const browser = new FormBrowser(latchkey.issuer);
      const { landing } = await app.authorize(browser);
      expect(landing.url.searchParams.get('session_state')).to.equal(null);
      expect([...browser.cookies.keys()].some((name) => name.includes('state'))).to.equal(false);
      const { code, stderr } = await latchkey.command(
        ['clients', 'create', '--file', '-'],
        JSON.stringify({
          redirect_uris: ['https://app.example.com/callback'],
          frontchannel_logout_uri: 'https://app.example.com/logout',
        }),
      );
      expect(code).to.equal(1);
      expect(stderr).to.contain('frontchannel_logout_uri needs features.frontchannel_logout, which is off');
    } finally {
      await latchkey.stop();
    }
  });
});
