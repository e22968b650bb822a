import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { ADA, type Answer, Application } from './application.ts';
import {
  askForDevice as ask,
  DEVICE_CLIENT,
  DEVICE_CODE_GRANT,
  type DeviceAuthorization,
  enterCode,
  letIn,
  poll,
} from './device-application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const API = 'https://api.example.com';

const errorOf = ({ status, body }: Answer) => `${status} ${body.error}`;
const PENDING = '400 authorization_pending';

describe('device authorization', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let television: Application;
  let sub: string;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
    television = await Application.register(latchkey, DEVICE_CLIENT);
  });
  after(() => latchkey.stop());

  /** Every code that was given out. */
  const given: DeviceAuthorization[] = [];
  const askForDevice: typeof ask = async (...request) => {
    const asked = await ask(...request);
    given.push(asked);
    return asked;
  };
  const newBrowser = () => new FormBrowser(latchkey.issuer);
  const typedIn = (landing: Landing, id: string) =>
    new RegExp(`<input[^>]* id="${id}"[^>]* value="([^"]*)"`).exec(landing.page)?.[1];

  describe('the device', () => {
    it('gets both codes, where to enter one, and how often to ask', async () => {
      const { status, headers, body } = await television.post('/device/auth', { scope: 'openid' });
      expect(status).to.equal(200);
      expect(headers.get('cache-control')).to.contain('no-store');
      expect(body).to.deep.include({
        verification_uri: `${latchkey.issuer}/device`,
        verification_uri_complete: `${latchkey.issuer}/device?user_code=${body.user_code}`,
        expires_in: 600,
        interval: 5,
      });
      expect(body.user_code).to.match(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/);
      expect(body.device_code).to.match(/^[\w-]{43,}$/);
    });

    it('is let in by somebody who signs in and consents on the way, whatever case they type in', async () => {
      const asked = await askForDevice(television, { scope: 'openid email' });
      expect(errorOf(await poll(television, asked))).to.equal(PENDING);
      const browser = newBrowser();
      const typed = asked.user_code.toLowerCase().replace('-', ' ');
      const confirm = await enterCode(browser, typed);
      expect(confirm).to.include({ status: 200, pageName: 'device-confirm' });
      expect(confirm.page).to.contain(`<code id="code">${asked.user_code}</code>`);
      expect(confirm.page).to.contain('Television').and.to.contain('Your e-mail address');
      expect(confirm.page).to.contain('Only allow this if you started it yourself');
      const login = await browser.submit(confirm, 'approve');
      expect(login.pageName).to.equal('login');
      expect(login.page, 'there is no application to return to').not.to.contain('return to');
      const consent = await browser.submit(login, 'submit', { ...ADA });
      expect(consent.pageName).to.equal('consent');
      expect(consent.page).to.contain('Another device gets this access');
      expect(errorOf(await poll(television, asked))).to.be.oneOf([PENDING, '400 slow_down']);
      const end = await browser.submit(consent, 'approve');
      expect(end).to.include({ status: 200, pageName: 'device-ended' });
      expect(end.page).to.contain('The device is let in');

      // An answer that is there is given, however early it is asked for.
      const { status, headers, body } = await poll(television, asked);
      expect(status).to.equal(200);
      expect(headers.get('cache-control')).to.contain('no-store');
      expect(decodeJwt(body.id_token)).to.deep.include({ sub, aud: television.clientId });
      expect((await television.userinfo(body.access_token)).body).to.deep.include({ sub, email: ADA.login });
      const { body: refreshed } = await television.refresh(body.refresh_token);
      expect((await television.userinfo(refreshed.access_token)).status).to.equal(200);
    });

    it('is let in by two clicks where somebody is signed in and has consented before', async () => {
      const browser = newBrowser();
      await letIn(browser, (await askForDevice(television)).user_code);
      const asked = await askForDevice(television);
      const confirm = await enterCode(browser, asked.user_code);
      expect(confirm.page).to.contain(ADA.login);
      expect(await browser.submit(confirm, 'approve')).to.include({ pageName: 'device-ended' });
      expect((await poll(television, asked)).status).to.equal(200);
    });

    it('tells where it asked from and what it says it is, in words that cannot be markup', async () => {
      const headers = { 'User-Agent': `<b>Living room</b> ${'x'.repeat(300)}` };
      const asked = await askForDevice(television, {}, headers);
      const { page } = await enterCode(newBrowser(), asked.user_code);
      expect(page).to.contain('&lt;b&gt;Living room&lt;/b&gt;').and.not.to.contain('x'.repeat(121));
      expect(page).to.match(/id="address"><bdi>(127\.0\.0\.1|::1|::ffff:127\.0\.0\.1)<\/bdi>/);
      expect(page).to.contain('just now');
    });

    it('gets a token for the API that it names, whose scopes are told in words', async () => {
      await latchkey.json([
        'apis',
        'create',
        '--identifier',
        API,
        '--name',
        'Orders',
        '--scopes',
        'read,write',
      ]);
      const asked = await askForDevice(television, { scope: 'read', resource: API });
      const browser = newBrowser();
      const confirm = await enterCode(browser, asked.user_code);
      expect(confirm.page).to.contain('<bdi>Orders</bdi>').and.to.contain('<code><bdi>read</bdi></code>');
      expect(confirm.page).not.to.contain('<code><bdi>write</bdi></code>');
      expect(await letIn(browser, asked.user_code)).to.include({ pageName: 'device-ended' });
      const { body } = await poll(television, asked);
      expect(decodeJwt(body.access_token)).to.deep.include({ aud: API, scope: 'read', sub });
    });

    it('is told to slow down when it asks too often, and five seconds more each time', async () => {
      const asked = await askForDevice(television);
      expect(errorOf(await poll(television, asked))).to.equal(PENDING);
      const hasty = await poll(television, asked);
      const begun = performance.now();
      expect(errorOf(hasty)).to.equal('400 slow_down');
      expect(hasty.body.error_description).to.be.a('string');
      expect(hasty.headers.get('cache-control')).to.contain('no-store');
      const another = await askForDevice(television);
      expect(errorOf(await poll(television, another)), 'each device by itself').to.equal(PENDING);
      await eventually(
        'it is answered again',
        async () => {
          // It now waits ten seconds, as it was told: one poll too early would make that more.
          return performance.now() - begun > 10_000 && errorOf(await poll(television, asked)) === PENDING;
        },
        30_000,
      );
      expect(errorOf(await poll(television, asked))).to.equal('400 slow_down');
    });

    it('hears that somebody denied: at the confirmation, at the login, at the consent', async () => {
      for (const [page, button] of [
        ['device-confirm', 'deny'],
        ['login', 'cancel'],
        ['consent', 'deny'],
      ] as const) {
        const asked = await askForDevice(television, { scope: 'openid phone' });
        const browser = newBrowser();
        let landing = await enterCode(browser, asked.user_code);
        if (page !== 'device-confirm') landing = await browser.submit(landing, 'approve');
        if (page === 'consent') landing = await browser.submit(landing, 'submit', { ...ADA });
        expect(landing.pageName).to.equal(page);
        const end = await browser.submit(landing, button);
        expect(end, page).to.include({ status: 200, pageName: 'device-ended' });
        expect(end.page).to.contain('The device is not let in');
        expect(errorOf(await poll(television, asked)), page).to.equal('400 access_denied');
        expect(errorOf(await poll(television, asked)), `${page}, again`).to.equal('400 access_denied');
        expect((await enterCode(newBrowser(), asked.user_code)).page).to.contain('has been used already');
      }
    });

    it('gets nothing for a code that is not its own, unknown or redeemed', async () => {
      const asked = await askForDevice(television);
      const radio = await Application.register(latchkey, { ...DEVICE_CLIENT, client_name: 'Radio' });
      expect(errorOf(await poll(radio, asked))).to.equal('400 invalid_grant');
      expect(errorOf(await poll(television, { device_code: 'x'.repeat(43) }))).to.equal('400 invalid_grant');
      await letIn(newBrowser(), asked.user_code);
      expect(errorOf(await poll(radio, asked))).to.equal('400 invalid_grant');
      const { status, body } = await poll(television, asked);
      expect(status).to.equal(200);
      expect(errorOf(await poll(television, asked))).to.equal('400 invalid_grant');
      expect((await television.userinfo(body.access_token)).status, 'as of any code').to.equal(401);
    });

    it('needs an application that is registered for it', async () => {
      const notes = await Application.register(latchkey);
      const { status, body } = await notes.post('/device/auth', { scope: 'openid' });
      expect(status).to.equal(400);
      expect(body.error).to.be.oneOf(['invalid_request', 'unauthorized_client']);
      const stranger = await fetch(`${latchkey.issuer}/device/auth`, {
        method: 'POST',
        body: new URLSearchParams({ client_id: 'nobody', scope: 'openid' }),
      });
      expect(stranger.status).to.be.oneOf([400, 401]);
      expect(await stranger.json()).to.include({ error: 'invalid_client' });
    });
  });

  describe('the page', () => {
    it('has the code of a complete address filled in, asks nothing of a script, and does nothing by itself', async () => {
      const asked = await askForDevice(television);
      const browser = newBrowser();
      const page = await browser.visit(asked.verification_uri_complete);
      expect(page).to.include({ status: 200, pageName: 'device' });
      expect(page.page).not.to.contain('<script');
      expect(typedIn(page, 'user_code')).to.equal(asked.user_code);
      const confirm = await browser.submit(page, 'submit', { user_code: asked.user_code });
      expect(confirm.pageName).to.equal('device-confirm');
      expect(errorOf(await poll(television, asked))).to.equal(PENDING);
      const hostile = await browser.visit(`/device?user_code=${encodeURIComponent('"><script>1</script>')}`);
      expect(hostile.page).not.to.contain('<script');
      const twice = await browser.visit('/device?user_code=ABC&user_code=DEF&ui_locales=de');
      expect(typedIn(twice, 'user_code')).to.equal('ABC');
      expect(twice.page).to.contain('lang="de"');
    });

    it('says what is wrong with a code: unknown, used, nothing', async () => {
      const browser = newBrowser();
      const unknown = await enterCode(browser, 'BCDF-GHJK');
      expect(unknown).to.include({ status: 422, pageName: 'device' });
      expect(unknown.page).to.contain('There is no such code').and.to.contain('value="BCDF-GHJK"');
      const asked = await askForDevice(television);
      await letIn(browser, asked.user_code);
      const used = await enterCode(browser, asked.user_code);
      expect(used).to.include({ status: 422, pageName: 'device' });
      expect(used.page).to.contain('This code has been used already');
      expect(await enterCode(browser, '')).to.include({ pageName: 'device' });
    });

    it('is not cached, and remembers an anonymous browser for an hour at most', async () => {
      const response = await newBrowser().request(`${latchkey.issuer}/device`);
      expect(response.headers.get('cache-control')).to.contain('no-store');
      const cookie = response.headers.getSetCookie().find((line) => /session/i.test(line)) ?? '';
      const expires = Date.parse(/expires=([^;]+)/i.exec(cookie)?.[1] ?? '');
      expect(expires - Date.now(), cookie).to.be.within(1, 3_600_000);
    });

    it('can be open in several tabs, beside a log-out', async () => {
      const browser = newBrowser();
      const app = await Application.register(latchkey);
      await app.signIn(browser);
      const [one, other] = [await askForDevice(television), await askForDevice(television)];
      const tabs = [await browser.visit('/device'), await browser.visit('/device')] as const;
      const firstConfirm = await browser.submit(tabs[0], 'submit', { user_code: one.user_code });
      const secondConfirm = await browser.submit(tabs[1], 'submit', { user_code: other.user_code });
      expect([firstConfirm.pageName, secondConfirm.pageName]).to.deep.equal([
        'device-confirm',
        'device-confirm',
      ]);
      const logout = await browser.visit('/session/end');
      expect((await browser.visit('/device')).pageName).to.equal('device');
      expect(await browser.submit(logout, 'cancel')).to.include({ status: 200, pageName: 'logged-out' });
    });

    it('takes no form that it did not draw, says so, and keeps what was typed', async () => {
      const asked = await askForDevice(television);
      const browser = newBrowser();
      const page = await browser.visit('/device');
      const forged = await browser.submit(page, 'submit', {
        user_code: asked.user_code,
        xsrf: 'f'.repeat(48),
      });
      expect(forged).to.include({ status: 400, pageName: 'device' });
      expect(forged.page).to.contain('role="alert"');
      expect(typedIn(forged, 'user_code')).to.equal(asked.user_code);
      expect(await browser.submit(forged, 'submit', { user_code: asked.user_code })).to.include({
        pageName: 'device-confirm',
      });
      const withoutCookies = await fetch(`${latchkey.issuer}/device`, {
        method: 'POST',
        body: new URLSearchParams({ user_code: asked.user_code, confirm: 'yes', xsrf: '' }),
      });
      expect(withoutCookies.status).to.equal(400);
      const stranger = newBrowser();
      const stale = await stranger.submit(page, 'submit', { user_code: asked.user_code });
      expect(stale).to.include({ status: 400, pageName: 'device' });
      expect(await stranger.submit(stale, 'submit', { user_code: asked.user_code })).to.include({
        pageName: 'device-confirm',
      });
      expect(errorOf(await poll(television, asked))).to.equal(PENDING);
    });

    it('that is over says so: a bookmarked end, a second answer to the confirmation', async () => {
      const asked = await askForDevice(television);
      const browser = newBrowser();
      const confirm = await enterCode(browser, asked.user_code);
      const end = await letIn(browser, (await askForDevice(television)).user_code);
      expect(end.url.pathname).to.match(/^\/device\/./);
      expect(await browser.visit(end.url)).to.include({ status: 410, pageName: 'expired' });
      // The other form has not ended this one.
      expect(await browser.submit(confirm, 'approve')).to.include({ pageName: 'device-ended' });
      const again = await browser.submit(confirm, 'approve');
      expect(again).to.include({ status: 422, pageName: 'device' });
      expect(again.page).to.contain('has been used already');
      expect(typedIn(again, 'user_code')).to.equal(asked.user_code);
    });

    it('is no dead end for somebody who closed it half way, and one for everybody else', async () => {
      const asked = await askForDevice(television);
      const browser = newBrowser();
      const login = await browser.submit(await enterCode(browser, asked.user_code), 'approve');
      expect(login.pageName).to.equal('login');
      expect((await enterCode(newBrowser(), asked.user_code)).page).to.contain('has been used already');
      expect((await letIn(browser, asked.user_code)).page).to.contain('The device is let in');
      // The former tab is too late.
      expect((await browser.submit(login, 'submit', { ...ADA })).pageName).to.be.oneOf(['device', 'expired']);
      expect((await poll(television, asked)).status).to.equal(200);
    });

    it('names the methods that there are', async () => {
      const wrong = await fetch(`${latchkey.issuer}/device/auth`);
      expect([wrong.status, wrong.headers.get('allow')]).to.deep.equal([405, 'POST']);
      const head = await fetch(`${latchkey.issuer}/device`, { method: 'HEAD' });
      expect([head.status, await head.text()]).to.deep.equal([200, '']);
      const put = await fetch(`${latchkey.issuer}/device`, { method: 'PUT' });
      expect([put.status, put.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD, POST']);
    });
  });

  describe('what was let in', () => {
    it('outlives a log-out of the browser, and is listed and revoked as a grant', async () => {
      const both = await Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT],
      });
      const browser = newBrowser();
      const own = await both.signIn(browser);
      const [one, other] = [await askForDevice(both), await askForDevice(both)];
      await letIn(browser, one.user_code);
      await letIn(browser, other.user_code);
      const [{ body: first }, { body: second }] = [await poll(both, one), await poll(both, other)];
      const listed = async (): Promise<{ grant_id: string }[]> =>
        JSON.parse((await latchkey.command(['grants', 'list', '--client', both.clientId, '--json'])).stdout);
      expect(await listed()).to.have.length(3);

      // What ends on one device ends nothing on another, nor in the browser.
      await both.revoke(first.refresh_token);
      expect(errorOf(await both.refresh(first.refresh_token))).to.equal('400 invalid_grant');
      expect((await both.userinfo(second.access_token)).status).to.equal(200);
      expect((await both.userinfo(own.access_token)).status).to.equal(200);

      const logout = await browser.visit('/session/end');
      await browser.submit(logout, 'confirm');
      expect((await both.userinfo(own.access_token)).status).to.equal(401);
      const refreshed = await both.refresh(second.refresh_token);
      expect(refreshed.status).to.equal(200);

      const [grant] = await listed();
      await latchkey.json(['grants', 'revoke', grant?.grant_id ?? '']);
      expect(errorOf(await both.refresh(refreshed.body.refresh_token))).to.equal('400 invalid_grant');
      expect(await listed()).to.deep.equal([]);
    });

    it('leaves the browser’s own sign-in as it was', async () => {
      const both = await Application.register(latchkey, {
        grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE_GRANT],
      });
      const browser = newBrowser();
      const own = await both.signIn(browser);
      const asked = await askForDevice(both, { scope: 'openid offline_access' });
      await letIn(browser, asked.user_code);
      const { body } = await poll(both, asked);
      const silent = await both.signIn(browser, { prompt: 'none' });
      await both.revoke(body.refresh_token);
      expect((await both.userinfo(own.access_token)).status).to.equal(200);
      expect((await both.userinfo(silent.access_token)).status).to.equal(200);
    });

    it('gets nothing when its person was disabled after they approved, nor later', async () => {
      const eve = { login: 'eve@example.com', password: 'a fourth person of this test' };
      const { sub: eveSub } = await latchkey.createPerson(eve.login, eve.password);
      const [early, late] = [await askForDevice(television), await askForDevice(television)];
      const browser = newBrowser();
      await letIn(browser, early.user_code, eve);
      const confirm = await enterCode(browser, late.user_code);
      await latchkey.json(['users', 'disable', eveSub]);
      expect(errorOf(await poll(television, early))).to.equal('400 invalid_grant');
      const landing = await browser.submit(confirm, 'approve');
      expect(landing.pageName, 'their session has ended').to.be.oneOf(['device', 'login']);
      await latchkey.json(['users', 'enable', eveSub]);
      expect(errorOf(await poll(television, early))).to.equal('400 invalid_grant');
    });
  });

  describe('the log', () => {
    it('tells of no request that failed on our side, and of no code', () => {
      expect(latchkey.output).to.not.contain('"level":50');
      expect(given.length).to.be.above(20);
      for (const { device_code, user_code } of given) {
        expect(latchkey.output).to.not.contain(device_code).and.not.contain(user_code);
      }
    });
  });
});

