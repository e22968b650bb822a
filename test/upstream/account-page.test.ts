import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { ADA, answerIn, type Credentials } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { AuthenticatorApp, codeAt, codesOn, MFA, secretOn } from '../flows/second-factor.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { mailTo, openPage } from '../self-service/own-account.ts';
import { GRACE, UpstreamPair, type Visitor } from './upstream-pair.ts';

const PAGE = '/account/identities';
const ELEVEN_MINUTES = 660_000;

describe('accounts elsewhere, on the account page', () => {
  let pair: UpstreamPair;
  before(async () => {
    pair = await UpstreamPair.start({
      settings: { provisioning: 'just_in_time', logout: 'offered' },
      environment: {
        LATCHKEY_SECOND_FACTOR_POLICY: 'off',
        NODE_OPTIONS: `--import=${path.join(import.meta.dirname, '../faults/shifted-clock.ts')}`,
        TEST_CLOCK_OFFSETS: String(ELEVEN_MINUTES),
      },
      client: (issuer) => ({
        backchannel_logout_uri: `${issuer}/upstream/works/logout`,
        backchannel_logout_session_required: true,
      }),
    });
  });
  after(() => pair.stop());

  const createPerson = async (email: string): Promise<Credentials> => {
    await pair.latchkey.createPerson(email, ADA.password);
    return { login: email, password: ADA.password };
  };

  /** Connects somebody's account there with the person who is signed in here. */
  async function connect(visitor: Visitor, person: Credentials, worker: Credentials): Promise<Landing> {
    const page = await openPage(visitor.here, PAGE, person);
    expect(page.pageName, page.page).to.equal('account-identities');
    const asked = await visitor.here.submit(page, 'connect-works');
    return visitor.here.visit(await visitor.signInThere(asked, worker));
  }

  /** Signs in at the account page by the other provider. */
  async function signInByProvider(
    visitor: Visitor,
    worker: Credentials,
    path = '/account',
  ): Promise<Landing> {
    const asked = await visitor.press(await visitor.here.visit(path));
    return visitor.here.visit(await visitor.signInThere(asked, worker));
  }

  it('are connected, used and disconnected', async () => {
    const person = await createPerson('kim@example.com');
    const worker = await pair.createWorker('kim@works.example');
    const other = new FormBrowser(pair.latchkey.issuer);
    await openPage(other, '/account', person);
    const visitor = pair.visitor();
    const connected = await connect(visitor, person, worker);
    expect(connected.url.search, connected.page).to.equal('?done=identity-linked');
    expect(connected.page).to.include('kim@works.example');
    expect((await other.visit('/account')).pageName).to.equal('login');
    await mailTo(pair.latchkey.dataDir, 'kim@example.com', 'A sign-in was connected with your account');

    const by = pair.visitor();
    expect((await signInByProvider(by, worker)).page).to.include('kim@example.com');
    // How old the sign-in there was, nobody had asked; here it is asked.
    expect((await by.here.visit('/account/data/export')).pageName).to.equal('login');
    const exported = await signInByProvider(by, worker, '/account/data/export');
    expect(JSON.parse(exported.page).connected_sign_ins).to.have.length(1);
    expect(JSON.parse(exported.page).connected_sign_ins[0]).to.include({
      issuer: pair.works.issuer,
      name: 'kim@works.example',
    });

    const [listed] = await pair.latchkey.json<{ provider: string; label: string; subject: string }[]>([
      ...['users', 'identities', 'kim@example.com'],
    ]);
    expect(listed).to.include({ provider: 'works', label: 'kim@works.example' });

    const removed = await visitor.here.submit(await openPage(visitor.here, PAGE, person), 'unlink-0');
    expect(removed.url.search, removed.page).to.equal('?done=identity-unlinked');
    expect((await by.here.visit('/account')).pageName).to.equal('login');
    await mailTo(pair.latchkey.dataDir, 'kim@example.com', 'A sign-in was disconnected from your account');
    await eventually('the activity tells of both', async () => {
      const { page } = await visitor.here.visit('/account/activity');
      return page.includes('Account elsewhere connected') && page.includes('Account elsewhere disconnected');
    });
  });

  it('are not connected when they are somebody else’s', async () => {
    const worker = await pair.createWorker('lee@works.example');
    await signInByProvider(pair.visitor(), worker);
    const landing = await connect(pair.visitor(), await createPerson('mo@example.com'), worker);
    expect(landing).to.include({ pageName: 'account-identities', status: 409 });
    expect(landing.page).to.include('somebody else’s account');
  });

  it('are not connected by an answer that another session asked for', async () => {
    const [ann, ben] = [await createPerson('ann@example.com'), await createPerson('ben@example.com')];
    const worker = await pair.createWorker('ann@works.example');
    const visitor = pair.visitor();
    const page = await openPage(visitor.here, PAGE, ann);
    const back = await visitor.signInThere(await visitor.here.submit(page, 'connect-works'), worker);
    const stranger = new FormBrowser(pair.latchkey.issuer);
    await openPage(stranger, PAGE, ben);
    expect((await stranger.visit(back)).pageName).to.equal('expired');
    expect(await pair.latchkey.json(['users', 'identities', ben.login])).to.deep.equal([]);
    expect((await visitor.here.visit(back)).url.search).to.equal('?done=identity-linked');
    expect((await visitor.here.visit(back)).url.search).to.equal('');
  });

  it('stay when they are the only way in, until there is another', async () => {
    const worker = await pair.createWorker('only@works.example');
    const visitor = pair.visitor();
    const page = await signInByProvider(visitor, worker, PAGE);
    const kept = await visitor.here.submit(page, 'unlink-0');
    expect(kept).to.include({ pageName: 'account-identities', status: 409 });
    expect(kept.page).to.include('only way to sign in');
    const password = await visitor.here.visit('/account/password');
    const set = await visitor.here.submit(password, 'submit', { password: 'a better way to sign in' });
    expect(set.url.search, set.page).to.equal('?done=password-changed');
    const removed = await visitor.here.submit(await visitor.here.visit(PAGE), 'unlink-0');
    expect(removed.url.search, removed.page).to.equal('?done=identity-unlinked');
  });

  it('let nobody in whose account is disabled, or was deleted', async () => {
    const worker = await pair.createWorker('gone@works.example');
    const first = await signInByProvider(pair.visitor(), worker);
    expect(first.pageName).to.equal('account');
    await pair.latchkey.json(['users', 'disable', worker.login]);
    expect(await signInByProvider(pair.visitor(), worker)).to.include({
      pageName: 'upstream-problem',
      status: 403,
    });
    const { sub } = await pair.latchkey.json<{ sub: string }>(['users', 'show', worker.login]);
    await pair.latchkey.json(['users', 'delete', worker.login]);
    await signInByProvider(pair.visitor(), worker);
    const anew = await pair.latchkey.json<{ sub: string }>(['users', 'show', worker.login]);
    expect(anew.sub).not.to.equal(sub);
  });

  it('are taken off by an operator, with every session', async () => {
    const worker = await pair.createWorker('off@works.example');
    const visitor = pair.visitor();
    await signInByProvider(visitor, worker);
    const [{ subject } = { subject: '' }] = await pair.latchkey.json<{ subject: string }[]>([
      ...['users', 'identities', worker.login],
    ]);
    const words = ['users', 'unlink-identity', worker.login, '--issuer', pair.works.issuer, '--subject'];
    expect(await pair.latchkey.json([...words, 'another'])).to.include({ unlinked: false });
    expect(await pair.latchkey.json([...words, subject])).to.include({ unlinked: true });
    expect((await visitor.here.visit('/account')).pageName).to.equal('login');
    expect((await signInByProvider(pair.visitor(), worker)).pageName).to.equal('connect');
  });

  it('move with an exported directory', async () => {
    const worker = await pair.createWorker('moves@works.example');
    await signInByProvider(pair.visitor(), worker);
    const file = `${pair.latchkey.dataDir}/directory.json`;
    await pair.latchkey.json(['export', '--to', file]);
    const document = JSON.parse(readFileSync(file, 'utf8'));
    const { sub } = document.people.find(({ login }: { login: string }) => login === worker.login);
    expect(document.upstream_identities.map((each: { sub: string }) => each.sub)).to.include(sub);
    await pair.latchkey.json(['users', 'unlink-identity', worker.login, ...identityIn(document, sub)]);
    expect(await pair.latchkey.json(['import', '--from', file, '--keep-existing'])).to.include({
      upstream_identities: 1,
    });
    expect((await signInByProvider(pair.visitor(), worker)).pageName).to.equal('account');
  });

  const identityIn = (
    document: { upstream_identities: { sub: string; issuer: string; subject: string }[] },
    sub: string,
  ): string[] => {
    const { issuer = '', subject = '' } = document.upstream_identities.find((each) => each.sub === sub) ?? {};
    return ['--issuer', issuer, '--subject', subject];
  };

  describe('signing out', () => {
    it('there ends the session here that came from it, and no other', async () => {
      const worker = await pair.createWorker('out@works.example');
      const [visitor, elsewhere] = [pair.visitor(), pair.visitor()];
      await signInByProvider(visitor, worker);
      await signInByProvider(elsewhere, worker);
      await visitor.there.submit(await visitor.there.visit('/session/end'), 'confirm');
      await eventually(
        'the session here has ended',
        async () => (await visitor.here.visit('/account')).pageName === 'login',
        60_000,
      );
      expect((await elsewhere.here.visit('/account')).pageName).to.equal('account');
    });

    it('there ends the session that came from it, though the identity is connected no more', async () => {
      const person = await createPerson('apart@example.com');
      const worker = await pair.createWorker('apart@works.example');
      await connect(pair.visitor(), person, worker);
      const visitor = pair.visitor();
      const page = await signInByProvider(visitor, worker, PAGE);
      const removed = await visitor.here.submit(page, 'unlink-0');
      expect(removed.url.search, removed.page).to.equal('?done=identity-unlinked');
      expect((await visitor.here.visit('/account')).pageName).to.equal('account');
      await visitor.there.submit(await visitor.there.visit('/session/end'), 'confirm');
      await eventually(
        'the session here has ended',
        async () => (await visitor.here.visit('/account')).pageName === 'login',
        60_000,
      );
    });

    it('here offers to sign out there', async () => {
      const worker = await pair.createWorker('both@works.example');
      const visitor = pair.visitor();
      await signInByProvider(visitor, worker);
      const left = await visitor.here.submit(await visitor.here.visit('/session/end'), 'confirm');
      expect(left).to.include({ pageName: 'logged-out', status: 200 });
      expect(left.page).to.include('id="upstream-sign-out"');
      const there = await visitor.here.visit('/upstream/works/sign-out');
      expect(there.url.origin).to.equal(pair.works.issuer);
      const asked = await visitor.there.visit(there.url);
      expect(asked.pageName, asked.page).to.equal('logout');
      const back = await visitor.there.submit(asked, 'confirm');
      expect(back.url.href).to.equal(`${pair.latchkey.issuer}/upstream/works/signed-out`);
      expect((await visitor.here.visit(back.url)).pageName).to.equal('home');
    });

    it('here offers nothing to somebody who signed in here', async () => {
      const browser = new FormBrowser(pair.latchkey.issuer);
      await openPage(browser, '/account');
      const left = await browser.submit(await browser.visit('/session/end'), 'confirm');
      expect(left.pageName).to.equal('logged-out');
      expect(left.page).not.to.include('upstream-sign-out');
    });
  });

  it('are connected only by whoever takes the second step that they have', async () => {
    const person = await createPerson('two@example.com');
    const worker = await pair.createWorker('two@example.com');
    const enrolling = new FormBrowser(pair.latchkey.issuer);
    await openPage(enrolling, '/account', person);
    const app = await enrolling.visit('/account/two-step/app');
    const phone = new AuthenticatorApp(secretOn(app));
    const [code = ''] = codesOn(await enrolling.submit(app, 'submit', { code: phone.code() }));
    const visitor = pair.visitor();
    const connectPage = await visitor.signIn(worker);
    expect(connectPage.pageName, connectPage.page).to.equal('connect');
    const login = await visitor.here.visit(new URL(hrefOf(connectPage, 'sign-in'), pair.latchkey.issuer));
    const second = await visitor.here.submit(login, 'submit', { ...person });
    expect(second.pageName).to.equal('second-step');
    expect(await pair.latchkey.json(['users', 'identities', person.login])).to.deep.equal([]);
    const done = await visitor.here.submit(second, 'submit', { way: 'recovery-code', code });
    expect(answerIn(await visitor.consent(done))).to.have.property('code');
    expect(await pair.latchkey.json(['users', 'identities', person.login])).to.have.length(1);
    // Whoever has a second step here takes it after the sign-in there, where the policy asks for one; here none does.
    expect(answerIn(await pair.visitor().signIn(worker))).to.have.property('code');
  });

  it('need not be connected by whoever would rather not', async () => {
    const person = await createPerson('shy@example.com');
    const worker = await pair.createWorker('shy@example.com');
    const visitor = pair.visitor();
    const login = await visitor.here.submit(await visitor.signIn(worker), 'decline');
    expect(login.pageName).to.equal('login');
    expect(login.page).not.to.include('id="connecting"');
    const landed = await visitor.consent(await visitor.here.submit(login, 'submit', { ...person }));
    expect(answerIn(landed)).to.have.property('code');
    expect(await pair.latchkey.json(['users', 'identities', person.login])).to.deep.equal([]);
  });

  // Sets the clock: to be the last.
  describe('in a browser that was left open', () => {
    it('are not connected with the sign-in of before, though a factor comes on top of it', async () => {
      const person = await createPerson('open@example.com');
      const visitor = pair.visitor();
      const { here } = visitor;
      await openPage(here, '/account', person);
      const demand = { claims: JSON.stringify({ id_token: { acr: { essential: true, value: MFA } } }) };
      const enrolment = await visitor.openLogin(demand);
      expect(enrolment.pageName, enrolment.page).to.equal('set-up-two-step');
      const login = await here.visit(`${enrolment.url.href.replace('/enrol?', '?')}&switch`);
      const back = await visitor.signInThere(await visitor.press(login), GRACE);
      expect((await here.visit(back)).pageName).to.equal('connect');
      process.kill(pair.latchkey.pid, 'SIGUSR2');
      await eventually('the clock is set', async () =>
        (await here.visit('/account/password')).page.includes('id="current"'),
      );
      const code = codeAt(secretOn(enrolment), Date.now() + ELEVEN_MINUTES);
      const shown = await here.submit(enrolment, 'submit', { code });
      expect(shown.pageName, shown.page).to.equal('recovery-codes');
      const landed = await visitor.consent(await here.submit(shown, 'submit'));
      expect(answerIn(landed), landed.page).to.have.property('code');
      expect(await pair.latchkey.json(['users', 'identities', person.login])).to.deep.equal([]);
    });
  });
});
