import { expect } from 'chai';
import { type RangeServer, startRangeServer } from '../authentication/breached-range-server.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { linkIn, readOutbox } from '../mail/read-mail.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const LEAKED = 'seven quiet otters';
const FRESH = 'eleven loud herons';
const MESSAGE = 'This password is known from a data leak';

describe('a password that has leaked', function () {
  this.timeout(60_000);
  let service: RangeServer;
  let latchkey: LatchkeyProcess;
  let app: Application;
  let browser: FormBrowser;

  before(async () => {
    service = await startRangeServer();
    service.leak(LEAKED, 12);
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_PASSWORDS_BREACHED_URL: service.url,
      LATCHKEY_PASSWORDS_BREACHED_TIMEOUT: '10000',
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_REGISTRATION_MODE: 'open',
    });
    app = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(async () => {
    await latchkey?.stop();
    await service?.close();
  });
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });

  async function linkTo(address: string, subject: string): Promise<URL> {
    const find = () =>
      readOutbox(latchkey.dataDir).find(
        ({ headers }) => headers.get('to') === address && headers.get('subject') === subject,
      );
    await eventually(`a mail “${subject}” to ${address}`, () => find() !== undefined);
    return linkIn(find() as NonNullable<ReturnType<typeof find>>);
  }

  /** The page says why, and takes another. */
  async function expectRefusal(page: Landing): Promise<Landing> {
    const refused = await browser.submit(page, 'submit', { password: LEAKED });
    expect(refused).to.include({ status: 422, pageName: page.pageName });
    expect(refused.page).to.contain(MESSAGE);
    const taken = await browser.submit(refused, 'submit', { password: FRESH });
    expect(taken.status).to.be.below(400);
    return taken;
  }

  it('is refused at registration', async () => {
    const login = await browser.visit(app.authorizationRequest({ scope: 'openid' }).url);
    const page = await browser.visit(new URL(hrefOf(login, 'register'), latchkey.issuer));
    await browser.submit(page, 'submit', { email: 'new@example.com' });
    await expectRefusal(await browser.visit(await linkTo('new@example.com', 'Confirm your e-mail address')));
  });

  it('is refused at a reset', async () => {
    await latchkey.createPerson('forgetful@example.com', ADA.password);
    const login = await browser.visit(app.authorizationRequest().url);
    const reset = await browser.visit(new URL(hrefOf(login, 'forgotten'), latchkey.issuer));
    await browser.submit(reset, 'submit', { login: 'forgetful@example.com' });
    await expectRefusal(await browser.visit(await linkTo('forgetful@example.com', 'Choose a new password')));
  });

  it('is refused where a person changes it', async () => {
    await latchkey.createPerson('changing@example.com', ADA.password);
    const person = { login: 'changing@example.com', password: ADA.password };
    const page = await browser.authorize('/account/password', person);
    await expectRefusal(page);
  });

  it('is refused to an operator as well, and what one signs in with already goes on', async () => {
    const set = async (password: string) =>
      latchkey.command(['users', 'set-password', ADA.login, '--password-stdin', '--json'], password);
    const refused = await set(LEAKED);
    expect(refused.code).to.not.equal(0);
    expect(refused.stderr).to.contain('data leak');
    service.leak(ADA.password, 5);
    await app.signIn(browser, {}, ADA);
  });

  it('is taken while the service is away, which is counted and logged without it', async () => {
    service.misbehave((_request, response) => response.writeHead(503).end());
    await latchkey.createPerson('changing2@example.com', ADA.password);
    const page = await browser.authorize('/account/password', {
      login: 'changing2@example.com',
      password: ADA.password,
    });
    const taken = await browser.submit(page, 'submit', { password: LEAKED });
    expect(taken.status).to.be.below(400);
    service.behave();
    await app.signIn(
      new FormBrowser(latchkey.issuer),
      {},
      { login: 'changing2@example.com', password: LEAKED },
    );
    await eventually('it is logged', () => latchkey.output.includes('could not be asked'));
    expect(latchkey.output).to.not.contain(LEAKED);
    const metrics = await latchkey.metrics();
    expect(metrics).to.match(/latchkey_breached_password_checks_total\{[^}]*outcome="failed"[^}]*\} 1\n/);
    expect(metrics).to.match(/latchkey_breached_password_checks_total\{[^}]*outcome="breached"[^}]*\} 3\n/);
  });
});
