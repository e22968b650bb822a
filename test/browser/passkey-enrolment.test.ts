import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Application, type AuthorizationRequest, type Credentials } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { enrol, MFA } from '../flows/second-factor.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { type Elsewhere, serveElsewhere } from './elsewhere.ts';
import { Keyboard } from './keyboard.ts';
import { VirtualAuthenticator } from './virtual-authenticator.ts';

const PASSWORD = 'four slow tortoises';
const TELLING = { claims: JSON.stringify({ id_token: { acr: null, amr: null, auth_time: null } }) };

describe('a passkey that a sign-in demands, in Chromium', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let elsewhere: Elsewhere;
  let vault: Application;
  let browser: Browser;
  let people = 0;
  const open: BrowserContext[] = [];
  let complaints: string[] = [];
  const judged = new Set<string>();
  const walked = new Set<string>();

  before(async () => {
    elsewhere = await serveElsewhere();
    latchkey = await LatchkeyProcess.start();
    vault = await Application.register(latchkey, {
      client_name: 'Vault',
      redirect_uris: [`${elsewhere.origin}/callback`],
      required_acr: 'phr',
    });
    browser = await launchChromium();
  });
  afterEach(async () => {
    for (const context of open.splice(0)) await context.close();
    const said = complaints;
    complaints = [];
    expect(said, 'said in the console').to.deep.equal([]);
  });
  after(async () => {
    await browser?.close();
    await latchkey?.stop();
    await elsewhere?.close();
  });

  async function newPerson(): Promise<Credentials & { sub: string }> {
    people += 1;
    const login = `newcomer${people}@example.com`;
    const { sub } = await latchkey.createPerson(login, PASSWORD);
    return { login, password: PASSWORD, sub };
  }

  function watched(tab: Page): Page {
    tab.on('console', (message) => complaints.push(message.text()));
    tab.on('pageerror', (error) => complaints.push(error.message));
    return tab;
  }

  async function newTab(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    open.push(context);
    return watched(await context.newPage());
  }

  /** Waits for a page, and judges it when it is there for the first time. */
  async function reaches(tab: Page, page: string): Promise<void> {
    await tab.waitForSelector(`body[data-page="${page}"]`);
    if (judged.has(page)) return;
    judged.add(page);
    await tab.evaluate(axeSource);
    expect(await violations(tab), page).to.deep.equal([]);
  }

  /** Somebody who has given their password to an application that demands a passkey, with an authenticator. */
  async function arrive(person: Credentials) {
    const tab = await newTab();
    const authenticator = await VirtualAuthenticator.of(tab);
    const request = vault.authorizationRequest(TELLING);
    await tab.goto(request.url.href);
    const keyboard = await Keyboard.at(tab, walked);
    await keyboard.signIn(person);
    return { tab, authenticator, request, keyboard };
  }

  /** Uses the passkey where it is asked for, and consents; answers what the application hears. */
  async function finish(tab: Page, { verifier }: AuthorizationRequest) {
    await reaches(tab, 'second-step');
    await tab.click('#passkey');
    await tab.waitForSelector('body[data-page="consent"]');
    await tab.click('#approve');
    await tab.waitForURL(`${elsewhere.origin}/callback?**`);
    const code = new URL(tab.url()).searchParams.get('code') ?? '';
    const { body } = await vault.redeem({ code, verifier });
    return decodeJwt(body.id_token);
  }

  async function passkeysOf({ sub }: { sub: string }): Promise<number> {
    return (await latchkey.json<{ passkeys: number }>(['users', 'factors', sub])).passkeys;
  }

  it('is made and used by keyboard alone, up to an ID token that tells so', async () => {
    const person = await newPerson();
    const began = Math.floor(Date.now() / 1000);
    const { tab, authenticator, request, keyboard } = await arrive(person);
    await reaches(tab, 'set-up-passkey');
    expect(await tab.isVisible('#without')).to.equal(false);
    await keyboard.reaches('set-up-passkey');
    await keyboard.press('passkey');
    await reaches(tab, 'recovery-codes');
    expect(await authenticator.credentials()).to.have.length(1);
    await keyboard.press('submit');
    await keyboard.reaches('second-step');
    const claims = await finish(tab, request);
    expect(claims).to.include({ sub: person.sub, acr: 'phr' });
    expect(claims.amr).to.include.members(['pwd', 'user', 'mfa']);
    expect(claims.auth_time).to.be.within(began, Math.ceil(Date.now() / 1000));
  });

  it('can be tried again after a cancelled prompt, when it is made and when it is used', async () => {
    const person = await newPerson();
    const { tab, authenticator, request } = await arrive(person);
    await reaches(tab, 'set-up-passkey');
    await authenticator.recognises(false);
    await tab.click('#passkey');
    await tab.waitForSelector('[data-outcome="cancelled"]:visible');
    expect(await passkeysOf(person)).to.equal(0);
    await authenticator.recognises(true);
    await tab.click('#passkey');
    await reaches(tab, 'recovery-codes');
    await tab.click('#submit');
    await reaches(tab, 'second-step');
    await authenticator.isTouched(false);
    const aborted = tab.evaluate(`new Promise((resolve) => {
      const { get } = navigator.credentials;
      navigator.credentials.get = function () {
        navigator.credentials.get = get;
        resolve();
        return Promise.reject(new DOMException('', 'NotAllowedError'));
      };
    })`);
    await tab.click('#passkey');
    await aborted;
    await tab.waitForSelector('[data-outcome="cancelled"]:visible');
    await authenticator.isTouched(true);
    expect(await finish(tab, request)).to.include({ acr: 'phr' });
  });

  it('of two tabs is made in one; the other does not make one in vain, and leads on', async () => {
    const person = await newPerson();
    const { tab, authenticator, request } = await arrive(person);
    await reaches(tab, 'set-up-passkey');
    const second = watched(await tab.context().newPage());
    const other = await VirtualAuthenticator.of(second);
    await second.goto(tab.url());
    await reaches(second, 'set-up-passkey');
    // A tab that nobody looks at makes none.
    await tab.bringToFront();
    await tab.click('#passkey');
    await reaches(tab, 'recovery-codes');
    await second.bringToFront();
    await second.click('#passkey');
    await reaches(second, 'second-step');
    expect(await other.credentials()).to.have.length(0);
    expect(await passkeysOf(person)).to.equal(1);
    for (const credential of await authenticator.credentials()) await other.add(credential);
    expect(await finish(second, request)).to.include({ sub: person.sub });
  });

  it('is made once by an answer that is sent twice', async () => {
    const person = await newPerson();
    const { tab, authenticator, request } = await arrive(person);
    await reaches(tab, 'set-up-passkey');
    const statuses: number[] = [];
    await tab.route('**/enrol-passkey?**', async (route) => {
      const first = await route.fetch({ maxRedirects: 0 });
      statuses.push(first.status());
      await route.continue();
    });
    await tab.click('#passkey');
    await reaches(tab, 'second-step');
    expect(statuses).to.deep.equal([200]);
    expect(await passkeysOf(person)).to.equal(1);
    expect(await authenticator.credentials()).to.have.length(1);
    expect(await finish(tab, request)).to.include({ acr: 'phr' });
  });

  it('waits for the code of somebody who has an authenticator app, and does not come before it', async () => {
    const person = await newPerson();
    const strict = await Application.register(latchkey, { required_acr: MFA });
    const { phone } = await enrol(strict, new FormBrowser(latchkey.issuer), person);
    const { tab, request } = await arrive(person);
    await reaches(tab, 'second-step');
    await tab.goto(tab.url().replace('/second-step', '/enrol-passkey'));
    await reaches(tab, 'second-step');
    expect(await tab.isVisible('#passkey')).to.equal(false);
    await tab.fill('#code', phone.code());
    await tab.click('#submit');
    await reaches(tab, 'set-up-passkey');
    await tab.click('#passkey');
    await tab.waitForSelector('#added');
    const claims = await finish(tab, request);
    expect(claims.amr).to.include.members(['pwd', 'otp', 'user', 'mfa']);
  });

  it('is not offered without JavaScript, where the page says what else there is, and leads back', async () => {
    const person = await newPerson();
    const tab = await newTab({ javaScriptEnabled: false });
    await tab.goto(vault.authorizationRequest(TELLING).url.href);
    await tab.fill('#login', person.login);
    await tab.fill('#password', person.password);
    await tab.click('#submit');
    await tab.waitForSelector('body[data-page="set-up-passkey"]');
    expect(await tab.isVisible('#passkey')).to.equal(false);
    expect(await tab.textContent('#without')).to.contain('Vault');
    await tab.click('#cancel');
    await eventually('back at the application', () => tab.url().startsWith(`${elsewhere.origin}/callback`));
    expect(new URL(tab.url()).searchParams.get('error')).to.equal('unmet_authentication_requirements');
  });
});
