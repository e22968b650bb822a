import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { Browser } from 'playwright-core';
import type { Visit } from '../../scripts/conformance/browser-commands.ts';
import { browserConfiguration } from '../../scripts/conformance/browser-commands.ts';
import { chromiumVisitor } from '../../scripts/conformance/chromium-visitor.ts';
import { createSuite } from '../../scripts/conformance/suite.ts';
import { launchChromium } from '../browser/chromium.ts';
import { type FakeModule, FakeSuite } from './fake-suite.ts';

const PERSON = { login: 'ada@example.com', password: 'a "quoted" password' };

const page = (name: string, body: string) =>
  `<!doctype html><html lang="en"><head><title>${name}</title></head><body data-page="${name}">${body}</body></html>`;

describe('the conformance suite’s visits in a real Chromium', function () {
  this.timeout(60_000);
  let browser: Browser;
  let pages: Server;
  let origin: string;
  let suite: FakeSuite | undefined;
  const posted: string[] = [];

  before(async () => {
    browser = await launchChromium();
    pages = createServer(async (request, response) => {
      const { pathname } = new URL(request.url ?? '/', 'http://pages');
      const html = (status: number, content: string, headers = {}) =>
        response.writeHead(status, { 'Content-Type': 'text/html', ...headers }).end(content);
      if (request.method === 'POST') posted.push(`${pathname} ${await text(request)}`);
      const form = (fields: string) => `<form method="post" action="/interaction/next">${fields}</form>`;
      if (pathname === '/auth') html(303, '', { Location: '/interaction/one' });
      else if (pathname === '/interaction/one') {
        const fields = '<input id="login" name="login"><input id="password" name="password">';
        html(200, page('login', form(`${fields}<button id="submit">Sign in</button>`)));
      } else if (pathname === '/interaction/next')
        html(303, '', { Location: '/test/a/plan/callback?code=1' });
      else if (pathname === '/auth/refused') html(400, page('error', '<p>No.</p>'));
      else if (pathname === '/auth/script') {
        html(200, page('error', '<script>1</script>'), { 'Content-Security-Policy': "script-src 'self'" });
      } else html(200, page('callback', '<p id="submission_complete">Done</p>'));
    });
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(pages.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    await suite?.stop();
    posted.length = 0;
  });
  after(async () => {
    await browser?.close();
    pages.closeAllConnections();
    await new Promise((resolve) => pages.close(resolve));
  });

  /** Visits for one module until it is finished; answers what went wrong. */
  async function accompany(module: Omit<FakeModule, 'testModule'>, visits: Visit[], patience?: number) {
    const fake = await FakeSuite.start([{ testModule: 'oidcc-server', ...module }]);
    suite = fake;
    const client = createSuite(fake.address);
    const { id } = await client.createPlan('oidcc-test-plan', {}, {});
    const testId = await client.createTest(id, { testModule: 'oidcc-server' });
    const ended = new AbortController();
    const problems = chromiumVisitor(browser, client, patience)(testId, visits, ended.signal);
    // As in a run: the test's own end is what ends the visits.
    let status: string | undefined;
    while (status !== 'FINISHED') status = await client.statusOf(testId, ['FINISHED'], 50);
    ended.abort();
    return { problems: await problems, picture: fake.pictureOf(testId) };
  }

  it('fills in the pages and goes on to the client', async () => {
    const { browser: visits } = browserConfiguration(origin, PERSON);
    const addresses = [{ url: `${origin}/auth?client_id=1`, method: 'GET' }];
    expect((await accompany({ addresses }, visits)).problems).to.deep.equal([]);
    const [form = ''] = posted;
    expect(form).to.match(/^\/interaction\/next /);
    expect(Object.fromEntries(new URLSearchParams(form.split(' ')[1]))).to.deep.equal(PERSON);
  });

  it('posts a request as the form that it is, and shows the page that a module asks for', async () => {
    const { override } = browserConfiguration(origin, PERSON);
    const visits = override['oidcc-ensure-registered-redirect-uri']?.browser ?? [];
    const addresses = [{ url: `${origin}/auth/refused?state=a+%22b%22`, method: 'POST' }];
    const { problems, picture } = await accompany({ addresses, upload: 'place' }, visits);
    expect(problems).to.deep.equal([]);
    expect(posted).to.deep.equal(['/auth/refused state=a+%22b%22']);
    expect(picture).to.match(/^data:image\/jpeg;base64,/);
  });

  it('tells what the content security policy forbids, and where a page is not the expected one', async () => {
    const { override } = browserConfiguration(origin, PERSON);
    const visits = override['oidcc-ensure-registered-redirect-uri']?.browser ?? [];
    const addresses = [{ url: `${origin}/auth/script`, method: 'GET' }];
    const forbidden = await accompany({ addresses, upload: 'place' }, visits);
    expect(forbidden.problems.map(({ name }) => name)).to.deep.equal(['ContentSecurityPolicy']);
    await suite?.stop();
    const address = { url: `${origin}/elsewhere/auth`, method: 'GET' };
    const click: Visit = {
      match: `${origin}/elsewhere*`,
      tasks: [{ task: 'Click', match: '*', commands: [['click', 'id', 'none']] }],
    };
    const lost = await accompany({ addresses: [address] }, [click], 2000);
    expect(lost.problems.map(({ name }) => name)).to.deep.equal(['Chromium']);
  });
});
