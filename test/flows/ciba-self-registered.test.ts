import { expect } from 'chai';
import { ADA, Application } from './application.ts';
import { type Asked, ask, attempt, ON, POLLING, poll, requestsPage } from './ciba-requests.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { send } from './registration-request.ts';

const DAY_SECONDS = 86_400;

describe('a sign-in that an application which registered itself asks for', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let counter: Application;
  let browser: FormBrowser;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      ...ON,
      LATCHKEY_CLIENT_REGISTRATION_MODE: 'open',
      LATCHKEY_CLIENT_REGISTRATION_GRANT_TYPES: POLLING.grant_types.join(' '),
      LATCHKEY_LIFETIMES_REFRESH_TOKEN: String(366 * DAY_SECONDS),
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    counter = await Application.register(latchkey, POLLING);
    browser = new FormBrowser(latchkey.issuer);
  });
  after(() => latchkey?.stop());

  async function registered(name: string): Promise<Application> {
    const { status, body } = await send(`${latchkey.issuer}/reg`, 'POST', {
      body: { ...POLLING, client_name: name, response_types: [] },
    });
    expect(status, JSON.stringify(body)).to.equal(201);
    return Application.known(latchkey.issuer, body.client_id, '', body.client_secret);
  }

  /** For how long (days) it may stay signed in when the request is confirmed so. */
  async function daysOf(app: Application, asked: Asked, fields: Record<string, string> = {}) {
    const confirmed = await browser.submit(await requestsPage(browser), 'approve-0', fields);
    expect(confirmed.page).to.contain('id="done"');
    const { body } = await poll(app, asked);
    expect(body).to.have.property('refresh_token');
    const { exp, active } = (await app.introspect(body.refresh_token)).body;
    expect(active).to.equal(true);
    return Math.round((exp - Date.now() / 1000) / DAY_SECONDS);
  }

  it('says so where it is confirmed, and is allowed for as long as the person chooses', async () => {
    const stranger = await registered('Stranger');
    const asked = await ask(stranger);
    const { page } = await requestsPage(browser);
    expect(page)
      .to.include('id="unverified-0"')
      .and.match(/<bdi>Stranger<\/bdi> registered itself/);
    expect(await daysOf(stranger, asked), 'a month unless they say otherwise').to.equal(30);
    expect(await daysOf(stranger, await ask(stranger), { duration: 'year' })).to.equal(365);
    expect(await daysOf(stranger, await ask(stranger), { duration: 'session' }), 'of no session').to.equal(
      30,
    );
    const known = await ask(counter);
    const of = (await requestsPage(browser)).page;
    expect(of).to.include('id="approve-0"').and.not.include('unverified-').and.not.include('name="duration"');
    expect(await daysOf(counter, known, { duration: 'month' })).to.equal(366);
  });

  it('waits beside few others of its kind, and in no place of those that the operator registered', async () => {
    const eve = { login: 'eve@example.com', password: 'a long quiet evening' };
    await latchkey.createPerson(eve.login, eve.password);
    const strangers = await Promise.all(['One', 'Two'].map(registered));
    const outcomes: number[] = [];
    for (let index = 0; index < 8; index += 1) {
      const { status } = await attempt(strangers[index % 2] as Application, { login_hint: eve.login });
      outcomes.push(status);
    }
    expect(outcomes).to.deep.equal([200, 200, 200, 200, 200, 400, 400, 400]);
    for (let index = 0; index < 20; index += 1) await ask(counter, { login_hint: eve.login });
    expect((await attempt(counter, { login_hint: eve.login })).status).to.equal(400);
  });
});
