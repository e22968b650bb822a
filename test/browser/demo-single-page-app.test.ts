import { expect } from 'chai';
import type { Browser, Page, Request } from 'playwright-core';
import { RunningDemo } from '../demo/running-demo.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { launchChromium } from './chromium.ts';
import { DemoVisitor } from './demo-visitor.ts';

/** What the page shows after a click on one of its buttons that ask the API. */
async function asksApi(tab: Page, button: string): Promise<{ status: string; text: string }> {
  await tab.click(button);
  const result = tab.locator('#api-result[data-status]');
  await result.waitFor();
  return {
    status: (await result.getAttribute('data-status')) ?? '',
    text: (await result.textContent()) ?? '',
  };
}

const isRenewal = (request: Request): boolean =>
  request.url().endsWith('/token') && (request.postData() ?? '').includes('grant_type=refresh_token');

const untilSignedIn = (tab: Page, signedIn = true) =>
  tab.locator(`body[data-ready="true"][data-signed-in="${signedIn}"]`).waitFor({ timeout: 45_000 });

describe('the demo’s single-page app in Chromium', function () {
  this.timeout(90_000);
  let demo: RunningDemo;
  let browser: Browser;
  const visitors: DemoVisitor[] = [];

  before(async () => {
    demo = await RunningDemo.start();
    expect(demo.ready, demo.output).to.equal(true);
    browser = await launchChromium();
  });
  afterEach(async () => {
    for (const { context, complaints } of visitors.splice(0)) {
      await context.close();
      expect(complaints).to.deep.equal([]);
    }
    const [grant] = await demo.operator<{ grant_id: string }[]>(['grants', 'list', '--client', 'notes']);
    if (grant !== undefined) await demo.operator(['grants', 'revoke', grant.grant_id]);
  });
  after(async () => {
    await browser?.close();
    await demo?.remove();
  });

  async function arrive(): Promise<DemoVisitor> {
    const visitor = await DemoVisitor.arrive(demo, browser);
    visitors.push(visitor);
    return visitor;
  }

  async function arriveSignedIn(): Promise<DemoVisitor> {
    const visitor = await arrive();
    await visitor.signsIn(demo.singlePageApp);
    await untilSignedIn(visitor.tab);
    return visitor;
  }

  /** A second tab of the same browser: it finds the sign-in of the first in localStorage. */
  async function secondTab({ context }: DemoVisitor): Promise<Page> {
    const tab = await context.newPage();
    await tab.goto(demo.singlePageApp);
    await untilSignedIn(tab);
    return tab;
  }

  it('signs in with PKCE, and leaves neither code nor state in the address', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    const authorization = tab.waitForRequest((request) => request.url().startsWith(`${demo.issuer}/auth?`));
    await tab.goto(demo.startPage);
    await tab.click('#single-page-app');
    await untilSignedIn(tab, false);
    await visitor.isAccessible();
    await tab.click('#sign-in');
    await visitor.reaches('login');
    const { searchParams } = new URL((await authorization).url());
    expect(searchParams.get('code_challenge_method')).to.equal('S256');
    await visitor.entersPassword();
    await visitor.reaches('consent');
    expect(await tab.textContent('main'))
      .to.contain('In Notes API')
      .and.to.contain('See your notes')
      .and.not.contain('Write');
    await visitor.isAccessible();
    await tab.click('#approve');
    await untilSignedIn(tab);
    await visitor.isAccessible();
    expect(await tab.textContent('#status')).to.equal('Signed in as Ada Lovelace');
    expect(tab.url()).to.equal(`${demo.singlePageApp}/`);
    await tab.reload();
    await untilSignedIn(tab);
  });

  it('gets a distinct answer of the API for a good, a missing and a forged token, and for a lacking scope', async () => {
    const visitor = await arriveSignedIn();
    const { tab } = visitor;
    const read = await asksApi(tab, '#call-api');
    expect(read.status).to.equal('200');
    expect(read.text).to.contain('Welcome to your notes.');
    const written = await asksApi(tab, '#call-api-write');
    expect(written.status).to.equal('403');
    expect(written.text).to.contain('error="insufficient_scope"').and.to.contain('scope="write"');
    const missing = await asksApi(tab, '#call-api-missing');
    expect(missing.status).to.equal('401');
    expect(missing.text)
      .to.contain('missing_token')
      .and.to.match(
        /Bearer realm="notes", resource_metadata="http:\S+\/\.well-known\/oauth-protected-resource"\n/,
      );
    const forged = await asksApi(tab, '#call-api-invalid');
    expect(forged.status).to.equal('401');
    expect(forged.text).to.contain('error="invalid_token", error_description="The access token is invalid"');
    await visitor.isAccessible();
  });

  it('hears from the API that a token has expired, and needs no other word to renew it', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    const apis = await demo.operator<{ identifier: string }[]>(['apis', 'list']);
    const api = apis[0]?.identifier ?? '';
    await demo.operator(['apis', 'update', api, '--lifetime', '1']);
    let token = '';
    try {
      const answer = tab.waitForResponse((response) => response.url() === `${demo.issuer}/token`);
      await visitor.signsIn(demo.singlePageApp);
      token = ((await (await answer).json()) as { access_token: string }).access_token;
    } finally {
      await demo.operator(['apis', 'update', api, '--lifetime', '600']);
    }
    // The API allows clocks to differ by a few seconds.
    let expired = new Response();
    await eventually('the token expires', async () => {
      expired = await fetch(new URL('notes', api), { headers: { Authorization: `Bearer ${token}` } });
      return expired.status !== 200;
    });
    expect(expired.status).to.equal(401);
    expect(expired.headers.get('WWW-Authenticate')).to.contain(
      'Bearer realm="notes", error="invalid_token", error_description="The access token expired"',
    );
    await untilSignedIn(tab);
    expect((await asksApi(tab, '#call-api')).status).to.equal('200');
  });

  it('renews in two tabs at the same moment without losing either', async () => {
    const visitor = await arriveSignedIn();
    const { tab, context } = visitor;
    const other = await secondTab(visitor);
    // Both requests are held until both are there, so that they arrive with the same refresh token.
    const held: (() => void)[] = [];
    const tokens: unknown[] = [];
    await context.route(`${demo.issuer}/token`, async (route, request) => {
      tokens.push(new URLSearchParams(request.postData() ?? '').get('refresh_token'));
      await new Promise<void>((resolve) => {
        held.push(resolve);
        if (held.length === 2) for (const release of held) release();
      });
      await route.continue();
    });
    const answers = [tab, other].map((each) => each.waitForResponse(`${demo.issuer}/token`));
    await Promise.all([tab, other].map((each) => each.click('#renew')));
    const responses = await Promise.all(answers);
    expect(tokens).to.have.lengthOf(2);
    expect(tokens[0], 'the same refresh token').to.be.a('string').and.to.equal(tokens[1]);
    const successors = await Promise.all(
      responses.map(async (response) => ((await response.json()) as { refresh_token: string }).refresh_token),
    );
    expect(successors[0], 'one successor').to.be.a('string').and.to.equal(successors[1]);
    await context.unroute(`${demo.issuer}/token`);
    for (const each of [tab, other]) {
      await untilSignedIn(each);
      expect((await asksApi(each, '#call-api')).status).to.equal('200');
      const renewed = each.waitForResponse(`${demo.issuer}/token`);
      await each.click('#renew');
      expect((await renewed).status(), 'the successor is good').to.equal(200);
      expect(each.frames(), 'no frame is needed').to.have.lengthOf(1);
    }
  });

  it('renews by itself, tab beside tab, time after time', async () => {
    const apis = await demo.operator<{ identifier: string }[]>(['apis', 'list']);
    const api = apis[0]?.identifier ?? '';
    // The library renews a minute before the end: here every other second.
    await demo.operator(['apis', 'update', api, '--lifetime', '62']);
    try {
      const visitor = await arriveSignedIn();
      const { tab } = visitor;
      const other = await secondTab(visitor);
      const renewals = new Map<Page, number[]>([
        [tab, []],
        [other, []],
      ]);
      for (const [each, statuses] of renewals) {
        each.on('response', (response) => {
          if (isRenewal(response.request())) statuses.push(response.status());
        });
      }
      const all = () => [...renewals.values()].flat();
      await eventually('both tabs have seen several renewals', () => all().length >= 6, 60_000);
      expect(new Set(all())).to.deep.equal(new Set([200]));
      for (const each of [tab, other]) {
        await untilSignedIn(each);
        expect((await asksApi(each, '#call-api')).status).to.equal('200');
      }
    } finally {
      await demo.operator(['apis', 'update', api, '--lifetime', '600']);
    }
  });

  it('signs out, in every tab and at the provider', async () => {
    const visitor = await arriveSignedIn();
    const { tab } = visitor;
    const other = await secondTab(visitor);
    await tab.click('#sign-out');
    await visitor.reaches('logout');
    await visitor.isAccessible();
    await tab.click('#confirm');
    await untilSignedIn(tab, false);
    await untilSignedIn(other, false);
    expect(tab.url()).to.equal(`${demo.singlePageApp}/`);
    expect((await asksApi(other, '#call-api')).status).to.equal('401');
    await visitor.goesToLogin(demo.singlePageApp);
  });

  it('says in plain words that somebody cancelled at the login or denied at consent', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    const stopped = tab.locator('#status', { hasText: 'You stopped before you were signed in.' });
    await visitor.goesToLogin(demo.singlePageApp);
    await tab.click('#cancel');
    await stopped.waitFor();
    await visitor.isAccessible();
    await tab.click('#sign-in');
    await visitor.reaches('login');
    await visitor.entersPassword();
    await visitor.reaches('consent');
    await tab.click('#deny');
    await stopped.waitFor();
    expect(tab.url()).to.equal(`${demo.singlePageApp}/`);
  });

  it('is not asked for the password by somebody who signed in at the web app', async () => {
    const visitor = await arrive();
    const { tab } = visitor;
    await visitor.signsIn(demo.webApp);
    await tab.goto(demo.singlePageApp);
    await tab.click('#sign-in');
    await visitor.reaches('consent');
    await tab.click('#approve');
    await untilSignedIn(tab);
  });

  it('says that the sign-in is over when an operator has ended it', async () => {
    const visitor = await arriveSignedIn();
    const { tab } = visitor;
    const [grant] = await demo.operator<{ grant_id: string }[]>(['grants', 'list', '--client', 'notes']);
    await demo.operator(['grants', 'revoke', grant?.grant_id ?? '']);
    await tab.click('#renew');
    await tab.locator('#status', { hasText: 'Your sign-in has ended. Sign in again.' }).waitFor();
    await untilSignedIn(tab, false);
    await visitor.isAccessible();
  });
});
