import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { mailTo, openPage, signedInBrowser } from './own-account.ts';

const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0';
const NEXT_PASSWORD = 'seven quiet otters';

describe('the account page', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    app = await Application.register(latchkey);
  });
  after(() => latchkey.stop());

  /** A person of a test's own, and a browser in which they are signed in. */
  async function newcomer(name: string) {
    const person = { login: `${name}@example.com`, password: ADA.password };
    const { sub } = await latchkey.createPerson(person.login, person.password);
    return { person, sub, browser: await signedInBrowser(latchkey, person) };
  }

  async function claimsOf(sub: string): Promise<Record<string, unknown>> {
    return (await latchkey.json<{ claims: Record<string, unknown> }>(['users', 'show', sub])).claims;
  }

  async function activityOf(browser: FormBrowser): Promise<string> {
    return (await browser.visit('/account/activity')).page.replace(/<[^>]*>/g, '');
  }

  describe('sign-in', () => {
    it('leads from the start page to the sign-in, and back to the page that was asked for', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const home = await browser.visit('/');
      const login = await browser.visit(hrefOf(home, 'account'));
      expect(login).to.include({ status: 200, pageName: 'login' });
      expect(login.page, 'no application asked')
        .not.to.contain('to continue to')
        .and.not.contain('return to');
      expect(await browser.submit(login, 'submit', { ...ADA })).to.include({
        status: 200,
        pageName: 'account',
      });
      const elsewhere = await openPage(new FormBrowser(latchkey.issuer), '/account/sessions');
      expect(elsewhere).to.include({ status: 200, pageName: 'account-sessions' });
      expect(elsewhere.url.pathname).to.equal('/account/sessions');
    });

    it('is one with that at applications: no second login, and no application of that name is listed or told of', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      await app.signIn(browser);
      expect(await browser.visit('/account')).to.include({ status: 200, pageName: 'account' });
      const applications = await browser.visit('/account/applications');
      expect(applications.page.match(/name="application"/g)).to.have.length(1);
      const clients = await latchkey.json<unknown[]>(['clients', 'list']);
      expect(clients).to.have.length(1);
      const discovery = await fetch(`${latchkey.issuer}/.well-known/openid-configuration`);
      expect(((await discovery.json()) as Record<string, unknown>).response_types_supported).to.deep.equal([
        'code',
      ]);
      const { url } = app.authorizationRequest({ response_type: 'none' });
      expect((await browser.visit(url)).url.searchParams.get('error')).to.equal('unsupported_response_type');
    });

    it('cancelled leads to the start page', async () => {
      const browser = new FormBrowser(latchkey.issuer);
      const login = await browser.visit('/account/sessions');
      expect(await browser.submit(login, 'cancel')).to.include({ status: 200, pageName: 'home' });
    });

    it('does not go on by a link that another browser was given, nor without cookies', async () => {
      const attacker = new FormBrowser(latchkey.issuer);
      const first = await attacker.request('/account/data');
      const state = new URL(first.headers.get('location') ?? '', latchkey.issuer).searchParams.get('state');
      const back = `/account/signed-in?${new URLSearchParams({ state: state ?? '' })}`;
      const victim = await signedInBrowser(latchkey);
      expect(await victim.visit(back)).to.include({ status: 410, pageName: 'expired' });
      expect(await attacker.visit(back)).to.include({ pageName: 'login' });
      for (const bad of [
        '',
        'x',
        `${state?.slice(0, 43)}./account/sessions`,
        `${state?.slice(0, 43)}.//evil.example`,
      ]) {
        const answer = await attacker.request(`/account/signed-in?${new URLSearchParams({ state: bad })}`);
        expect(answer.status, bad).to.equal(410);
      }
    });

    it('of somebody who was disabled counts no more', async () => {
      const { sub, browser } = await newcomer('disabled');
      await latchkey.json(['users', 'disable', sub]);
      expect(await browser.visit('/account')).to.include({ pageName: 'login' });
    });

    it('answers unknown paths and methods as such', async () => {
      const browser = await signedInBrowser(latchkey);
      expect((await browser.visit('/account/nothing')).status).to.equal(404);
      expect((await browser.request('/account/sessions', { method: 'POST' })).status).to.equal(405);
      expect((await browser.visit('/account/sessions/end')).url.pathname).to.equal('/account/sessions');
    });
  });

  describe('profile', () => {
    it('is changed by its person, and refused in what cannot be; the page speaks the language chosen there', async () => {
      const { sub, browser } = await newcomer('profile');
      const page = await browser.visit('/account/profile');
      const saved = await browser.submit(page, 'submit', {
        name: 'Augusta Ada',
        given_name: '',
        locale: 'de',
        zoneinfo: 'Europe/London',
        email: 'else@example.com',
        groups: 'admin',
      });
      expect(saved.page).to.contain('id="done"').and.contain('Gespeichert').and.contain('lang="de"');
      const claims = await claimsOf(sub);
      expect(claims).to.include({ name: 'Augusta Ada', locale: 'de', zoneinfo: 'Europe/London' });
      expect(claims).not.to.have.property('given_name');
      expect(claims).not.to.have.property('groups');
      expect(claims.email).to.equal('profile@example.com');
      const refused = await browser.submit(saved, 'submit', { name: 'A', zoneinfo: 'Moon/Base' });
      expect(refused.status).to.equal(422);
      expect(refused.page).to.contain('id="problem"').and.contain('value="Moon/Base"');
      expect((await claimsOf(sub)).zoneinfo).to.equal('Europe/London');
      const strange = await browser.submit(saved, 'submit', { name: 'A', locale: 'no tongue;;' });
      expect(strange).to.include({ status: 422, pageName: 'account-profile' });
      expect(strange.page).to.contain('no tongue;;');
      const extended = await browser.submit(saved, 'submit', { name: 'A', locale: 'de-u-co-phonebk' });
      expect(extended, 'a language that has no name').to.include({
        status: 200,
        pageName: 'account-profile',
      });
      await eventually('it is told', async () => (await activityOf(browser)).includes('Profil geändert'));
    });
  });

  describe('password', () => {
    it('keeps its rules, and a change ends what the old one gave elsewhere', async () => {
      const { person, browser } = await newcomer('password');
      const other = await signedInBrowser(latchkey, person);
      const tokens = await app.signIn(browser, { scope: 'openid offline_access', prompt: 'consent' }, person);
      // Proved before the change, and not gone on with: must not be good for a session afterwards.
      const parked = new FormBrowser(latchkey.issuer);
      const login = await parked.visit('/account');
      const { action, csrf } = formOf(login, 'submit');
      const proved = await post(parked, action, { csrf, ...person });
      expect(proved.status).to.equal(303);

      const page = await browser.visit('/account/password');
      expect(page.page, 'a fresh sign-in is proof enough').not.to.contain('id="current"');
      const weak = await browser.submit(page, 'submit', { password: 'password1' });
      expect(weak).to.include({ status: 422, pageName: 'account-password' });
      const before = [...browser.cookies].find(([key]) => key.startsWith('latchkey-session'))?.[1].value;
      const done = await browser.submit(page, 'submit', { password: NEXT_PASSWORD });
      expect(done).to.include({ status: 200, pageName: 'account-password' });
      expect(done.page).to.contain('id="done"');
      const after = [...browser.cookies].find(([key]) => key.startsWith('latchkey-session'))?.[1].value;
      expect(after, 'another session').to.be.a('string').and.not.equal(before);

      expect(await other.visit('/account'), 'signed out elsewhere').to.include({ pageName: 'login' });
      expect((await app.refresh(tokens.refresh_token)).status).to.equal(400);
      const resumed = await parked.visit(proved.headers.get('location') ?? '');
      expect(resumed.pageName, 'a proof of before').to.equal('login');
      const mail = await mailTo(latchkey.dataDir, person.login, 'Your password was changed');
      expect(mail.text).not.to.contain(NEXT_PASSWORD);
      await eventually('it is told', async () => (await activityOf(browser)).includes('Password changed'));
      const late = new FormBrowser(latchkey.issuer);
      expect(await openPage(late, '/account', person)).to.include({ status: 422, pageName: 'login' });
      await eventually('the failure is told', async () =>
        (await activityOf(browser)).includes('Sign-in failed'),
      );
      await signedInBrowser(latchkey, { ...person, password: NEXT_PASSWORD });
      expect(await browser.visit('/account')).to.include({ pageName: 'account' });
    });

    it('is changed once by several forms at once, and no browser is left half signed in', async () => {
      const { person, browser } = await newcomer('parallel');
      const { action, csrf } = formOf(await browser.visit('/account/password'), 'submit');
      const answers = await Promise.all(
        ['one quiet otter', 'two quiet otters', 'three quiet otters'].map((password) =>
          post(browser, action, { csrf, password }),
        ),
      );
      for (const { status } of answers) expect(status).to.equal(303);
      const fresh = new FormBrowser(latchkey.issuer);
      expect(await openPage(fresh, '/account', person)).to.include({ status: 422 });
    });
  });

  describe('sessions', () => {
    it('tell where they are, this one first; one or all others are ended', async () => {
      const { person, browser } = await newcomer('sessions');
      const phone = new FormBrowser(latchkey.issuer, { 'User-Agent': FIREFOX });
      await openPage(phone, '/account', person);
      const third = await signedInBrowser(latchkey, person);
      const page = await browser.visit('/account/sessions');
      expect(page.page).to.match(/this browser[\s\S]*Firefox[\s\S]*on[\s\S]*Linux/);
      expect(page.page).to.contain('127.0.0.1');
      const firefox = page.page.split('<li class="entry">').find((entry) => entry.includes('Firefox')) ?? '';
      const [, button = ''] = /id="(end-[\w-]+)"/.exec(firefox) ?? [];
      expect(page.page.match(/id="end-[\w-]{20,}"/g), 'not for this one').to.have.length(2);
      const ended = await browser.submit(page, button);
      expect(ended.page).to.contain('id="done"').and.not.contain('Firefox</bdi>');
      expect(await phone.visit('/account')).to.include({ pageName: 'login' });
      expect(await third.visit('/account')).to.include({ pageName: 'account' });
      const alone = await browser.submit(ended, 'end-others');
      expect(alone.page).not.to.contain('id="end-others"');
      expect(await third.visit('/account')).to.include({ pageName: 'login' });
      expect(await browser.visit('/account')).to.include({ pageName: 'account' });
    });

    it('of other people are none of one’s own', async () => {
      const { browser } = await newcomer('nosy');
      const { browser: victim, sub } = await newcomer('victim');
      const [{ uid } = { uid: '' }] = await latchkey.json<{ uid: string }[]>([
        'sessions',
        'list',
        '--account',
        sub,
      ]);
      await signedInBrowser(latchkey, { login: 'nosy@example.com', password: ADA.password });
      const { csrf } = formOf(await browser.visit('/account/sessions'), 'end-others');
      await post(browser, '/account/sessions/end', { csrf, session: uid });
      expect(await victim.visit('/account')).to.include({ status: 200, pageName: 'account' });
    });
  });

  describe('applications', () => {
    it('tell what they may, and lose it', async () => {
      const { person, browser } = await newcomer('applications');
      const tokens = await app.signIn(
        browser,
        { scope: 'openid email offline_access', prompt: 'consent' },
        person,
      );
      const page = await browser.visit('/account/applications');
      expect(page.page)
        .to.contain('Notes')
        .and.contain('Your e-mail address')
        .and.contain('while you are away');
      const removed = await browser.submit(page, 'remove-0');
      expect(removed.page).to.contain('id="done"').and.not.contain('name="application"');
      expect((await app.refresh(tokens.refresh_token)).body.error).to.equal('invalid_grant');
      expect((await app.userinfo(tokens.access_token)).status).to.equal(401);
      const again = await browser.visit(app.authorizationRequest({ scope: 'openid email' }).url);
      expect(again.pageName, 'asks anew').to.equal('consent');
      await eventually('it is told', async () => {
        const told = await activityOf(browser);
        return told.includes('Application allowed: Notes') && told.includes('Access removed: Notes');
      });
    });
  });

  describe('forms', () => {
    it('of other pages, other people and other sites change nothing', async () => {
      const { browser, person } = await newcomer('forged');
      const { browser: other } = await newcomer('forger');
      const own = formOf(await browser.visit('/account/password'), 'submit').csrf;
      const foreign = formOf(await other.visit('/account/password'), 'submit').csrf;
      const password = NEXT_PASSWORD;
      for (const [fields, headers] of [
        [{ password }, {}],
        [{ password, csrf: '' }, {}],
        [{ password, csrf: foreign }, {}],
        [{ password, csrf: own }, { Origin: 'https://evil.example' }],
        [{ password, csrf: own }, { 'Sec-Fetch-Site': 'cross-site' }],
      ] as const) {
        const answer = await post(browser, '/account/password', fields, headers);
        expect(answer.status, JSON.stringify([fields, headers])).to.equal(403);
      }
      for (const path of [
        'sessions/end-others',
        'sessions/end',
        'applications/remove',
        'profile',
        'delete',
      ]) {
        expect((await post(browser, `/account/${path}`, { csrf: foreign })).status, path).to.equal(403);
      }
      await signedInBrowser(latchkey, person);
    });
  });

  describe('one’s data', () => {
    it('are downloaded whole, without any proof', async () => {
      const { person, sub, browser } = await newcomer('data');
      await app.signIn(browser, { scope: 'openid email' }, person);
      const page = await browser.visit('/account/data');
      const answer = await browser.request(hrefOf(page, 'export'));
      expect(answer.headers.get('content-disposition')).to.contain('attachment');
      expect(answer.headers.get('cache-control')).to.equal('no-store');
      const written = await answer.text();
      const data = JSON.parse(written) as Record<string, unknown[]> & { account: Record<string, unknown> };
      expect(data.account).to.include({ sub, login: person.login });
      expect(data.sessions).to.have.length(1);
      expect(data.applications?.[0]).to.deep.include({
        client_id: app.clientId,
        scopes: ['openid', 'email'],
      });
      expect(data.second_step).to.deep.equal({
        authenticator_app: false,
        recovery_codes_left: 0,
        remembered_browsers: [],
      });
      expect(written).not.to.match(/argon2|password"/);
    });
  });
});