describe('device authorization with short lives', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let television: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_LIFETIMES_DEVICE_CODE: '2' });
    await latchkey.createPerson(ADA.login, ADA.password);
    television = await Application.register(latchkey, DEVICE_CLIENT);
  });
  after(() => latchkey.stop());

  it('ends: the device hears expired_token, the person that the code has expired', async () => {
    const asked = await ask(television);
    expect(asked.expires_in).to.equal(2);
    const browser = new FormBrowser(latchkey.issuer);
    const confirm = await enterCode(browser, asked.user_code);
    expect(confirm.pageName).to.equal('device-confirm');
    const login = await browser.submit(confirm, 'approve');
    await eventually(
      'the code expires',
      async () => errorOf(await poll(television, asked)) === '400 expired_token',
    );
    const late = await browser.submit(login, 'submit', { ...ADA });
    expect(late).to.include({ status: 422, pageName: 'device' });
    expect(late.page).to.contain('This code has expired');
    const typed = await enterCode(browser, asked.user_code);
    expect(typed.page).to.contain('This code has expired');
    expect(errorOf(await poll(television, asked))).to.equal('400 expired_token');
  });
});

describe('device authorization when it is off', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_DEVICE_FLOW: 'false' });
  });
  after(() => latchkey.stop());

  it('is nowhere: no page, no endpoint, no metadata, and no client can register for it', async () => {
    const discovery = await fetch(`${latchkey.issuer}/.well-known/openid-configuration`);
    const metadata = (await discovery.json()) as Record<string, string[]>;
    expect(metadata).not.to.have.property('device_authorization_endpoint');
    expect(metadata.grant_types_supported).not.to.include(DEVICE_CODE_GRANT);
    expect((await fetch(`${latchkey.issuer}/device`)).status).to.equal(404);
    expect((await fetch(`${latchkey.issuer}/device/auth`, { method: 'POST' })).status).to.equal(404);
    const problem = await Application.register(latchkey, DEVICE_CLIENT).catch(String);
    expect(problem).to.contain('features.device_flow');
  });
});
