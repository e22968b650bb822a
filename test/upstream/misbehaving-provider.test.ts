import { expect } from 'chai';
import { ADA, Application, answerIn } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { FAULTS, MisbehavingProvider, OUTAGES, REFUSALS } from './misbehaving-provider.ts';

/** Where a provider is that does not answer at all: nobody listens on the discard port. */
const NOWHERE = 'http://localhost:9/op';

describe('a provider that gets something wrong', () => {
  let provider: MisbehavingProvider;
  let latchkey: LatchkeyProcess;
  let application: Application;
  before(async () => {
    provider = await MisbehavingProvider.start();
    const behaviours = ['good', ...FAULTS, ...OUTAGES, ...REFUSALS] as const;
    const providers = Object.fromEntries(
      behaviours.map((behaviour) => [behaviour.replaceAll('_', '-'), provider.settings(behaviour)]),
    );
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_UPSTREAM_PROVIDERS: JSON.stringify({
        ...providers,
        nowhere: { ...provider.settings('good'), issuer: NOWHERE },
      }),
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    application = await Application.register(latchkey);
  });
  after(async () => {
    await latchkey?.stop();
    await provider.stop();
  });

  const openLogin = (browser: FormBrowser): Promise<Landing> =>
    browser.visit(application.authorizationRequest().url);

  /** Presses the button, and answers where the provider sends the browser. */
  async function askedBack(browser: FormBrowser, id: string): Promise<URL> {
    const asked = await browser.submit(await openLogin(browser), `upstream-${id}`);
    const answer = await fetch(asked.url, { redirect: 'manual' });
    await answer.body?.cancel();
    return new URL(answer.headers.get('Location') ?? '');
  }

  async function through(id: string, browser = new FormBrowser(latchkey.issuer)): Promise<Landing> {
    return browser.visit(await askedBack(browser, id));
  }

  /** What the application is told when somebody is signed in; consent is asked for once. */
  async function codeOf(browser: FormBrowser, landing: Landing): Promise<string | undefined> {
    const end = landing.pageName === 'consent' ? await browser.submit(landing, 'approve') : landing;
    return answerIn(end).code;
  }

  it('is told apart from one that gets it right', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const landing = await through('good', browser);
    expect(await codeOf(browser, landing), landing.page).to.be.a('string');
  });

  for (const fault of FAULTS) {
    it(`signs nobody in by ${fault}`, async () => {
      const landing = await through(fault);
      expect(landing).to.include({ pageName: 'upstream-problem', status: 502 });
      expect(landing.page)
        .to.include('could not be verified')
        .and.to.match(/id="reference">[\w-]+</);
    });
  }

  it('makes no account for anybody whom nobody vouched for', async () => {
    const people = await latchkey.json<{ login: string }[]>(['users', 'list']);
    const faulty = FAULTS.map((fault) => `mallory@${fault}.example`);
    expect(people.filter(({ login }) => faulty.includes(login))).to.deep.equal([]);
  });

  for (const outage of OUTAGES.filter((each) => each !== 'other-metadata')) {
    it(`is given up on, with the way back kept: ${outage}`, async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const landing = await through(outage, browser);
      expect(landing).to.include({ pageName: 'upstream-problem', status: 503 });
      await signsInHere(browser, landing);
    });
  }

  for (const id of ['nowhere', 'other-metadata']) {
    it(`is never left for, when its metadata cannot be had: ${id}`, async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const landing = await browser.submit(await openLogin(browser), `upstream-${id}`);
      expect(landing).to.include({ pageName: 'upstream-problem', status: 503 });
      await signsInHere(browser, landing);
    });
  }

  async function signsInHere(browser: FormBrowser, failed: Landing): Promise<void> {
    const href = /id="sign-in" href="([^"]*)"/.exec(failed.page)?.[1]?.replaceAll('&amp;', '&') ?? '';
    const login = await browser.visit(new URL(href, latchkey.issuer));
    expect(login.pageName).to.equal('login');
    const landing = await browser.submit(login, 'submit', { ...ADA });
    expect(await codeOf(browser, landing)).to.be.a('string');
  }

  it('says that the sign-in was stopped there, and lets somebody try again', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const landing = await through('access-denied', browser);
    expect(landing).to.include({ pageName: 'upstream-problem', status: 403 });
    expect(landing.page).not.to.include('id="reference"');
    const asked = await browser.submit(landing, 'again');
    expect(asked.url.href).to.match(new RegExp(`^${provider.origin}/access_denied/auth\\?`));
  });

  it('is unreachable when it says that it cannot answer now', async () => {
    expect(await through('server-error')).to.include({ pageName: 'upstream-problem', status: 503 });
  });

  describe('an answer', () => {
    it('counts once, whether it is loaded again or comes twice at once', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const back = await askedBack(browser, 'good');
      const isGood = (path: string): boolean => path === '/good/token';
      const before = provider.calls.filter(isGood).length;
      await Promise.all([browser.visit(back), browser.visit(back)]);
      expect(provider.calls.filter(isGood).length).to.equal(before + 1);
      await browser.visit(back);
      expect(provider.calls.filter(isGood).length).to.equal(before + 1);
      const again = await openLogin(browser);
      expect(await codeOf(browser, again), again.page).to.be.a('string');
    });

    it('is nothing in another browser', async () => {
      const back = await askedBack(new FormBrowser(latchkey.issuer), 'good');
      expect(await new FormBrowser(latchkey.issuer).visit(back)).to.include({
        pageName: 'expired',
        status: 410,
      });
      const other = new FormBrowser(latchkey.issuer);
      await askedBack(other, 'good');
      const before = provider.calls.length;
      expect(await other.visit(back)).to.include({ pageName: 'expired', status: 410 });
      expect(provider.calls.length).to.equal(before);
    });

    it('is nothing at the callback of another provider', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const back = await askedBack(browser, 'good');
      back.pathname = '/upstream/wrong-nonce/callback';
      expect(await browser.visit(back)).to.include({ pageName: 'expired', status: 410 });
    });

    it('is nothing in another interaction of the same browser', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const back = await askedBack(browser, 'good');
      const elsewhere = await openLogin(browser);
      const address = new URL(`${elsewhere.url.pathname}/upstream`, latchkey.issuer);
      address.search = new URLSearchParams({
        client_id: application.clientId,
        provider: 'good',
        answer: back.search.slice(1),
      }).toString();
      const before = provider.calls.length;
      expect((await browser.visit(address)).pageName).to.equal('login');
      expect(provider.calls.length).to.equal(before);
    });

    it('works in each of two tabs', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const [one, two] = [await askedBack(browser, 'good'), await askedBack(browser, 'good')];
      for (const back of [two, one]) {
        const landing = await browser.visit(back);
        expect(await codeOf(browser, landing), landing.page).to.be.a('string');
      }
    });

    it('with a changed state is nobody’s', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const back = await askedBack(browser, 'good');
      const state = back.searchParams.get('state') ?? '';
      back.searchParams.set('state', `${state.slice(0, -2)}${state.endsWith('AA') ? 'BB' : 'AA'}`);
      expect(await browser.visit(back)).to.include({ pageName: 'expired', status: 410 });
    });
  });

  describe('the way there', () => {
    it('is begun by our own form alone', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const login = await openLogin(browser);
      const address = `${login.url.pathname}/upstream?client_id=${application.clientId}`;
      const body = new URLSearchParams({ provider: 'good', csrf: 'guessed' });
      const response = await browser.request(address, { method: 'POST', body });
      expect(response.status).to.equal(403);
      expect(response.headers.get('Location')).to.equal(null);
    });

    it('leads to no provider that is not configured', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const landing = await browser.submit(await openLogin(browser), 'upstream-good', {
        provider: 'https://evil.example',
      });
      expect(landing.pageName).to.equal('login');
    });

    it('carries PKCE, a nonce and a state of its own each time', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const at = provider.asked.length;
      await askedBack(browser, 'good');
      await askedBack(browser, 'good');
      const [one, two] = provider.asked.slice(at);
      for (const name of ['state', 'nonce', 'code_challenge']) {
        expect(one?.get(name), name)
          .to.match(/^[\w-]{40,}$/)
          .and.not.to.equal(two?.get(name));
      }
      expect(one?.get('code_challenge_method')).to.equal('S256');
    });
  });
});
