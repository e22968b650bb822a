import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { answerWith, makePasskey } from '../authentication/passkey-forms.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { type CertificateFiles, writeCertificates } from '../redis/test-certificates.ts';
import { ADA, Application } from './application.ts';
import { type Asked, ask, attempt, ON, outcomeOf, POLLING, poll, requestsPage } from './ciba-requests.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { NoticeReceiver } from './notice-receiver.ts';
import { AuthenticatorApp, MFA, secretOn } from './second-factor.ts';

const DEVICE_TOKEN = 'a token for the device service';
const API = 'https://api.example.com';

describe('a sign-in that an application asks for and a person confirms', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let receiver: NoticeReceiver;
  let files: CertificateFiles;
  let counter: Application;
  let browser: FormBrowser;
  let sub: string;

  before(async () => {
    files = writeCertificates();
    receiver = await NoticeReceiver.start(files);
    latchkey = await LatchkeyProcess.start({
      ...ON,
      NODE_EXTRA_CA_CERTS: files.authority,
      LATCHKEY_FEATURES_CIBA_DEVICE_URL: `${receiver.origin}/device`,
      LATCHKEY_FEATURES_CIBA_DEVICE_TOKEN: DEVICE_TOKEN,
      LATCHKEY_SECOND_FACTOR_SCOPES: 'transfer',
    });
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read,transfer']);
    counter = await Application.register(latchkey, POLLING);
    browser = new FormBrowser(latchkey.issuer);
    await requestsPage(browser);
  });
  after(async () => {
    await latchkey?.stop();
    await receiver?.down();
    files?.remove();
  });

  /** Answers what waits until nothing does. */
  async function answerAll(button: 'approve' | 'deny'): Promise<Landing> {
    let landing = await requestsPage(browser);
    while (landing.page.includes(`id="${button}-0"`)) landing = await browser.submit(landing, `${button}-0`);
    return landing;
  }
  afterEach(() => answerAll('deny'));

  it('is pending, then confirmed, then redeemed once', async () => {
    const asked = await ask(counter, {
      scope: 'openid email read',
      resource: API,
      binding_message: 'Counter 3, KX-17',
    });
    expect(asked).to.have.all.keys('auth_req_id', 'expires_in', 'interval');
    expect(asked).to.include({ interval: 5 });
    expect(asked.expires_in).to.be.within(299, 300);
    expect(outcomeOf(await poll(counter, asked))).to.equal('authorization_pending');
    expect(outcomeOf(await poll(counter, asked)), 'too early').to.equal('slow_down');
    const page = await requestsPage(browser);
    for (const text of ['Counter', 'Counter 3, KX-17', 'read']) expect(page.page).to.contain(text);
    expect(page.page).to.not.contain(asked.auth_req_id);
    const confirmed = await browser.submit(page, 'approve-0');
    expect(confirmed).to.include({ status: 200, pageName: 'account-requests' });
    expect(confirmed.page).to.contain('id="done"');
    const answer = await poll(counter, asked);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    const claims = decodeJwt(answer.body.id_token);
    expect(claims).to.include({ sub, aud: counter.clientId });
    const granted = decodeJwt(answer.body.access_token);
    expect(granted).to.include({ sub, scope: 'read' });
    expect(granted.amr).to.deep.equal(['pwd']);
    expect(Number(granted.auth_time)).to.be.closeTo(Date.now() / 1000, 600);
    expect(outcomeOf(await poll(counter, asked))).to.equal('invalid_grant');
  });

  it('is refused, and cannot be confirmed afterwards', async () => {
    const asked = await ask(counter);
    const page = await requestsPage(browser);
    const other = new FormBrowser(latchkey.issuer);
    const otherPage = await requestsPage(other);
    await browser.submit(page, 'deny-0');
    expect(outcomeOf(await poll(counter, asked))).to.equal('access_denied');
    const late = await other.submit(otherPage, 'approve-0');
    expect(late.page).to.contain('id="done"').and.contain('Nothing was done');
    expect(outcomeOf(await poll(counter, asked))).to.not.equal('tokens');
  });

  it('is the person’s own: nobody else sees or answers it, nor another client redeems it', async () => {
    const bob = { login: 'bob@example.com', password: 'orange juice at noon' };
    await latchkey.createPerson(bob.login, bob.password);
    const asked = await ask(counter);
    const mine = await requestsPage(browser);
    const [, id = ''] = /name="request" value="([\w-]+)"/.exec(mine.page) ?? [];
    expect(id).to.not.equal('');
    const his = new FormBrowser(latchkey.issuer);
    const page = await requestsPage(his, bob);
    expect(page.page).to.not.contain('approve-0');
    const [, csrf = ''] = /name="csrf" value="([^"]+)"/.exec(mine.page) ?? [];
    const forged = await his.request('/account/requests/approve', {
      method: 'POST',
      body: new URLSearchParams({ csrf, request: id }),
      headers: { origin: latchkey.issuer },
    });
    expect(forged.status).to.equal(403);
    expect(outcomeOf(await poll(counter, asked))).to.equal('authorization_pending');
    const stranger = await Application.register(latchkey, POLLING);
    await browser.submit(mine, 'approve-0');
    expect(outcomeOf(await poll(stranger, asked))).to.equal('invalid_grant');
  });

  it('tells the person by mail, and the operator’s service, without what it must not', async () => {
    receiver.received.length = 0;
    const asked = await ask(counter, { binding_message: 'KX-18' });
    const mine = () => receiver.received.find(({ body }) => body.includes('KX-18'));
    await eventually('a call', () => mine() !== undefined);
    const notice = mine();
    expect(notice?.headers.authorization).to.equal(`Bearer ${DEVICE_TOKEN}`);
    const told = JSON.parse(notice?.body ?? '{}') as Record<string, unknown>;
    expect(told).to.include({
      sub,
      client_id: counter.clientId,
      binding_message: 'KX-18',
      approval_uri: `${latchkey.issuer}/account/requests`,
    });
    expect(JSON.stringify(told)).to.not.contain(asked.auth_req_id);
    const mails = () =>
      readOutbox(latchkey.dataDir).filter(({ headers }) => headers.get('subject') === 'Confirm a sign-in');
    await eventually('a mail', () => mails().length > 0);
    const mail = mails().at(-1);
    expect(mail?.headers.get('to')).to.contain(ADA.login);
    expect(mail?.text).to.contain(`${latchkey.issuer}/account/requests`);
    expect(mail?.text).to.not.contain('KX-18').and.not.contain('Counter');
    expect(latchkey.output).to.not.contain(DEVICE_TOKEN).and.not.contain(asked.auth_req_id);
  });

  it('pings a client that registered for it, also when it was down', async () => {
    const pinged = await Application.register(latchkey, {
      ...POLLING,
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: `${receiver.origin}/ping`,
    });
    expect((await attempt(pinged)).body).to.include({ error: 'invalid_request' });
    const asked = await ask(pinged, { client_notification_token: 'notify-me-0123456789abcdef' });
    receiver.reaction = 503;
    await answerAll('approve');
    await receiver.have(1, '/ping');
    receiver.reaction = 204;
    const [, again] = await receiver.have(2, '/ping');
    expect(again?.headers.authorization).to.equal('Bearer notify-me-0123456789abcdef');
    expect(JSON.parse(again?.body ?? '')).to.deep.equal({ auth_req_id: asked.auth_req_id });
    expect(outcomeOf(await poll(pinged, asked))).to.equal('tokens');
    receiver.reaction = 200;
  });

  it('a client that refuses a ping is not pinged again', async () => {
    const pinged = await Application.register(latchkey, {
      ...POLLING,
      backchannel_token_delivery_mode: 'ping',
      backchannel_client_notification_endpoint: `${receiver.origin}/refuses`,
    });
    for (const [count, reaction] of [401, 403, 301].entries()) {
      const asked = await ask(pinged, { client_notification_token: 'notify-me-0123456789abcdef' });
      receiver.reaction = reaction;
      await answerAll('approve');
      await receiver.have(count + 1, '/refuses');
      await eventually('the notice is given up', async () => {
        const left = await latchkey.json<Record<string, unknown>[]>(['notifications', 'list']);
        return (
          left.filter(({ recipient, state }) => recipient === pinged.clientId && state === 'failed')
            .length ===
          count + 1
        );
      });
      expect(outcomeOf(await poll(pinged, asked)), 'it may poll').to.equal('tokens');
    }
    receiver.reaction = 200;
    expect(receiver.received.filter(({ path }) => path === '/refuses')).to.have.length(3);
  });

  it('takes a hint of one person, in one way', async () => {
    const tokens = await (async () => {
      const asked = await ask(counter);
      await answerAll('approve');
      return (await poll(counter, asked)).body;
    })();
    const hinted = await ask(counter, { login_hint: '', id_token_hint: tokens.id_token });
    expect(outcomeOf(await poll(counter, hinted))).to.equal('authorization_pending');
    for (const [parameters, error] of [
      [{ login_hint: 'nobody@example.com' }, 'unknown_user_id'],
      [{ login_hint: '' }, 'invalid_request'],
      [{ id_token_hint: tokens.id_token }, 'invalid_request'],
      [{ login_hint: '', login_hint_token: 'eyJ.eyJ.sig' }, 'invalid_request'],
      [{ scope: 'email' }, 'invalid_request'],
      [{ binding_message: 'x'.repeat(101) }, 'invalid_binding_message'],
      [{ binding_message: 'two\nlines' }, 'invalid_binding_message'],
      [{ binding_message: 'turned \u202eround' }, 'invalid_binding_message'],
      [{ requested_expiry: 'soon' }, 'invalid_request'],
    ] as const) {
      const { status, body } = await attempt(counter, parameters);
      expect({ status, error: body.error }, JSON.stringify(parameters)).to.deep.equal({ status: 400, error });
    }
    const disabled = await latchkey.createPerson('carol@example.com', 'marmalade on tuesday');
    await latchkey.json(['users', 'disable', disabled.sub]);
    expect((await attempt(counter, { login_hint: 'carol@example.com' })).body.error).to.equal(
      'unknown_user_id',
    );
  });

  it('is over after the time that the client wants, and no later than is configured', async () => {
    expect((await ask(counter, { requested_expiry: '86400' })).expires_in).to.be.within(299, 300);
    const short = await ask(counter, { requested_expiry: '1' });
    expect(short.expires_in).to.equal(1);
    await eventually('it is over', async () => outcomeOf(await poll(counter, short)) === 'expired_token');
  });

  it('gives nothing when the person is disabled between the answer and the redemption', async () => {
    const dave = { login: 'dave@example.com', password: 'a walk in the morning' };
    const person = await latchkey.createPerson(dave.login, dave.password);
    const asked = await ask(counter, { login_hint: dave.login });
    const his = new FormBrowser(latchkey.issuer);
    await his.submit(await requestsPage(his, dave), 'approve-0');
    await latchkey.json(['users', 'disable', person.sub]);
    expect(outcomeOf(await poll(counter, asked))).to.equal('invalid_grant');
  });

  it('lets no more wait than a person can answer', async () => {
    const eve = { login: 'eve@example.com', password: 'a long quiet evening' };
    await latchkey.createPerson(eve.login, eve.password);
    for (let index = 0; index < 20; index += 1) await ask(counter, { login_hint: eve.login });
    const { status, body } = await attempt(counter, { login_hint: eve.login });
    expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_request' });
  });

  it('lets nobody be asked more often by asking for less time', async () => {
    const eric = { login: 'eric@example.com', password: 'a row of little boats' };
    await latchkey.createPerson(eric.login, eric.password);
    const short = { login_hint: eric.login, requested_expiry: '1' };
    const asked = await Promise.all(Array.from({ length: 20 }, () => ask(counter, short)));
    await eventually('all are over', async () => {
      const outcomes = await Promise.all(asked.map((one) => poll(counter, one)));
      return outcomes.every((answer) => outcomeOf(answer) === 'expired_token');
    });
    const { status, body } = await attempt(counter, short);
    expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_request' });
  });

  it('of an application that wants more than the person has set up says so, and what to do first', async () => {
    const person = { login: 'dora@example.com', password: 'seventeen green doors' };
    await latchkey.createPerson(person.login, person.password);
    const hers = new FormBrowser(latchkey.issuer);
    await requestsPage(hers, person);
    const wants = async (acr: string): Promise<Landing> => {
      const app = await Application.register(latchkey, { ...POLLING, client_name: acr, required_acr: acr });
      const asked = await ask(app, { login_hint: person.login });
      const told = await hers.submit(await requestsPage(hers, person), 'approve-0');
      expect(outcomeOf(await poll(app, asked)), acr).to.equal('authorization_pending');
      return told;
    };
    const twoStep = await wants(MFA);
    expect(twoStep, twoStep.page).to.include({ status: 409, pageName: 'account-requests' });
    expect(hrefOf(twoStep, 'set-up')).to.equal('/account/two-step/app');
    await hers.submit(twoStep, 'deny-0');
    const hardware = await wants('phrh');
    expect(hardware).to.include({ status: 409, pageName: 'account-requests' });
    expect(hardware.page).to.contain('ask the people who run this service').and.not.contain('id="set-up"');
    await hers.submit(hardware, 'deny-0');
    const passkey = await wants('phr');
    expect(passkey).to.include({ status: 409, pageName: 'account-requests' });
    const page = await hers.visit(hrefOf(passkey, 'set-up'));
    const made = await makePasskey(hers, page);
    expect(made.landing.pageName).to.equal('account-recovery-codes');
    // It was made, but not used: that is asked for, and leads back.
    const use = await hers.submit(await requestsPage(hers, person), 'approve-0');
    expect(use.pageName).to.equal('second-step');
    const back = await answerWith(hers, use, made.authenticator);
    expect(back.pageName).to.equal('account-requests');
    const confirmed = await hers.submit(back, 'approve-0');
    expect(confirmed.page).to.contain('id="done"');
  });

  it('of a scope or a claim that takes two factors is confirmed by nobody with a password alone', async () => {
    const person = { login: 'frida@example.com', password: 'a kettle on the stove' };
    await latchkey.createPerson(person.login, person.password);
    const hers = new FormBrowser(latchkey.issuer);
    await requestsPage(hers, person);
    const essential = (acr: object) => ({
      claims: JSON.stringify({ id_token: { acr: { essential: true, ...acr } } }),
    });
    const demands = [{ scope: 'openid transfer', resource: API }, essential({ value: MFA })];
    const asked: Asked[] = [];
    for (const demand of demands) {
      const one = await ask(counter, { login_hint: person.login, ...demand });
      const told = await hers.submit(await requestsPage(hers, person), 'approve-0');
      expect(told, told.page).to.include({ status: 409, pageName: 'account-requests' });
      expect(outcomeOf(await poll(counter, one))).to.equal('authorization_pending');
      asked.push(one);
    }
    const page = await hers.visit('/account/two-step/app');
    const phone = new AuthenticatorApp(secretOn(page));
    await hers.submit(page, 'submit', { code: phone.code() });
    for (const index of demands.keys()) {
      const confirmed = await hers.submit(await requestsPage(hers, person), 'approve-0');
      expect(confirmed.page, String(index)).to.contain('id="done"');
    }
    const [transfer, told] = await Promise.all(asked.map((one) => poll(counter, one)));
    expect(decodeJwt(transfer?.body.access_token)).to.deep.include({
      scope: 'transfer',
      amr: ['pwd', 'otp'],
    });
    expect(decodeJwt(told?.body.id_token).acr).to.equal(MFA);
    for (const [acr, error] of [
      [{ value: 'of another federation' }, 'unmet_authentication_requirements'],
      [{ values: MFA }, 'invalid_request'],
    ] as const) {
      const refused = await attempt(counter, { login_hint: person.login, ...essential(acr) });
      expect({ status: refused.status, error: refused.body.error }).to.deep.equal({ status: 400, error });
    }
  });

  it('is told in discovery', async () => {
    const discovery = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
    expect(discovery).to.deep.include({
      backchannel_authentication_endpoint: `${latchkey.issuer}/backchannel`,
      backchannel_token_delivery_modes_supported: ['poll', 'ping'],
      backchannel_user_code_parameter_supported: false,
    });
  });

  it('no request failed on our side', () => {
    const failed = latchkey.output
      .split('\n')
      // What clients refused above is no failure of ours.
      .filter((line) => line.includes('"level":50') && !line.includes('a notice is given up'));
    expect(failed).to.deep.equal([]);
  });
});

describe('a sign-in that an application asks for, while that is off', function () {
  this.timeout(60_000);

  it('is not there, nor can it be registered', async () => {
    const latchkey = await LatchkeyProcess.start();
    try {
      const discovery = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
      expect(discovery).to.not.have.any.keys(
        'backchannel_authentication_endpoint',
        'backchannel_token_delivery_modes_supported',
        'backchannel_user_code_parameter_supported',
      );
      const app = await Application.register(latchkey);
      expect((await attempt(app)).status).to.equal(404);
      await latchkey.createPerson(ADA.login, ADA.password);
      const browser = new FormBrowser(latchkey.issuer);
      await browser.submit(await browser.visit('/account'), 'submit', { ...ADA });
      expect((await browser.visit('/account/requests')).status).to.equal(404);
      const { code, stderr } = await latchkey.command(
        ['clients', 'create', '--file', '-'],
        JSON.stringify(POLLING),
      );
      expect(code).to.equal(1);
      expect(stderr).to.contain('needs features.ciba.enabled, which is off');
    } finally {
      await latchkey.stop();
    }
  });
});
