import { expect } from 'chai';
import { type RunningUserBase, startUserBase } from '../accounts/user-base.ts';
import { Application, answerIn, type Credentials } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { openPage } from '../self-service/own-account.ts';
import { MisbehavingProvider } from './misbehaving-provider.ts';

const TOKEN = 'token-of-the-user-base-0123456789';
const ANN: Credentials = { login: 'ann@example.com', password: 'ann keeps her people elsewhere' };
const BEN: Credentials = { login: 'ben@example.com', password: 'ben keeps his people elsewhere' };
const PAGE = '/account/identities';

describe('sign-in at other providers, of people who are kept elsewhere', () => {
  let base: RunningUserBase;
  const subs: Record<string, string> = {};
  let provider: MisbehavingProvider;
  let latchkey: LatchkeyProcess;
  let application: Application;
  before(async () => {
    base = await startUserBase(TOKEN);
    for (const person of [ANN, BEN]) subs[person.login] = base.add(person);
    provider = await MisbehavingProvider.start();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_ACCOUNTS_ADAPTER: 'http',
      LATCHKEY_ACCOUNTS_HTTP_URL: base.url,
      LATCHKEY_ACCOUNTS_HTTP_TOKEN: TOKEN,
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_UPSTREAM_PROVIDERS: JSON.stringify({
        good: { ...provider.settings('good'), fresh_sign_in: 'assumed' },
      }),
    });
    application = await Application.register(latchkey);
  });
  after(async () => {
    await latchkey?.stop();
    await provider?.stop();
    await base?.close();
  });

  /** The way there and back; whoever is known here is signed in by it. */
  async function through(browser: FormBrowser, form: Landing, button = 'upstream-good'): Promise<Landing> {
    const asked = await browser.submit(form, button);
    const answer = await fetch(asked.url, { redirect: 'manual' });
    await answer.body?.cancel();
    return browser.visit(answer.headers.get('Location') ?? '');
  }

  async function signIn(browser = new FormBrowser(latchkey.issuer)): Promise<Landing> {
    const landing = await through(browser, await browser.visit(application.authorizationRequest().url));
    return landing.pageName === 'consent' ? browser.submit(landing, 'approve') : landing;
  }

  /** The same of somebody whom nobody here has yet, who then proves to be `person`. */
  async function link(person: Credentials): Promise<void> {
    const browser = new FormBrowser(latchkey.issuer);
    const connect = await signIn(browser);
    expect(connect.pageName, connect.page).to.equal('connect');
    const login = await browser.visit(new URL(hrefOf(connect, 'sign-in'), latchkey.issuer));
    const landing = await browser.submit(login, 'submit', { ...person });
    const end = landing.pageName === 'consent' ? await browser.submit(landing, 'approve') : landing;
    expect(answerIn(end), end.page).to.have.property('code');
  }

  const identitiesOf = (person: Credentials): Promise<object[]> =>
    latchkey.json<object[]>(['users', 'identities', person.login]);

  it('makes no account, links by proof, and lets in whoever is linked', async () => {
    await link(ANN);
    expect(await identitiesOf(ANN)).to.have.length(1);
    expect(answerIn(await signIn())).to.have.property('code');
  });

  it('judges nobody while nobody there can be asked, and says so', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const asked = await browser.submit(
      await browser.visit(application.authorizationRequest().url),
      'upstream-good',
    );
    const answer = await fetch(asked.url, { redirect: 'manual' });
    await answer.body?.cancel();
    base.misbehave((_request, response) => response.writeHead(500).end());
    try {
      const failed = await browser.visit(answer.headers.get('Location') ?? '');
      expect(failed.status, failed.page).to.equal(503);
    } finally {
      base.behave();
    }
    expect(answerIn(await signIn(browser))).to.have.property('code');
  });

  it('is anybody’s again when the person is no more', async () => {
    base.people.delete(subs[ANN.login] ?? '');
    await link(BEN);
    expect(await identitiesOf(BEN)).to.have.length(1);
    expect(answerIn(await signIn())).to.have.property('code');
  });

  it('can be disconnected, and connected on the account page by somebody who comes after the former person', async () => {
    const again = 'employee-again';
    base.people.set(again, { ...ANN, sub: again, disabled: false, claims: {} });
    base.people.delete(subs[BEN.login] ?? '');
    const browser = new FormBrowser(latchkey.issuer);
    const connected = await through(browser, await openPage(browser, PAGE, ANN), 'connect-good');
    expect(connected.url.search, connected.page).to.equal('?done=identity-linked');
    const removed = await browser.submit(await browser.visit(PAGE), 'unlink-0');
    expect(removed.url.search, removed.page).to.equal('?done=identity-unlinked');
    expect(await identitiesOf(ANN)).to.deep.equal([]);
  });
});
