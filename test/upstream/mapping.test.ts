import { randomUUID } from 'node:crypto';
import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { Application, answerIn } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { MisbehavingProvider, OTHER_ADDRESS } from './misbehaving-provider.ts';

const MFA = 'https://refeds.org/profile/mfa';

describe('what another provider tells of somebody', () => {
  let provider: MisbehavingProvider;
  let latchkey: LatchkeyProcess;
  let application: Application;
  before(async () => {
    provider = await MisbehavingProvider.start();
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_UPSTREAM_PROVIDERS: JSON.stringify({
        mapped: {
          ...provider.settings('mapped'),
          claims: { name: 'full_name', locale: 'lang', badge: 'badge' },
          groups: { claim: 'roles', map: { 'urn:admins': 'admins', 'urn:staff': 'staff' } },
          allowed_domains: ['works.example'],
          trusted_amr: ['hwk'],
          trusted_acr: { 'urn:strong': ['mfa'] },
          parameters: { domain_hint: 'works.example' },
          acr_values: ['urn:strong'],
        },
        'other-address': provider.settings('other-address'),
        good: { ...provider.settings('good'), fresh_sign_in: 'assumed', trust_email_verified: false },
      }),
    });
    application = await Application.register(latchkey);
  });
  after(async () => {
    await latchkey?.stop();
    await provider.stop();
  });

  async function thereAndBack(browser: FormBrowser, login: Landing, id = 'mapped'): Promise<Landing> {
    const asked = await browser.submit(login, `upstream-${id}`);
    const answer = await fetch(asked.url, { redirect: 'manual' });
    await answer.body?.cancel();
    return browser.visit(answer.headers.get('Location') ?? '');
  }

  async function through(
    claims: Record<string, unknown>,
    { id = 'mapped', parameters = {} }: { id?: string; parameters?: Record<string, string> } = {},
  ): Promise<{ landing: Landing; browser: FormBrowser; verifier: string }> {
    provider.claims = claims;
    const browser = new FormBrowser(latchkey.issuer);
    const { url, verifier } = application.authorizationRequest(parameters);
    const landing = await thereAndBack(browser, await browser.visit(url), id);
    const end = landing.pageName === 'consent' ? await browser.submit(landing, 'approve') : landing;
    return { landing: end, browser, verifier };
  }

  /** Somebody there whom nobody here knows. */
  const somebody = () => {
    const sub = randomUUID();
    return { sub, email: `${sub}@works.example` };
  };

  const claimsOf = async (login: string): Promise<Record<string, unknown>> =>
    (await latchkey.json<{ claims: Record<string, unknown> }>(['users', 'show', login])).claims;

  it('becomes their claims and groups here, and follows at each sign-in', async () => {
    const person = somebody();
    const first = { ...person, full_name: 'Ada', lang: 'de', badge: 7, roles: ['urn:staff', 'urn:other'] };
    expect(answerIn((await through(first)).landing)).to.have.property('code');
    expect(await claimsOf(person.email)).to.deep.include({
      ...{
        name: 'Ada',
        locale: 'de',
        badge: 7,
        groups: ['staff'],
        email: person.email,
        email_verified: true,
      },
    });
    await latchkey.json(['users', 'update', person.email, '--claim', 'groups:=["staff","choir"]']);
    const later = {
      ...person,
      full_name: 'Ada L.',
      lang: '!!',
      roles: ['urn:admins'],
      email: 'new@works.example',
    };
    expect(answerIn((await through(later)).landing)).to.have.property('code');
    expect(await claimsOf(person.email)).to.deep.include({
      ...{ name: 'Ada L.', locale: 'de', badge: 7, groups: ['choir', 'admins'], email: person.email },
    });
  });

  it('gives no account to somebody of another mail domain, nor of an address that is not vouched for', async () => {
    for (const claims of [
      { ...somebody(), email: `${randomUUID()}@elsewhere.example` },
      { ...somebody(), email_verified: false },
      { ...somebody(), email_verified: 'true' },
      { ...somebody(), email: 'evil@elsewhere.example\u0000@works.example' },
    ]) {
      const { landing } = await through(claims);
      expect(landing.pageName, JSON.stringify(claims)).to.equal('connect');
    }
    expect((await through(somebody(), { id: 'good' })).landing.pageName).to.equal('connect');
  });

  it('vouches for no address by what it says of another one', async () => {
    const told = { sub: 'mallory', email: 'mallory@works.example', email_verified: true };
    const { landing } = await through(told, { id: 'other-address' });
    expect(landing.pageName, landing.page).to.equal('connect');
    const people = await latchkey.json<{ login: string }[]>(['users', 'list']);
    expect(people.map(({ login }) => login)).not.to.include.members([OTHER_ADDRESS]);
  });

  it('links nobody whom another provider names in the same sign-in', async () => {
    const [stranger, person] = [somebody(), somebody()];
    await through(person);
    const { browser, landing } = await through({ ...stranger, email_verified: false });
    expect(landing.pageName).to.equal('connect');
    provider.claims = person;
    // As from the login page in another tab: what waits to be linked is still there.
    const [, uid = ''] = /^\/interaction\/([^/]+)/.exec(landing.url.pathname) ?? [];
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(landing.page) ?? [];
    const asked = await browser.request(`/interaction/${uid}/upstream?client_id=${application.clientId}`, {
      method: 'POST',
      body: new URLSearchParams({ csrf, provider: 'mapped' }),
    });
    const answer = await fetch(asked.headers.get('Location') ?? '', { redirect: 'manual' });
    await answer.body?.cancel();
    const end = await browser.visit(answer.headers.get('Location') ?? '');
    expect(answerIn(end), `${uid} ${end.page}`).to.have.property('code');
    expect(await latchkey.json(['users', 'identities', person.email])).to.have.length(1);
  });

  it('is one account, though two tabs bring somebody new at once', async () => {
    const person = somebody();
    const both = await Promise.all([through(person), through(person)]);
    for (const { landing } of both) expect(answerIn(landing), landing.page).to.have.property('code');
    const people = await latchkey.json<{ login: string }[]>(['users', 'list']);
    expect(people.filter(({ login }) => login === person.email)).to.have.length(1);
  });

  it('tells what was proved there only as far as that is trusted', async () => {
    const claims = { id_token: { amr: null, acr: null } };
    const parameters = { claims: JSON.stringify(claims) };
    const told = async (proof: Record<string, unknown>): Promise<unknown> => {
      const { landing, verifier } = await through({ ...somebody(), ...proof }, { parameters });
      const { body } = await application.redeem({ code: answerIn(landing).code ?? '', verifier });
      return decodeJwt(body.id_token).amr;
    };
    expect(await told({ amr: ['pwd', 'mfa'], acr: 'urn:weak' })).to.deep.equal(['fed']);
    expect(await told({ amr: ['hwk', 'mfa'] })).to.deep.equal(['fed', 'hwk']);
    expect(await told({ acr: 'urn:strong' })).to.deep.equal(['fed', 'mfa']);
  });

  it('meets a demand for a second factor only when that is trusted', async () => {
    const parameters = {
      acr_values: MFA,
      claims: JSON.stringify({ id_token: { acr: { essential: true, value: MFA } } }),
    };
    const strong = await through({ ...somebody(), acr: 'urn:strong' }, { parameters });
    expect(answerIn(strong.landing), strong.landing.page).to.have.property('code');
    const weak = await through({ ...somebody(), acr: 'urn:weak', amr: ['mfa'] }, { parameters });
    expect(weak.landing.pageName).to.equal('set-up-two-step');
  });

  it('is asked for with what the settings add', async () => {
    await through(somebody());
    const asked = provider.asked.at(-1);
    expect(Object.fromEntries(asked ?? [])).to.include({
      domain_hint: 'works.example',
      acr_values: 'urn:strong',
      scope: 'openid email profile',
      response_type: 'code',
    });
    expect(asked?.has('prompt')).to.equal(false);
  });

  describe('when an application wants a new sign-in', () => {
    const now = (): number => Math.floor(Date.now() / 1000);

    it('is believed when it tells of one', async () => {
      const { landing } = await through(
        { ...somebody(), auth_time: now() },
        { parameters: { prompt: 'login' } },
      );
      expect(answerIn(landing), landing.page).to.have.property('code');
      expect(Object.fromEntries(provider.asked.at(-1) ?? [])).to.include({ prompt: 'login', max_age: '0' });
    });

    for (const [what, claims] of [
      ['an old one', () => ({ auth_time: now() - 3600 })],
      ['none', () => ({})],
    ] as const) {
      it(`is not believed when it tells of ${what}`, async () => {
        const { landing } = await through(
          { ...somebody(), ...claims() },
          { parameters: { prompt: 'login' } },
        );
        expect(landing).to.include({ pageName: 'upstream-problem', status: 403 });
        // The provider would do the same again.
        expect(landing.page).to.include('id="sign-in"').and.not.to.include('id="again"');
      });
    }

    it('may be as old as the application allows', async () => {
      const claims = { ...somebody(), auth_time: now() - 3600 };
      const { landing } = await through(claims, { parameters: { max_age: '7200' } });
      expect(answerIn(landing), landing.page).to.have.property('code');
      expect(provider.asked.at(-1)?.has('prompt')).to.equal(false);
    });

    it('is asked again after a sign-in of which nobody knows how old it was', async () => {
      const demanding = application.authorizationRequest({ max_age: '600' });
      for (const claims of [{}, { auth_time: now() - 3600 }]) {
        const { browser, landing } = await through({ ...somebody(), ...claims });
        expect(answerIn(landing), landing.page).to.have.property('code');
        expect((await browser.visit('/account')).pageName).to.equal('account');
        expect(answerIn(await browser.visit(application.authorizationRequest().url))).to.have.property(
          'code',
        );
        for (const where of [demanding.url, '/account/identities', '/account/password']) {
          expect((await browser.visit(where)).pageName, String(where)).to.equal('login');
        }
        const silent = application.authorizationRequest({ max_age: '600', prompt: 'none' });
        expect(answerIn(await browser.visit(silent.url))).to.include({ error: 'login_required' });
      }
      const { browser } = await through({ ...somebody(), auth_time: now() - 60 });
      expect(answerIn(await browser.visit(demanding.url))).to.have.property('code');
      for (const page of ['identities', 'password']) {
        expect((await browser.visit(`/account/${page}`)).pageName).to.equal(`account-${page}`);
      }
    });

    it('has to be a new one of whoever is to make a passkey', async () => {
      const claims = JSON.stringify({ id_token: { acr: { essential: true, value: 'phr' } } });
      for (const old of [{ auth_time: now() - 3600 }, {}]) {
        const person = somebody();
        const { browser, landing } = await through({ ...person, ...old }, { parameters: { claims } });
        expect(landing.pageName, landing.page).to.equal('set-up-passkey');
        expect(provider.asked.at(-1)?.has('max_age')).to.equal(false);
        const login = await browser.visit(hrefOf(landing, 'again'));
        provider.claims = { ...person, auth_time: now() };
        const renewed = await thereAndBack(browser, login);
        expect(provider.asked.at(-1)?.get('max_age')).to.equal('600');
        expect(renewed.page).to.contain('data-passkey="create"').and.not.contain('id="again"');
      }
    });

    it('is taken for new where the settings assume it', async () => {
      const { landing } = await through(somebody(), { id: 'good', parameters: { prompt: 'login' } });
      expect(landing.pageName).to.equal('connect');
    });
  });

  describe('a logout token', () => {
    const EVENTS = { 'http://schemas.openid.net/event/backchannel-logout': {} };

    const isSignedIn = async (browser: FormBrowser): Promise<boolean> =>
      (await browser.visit('/account')).pageName === 'account';

    async function deliver(token: string, id = 'mapped'): Promise<number> {
      const body = new URLSearchParams({ logout_token: token });
      const response = await fetch(`${latchkey.issuer}/upstream/${id}/logout`, { method: 'POST', body });
      await response.body?.cancel();
      return response.status;
    }

    /** Somebody who is signed in, in a session there, and a token that would end it. */
    async function signedIn() {
      const [person, sid] = [somebody(), randomUUID()];
      const { browser } = await through({ ...person, sid });
      expect(await isSignedIn(browser)).to.equal(true);
      return { browser, person, sid, good: { sub: person.sub, sid, jti: randomUUID(), events: EVENTS } };
    }

    it('ends the session that it names, once', async () => {
      const { browser, good, person, sid } = await signedIn();
      const token = await provider.sign('mapped', good, 'logout+jwt');
      expect(await deliver(token)).to.equal(200);
      expect(await isSignedIn(browser)).to.equal(false);
      const { browser: again } = await through({ ...person, sid });
      expect(await deliver(token)).to.equal(400);
      expect(await isSignedIn(again)).to.equal(true);
    });

    for (const names of ['sub', 'sid'] as const) {
      it(`may name no more than the ${names}`, async () => {
        const { browser, good } = await signedIn();
        const { [names]: value, jti, events } = good;
        const other = await signedIn();
        const token = await provider.sign('mapped', { [names]: value, jti, events });
        expect(await deliver(token)).to.equal(200);
        expect(await isSignedIn(browser)).to.equal(false);
        expect(await isSignedIn(other.browser)).to.equal(true);
      });
    }

    it('ends no other session of the same person', async () => {
      const { browser, good } = await signedIn();
      const token = await provider.sign('mapped', { ...good, sid: randomUUID() });
      expect(await deliver(token)).to.equal(200);
      expect(await isSignedIn(browser)).to.equal(true);
    });

    for (const [what, change] of [
      ['for another client', { aud: 'good' }],
      ['of another issuer', { iss: 'https://elsewhere.example' }],
      ['without the event', { events: { 'urn:another': {} } }],
      ['with a nonce', { nonce: 'a nonce' }],
      ['without a jti', { jti: undefined }],
      ['that names nobody', { sub: undefined, sid: undefined }],
      ['of long ago', { iat: 1_700_000_000, exp: 1_700_000_060 }],
    ] as const) {
      it(`${what} is refused`, async () => {
        const { browser, good } = await signedIn();
        expect(await deliver(await provider.sign('mapped', { ...good, ...change }))).to.equal(400);
        expect(await isSignedIn(browser)).to.equal(true);
      });
    }

    it('of one provider is nothing from another, and no token is none', async () => {
      const { browser, good } = await signedIn();
      expect(await deliver(await provider.sign('good', good))).to.equal(400);
      expect(await deliver(await provider.sign('mapped', good), 'good')).to.equal(400);
      expect(await deliver(await provider.sign('mapped', good), 'unknown')).to.equal(404);
      for (const nothing of ['', 'a.b.c', 'x'.repeat(20_000)]) expect(await deliver(nothing)).to.equal(400);
      expect(await isSignedIn(browser)).to.equal(true);
    });

    it('may be sent again when the keys that would prove it cannot be had', async () => {
      const claims = { sub: randomUUID(), jti: randomUUID(), events: EVENTS };
      const token = await provider.sign('other-address', claims);
      provider.keySet = { error: 'server_error' };
      expect(await deliver(token, 'other-address')).to.equal(503);
      provider.keySet = undefined;
      expect(await deliver(token, 'other-address')).to.equal(200);
    });

    it('that is none fills no disk, however many of them come', async () => {
      const lines = (): number => latchkey.output.split('"msg":"a logout token was refused"').length - 1;
      for (let sent = 0; sent < 240; sent += 20) {
        const statuses = await Promise.all(Array.from({ length: 20 }, () => deliver('a.b.c')));
        expect(new Set(statuses)).to.deep.equal(new Set([400]));
      }
      await eventually(
        'what follows is counted alone',
        async () => latchkey.output.includes('refused requests are counted from now on'),
        60_000,
      );
      expect(lines()).to.be.within(100, 200);
    });
  });

  it('is looked for by the doctor', async () => {
    const look = async (): Promise<{ check: string; status: string; message: string }[]> => {
      const { stdout } = await latchkey.command(['doctor', '--json']);
      return JSON.parse(stdout).findings.filter(({ check }: { check: string }) => check === 'upstream');
    };
    expect((await look()).map(({ status }) => status)).to.deep.equal(['ok', 'ok', 'ok']);
    const settings = { ...provider.settings('good'), issuer: `${provider.origin}/other-metadata` };
    latchkey.environment.LATCHKEY_UPSTREAM_PROVIDERS = JSON.stringify({ one: settings });
    const [finding] = await look();
    expect(finding).to.include({ status: 'problem' });
    expect(finding?.message).to.include('other-metadata');
  });
});
