import { expect } from 'chai';
import { decodeJwt } from 'jose';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { Application, type AuthorizationRequest } from '../flows/application.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { axeSource, violations } from './accessibility.ts';
import { launchChromium } from './chromium.ts';
import { type Elsewhere, serveElsewhere } from './elsewhere.ts';
import { VirtualAuthenticator, type VirtualCredential } from './virtual-authenticator.ts';

const PASSWORD = 'seven quiet otters';
/** Asks to be told how the person signed in. */
const CLAIMS = JSON.stringify({ id_token: { amr: null, acr: null } });

/** Somebody with a passkey, and the tab in which they made it. */
interface Owner {
  email: string;
  sub: string;
  tab: Page;
  authenticator: VirtualAuthenticator;
}

describe('passkeys in Chromium', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let elsewhere: Elsewhere;
  let origin: string;
  let app: Application;
  let browser: Browser;
  let people = 0;
  /** Somebody whose passkey stays as it is. */
  let ada: { email: string; sub: string; credential: VirtualCredential };
  const open: BrowserContext[] = [];
  let complaints: string[] = [];

  before(async () => {
    elsewhere = await serveElsewhere();
    ({ origin } = elsewhere);
    latchkey = await LatchkeyProcess.start();
    app = await Application.register(latchkey, { redirect_uris: [`${origin}/callback`] });
    browser = await launchChromium();
    const { email, sub, authenticator } = await newOwner();
    const [credential] = await authenticator.credentials();
    if (credential === undefined) throw new Error('the passkey is there');
    ada = { email, sub, credential };
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

  async function newTab(options: Parameters<Browser['newContext']>[0] = {}): Promise<Page> {
    const context = await browser.newContext({ reducedMotion: 'reduce', ...options });
    open.push(context);
    return watched(await context.newPage());
  }

  function watched(tab: Page): Page {
    tab.on('console', (message) => {
      // A status that is no 2xx is told there as well, and is asked for.
      if (!message.text().includes('the server responded with a status of 4'))
        complaints.push(message.text());
    });
    tab.on('pageerror', (error) => complaints.push(error.message));
    return tab;
  }

  const judged = new Set<string>();
  /** Waits for a page, and judges it when it is there for the first time, with a problem or without. */
  async function reaches(tab: Page, page: string): Promise<void> {
    await tab.waitForSelector(`body[data-page="${page}"]`);
    const state = `${page} ${await tab.locator('#problem').count()}`;
    if (judged.has(state)) return;
    judged.add(state);
    await tab.evaluate(axeSource);
    expect(await violations(tab), page).to.deep.equal([]);
  }

  async function signInByPassword(tab: Page, email: string): Promise<void> {
    await tab.waitForSelector('body[data-page="login"]');
    await tab.fill('#login', email);
    await tab.fill('#password', PASSWORD);
    await tab.click('#submit');
  }

  async function addPasskey(tab: Page, name: string): Promise<void> {
    await tab.fill('#passkey-name', name);
    await tab.click('#passkey');
    // Somebody's first one comes with recovery codes.
    await tab.waitForSelector('#done, body[data-page="account-recovery-codes"]');
    if (await tab.isVisible('#done')) return;
    await reaches(tab, 'account-recovery-codes');
    await tab.goto(`${latchkey.issuer}/account/passkeys`);
    await tab.waitForSelector('body[data-page="account-passkeys"], body[data-page="second-step"]');
    // It was made, but not used: whoever changes anything further uses it.
    if (await tab.isVisible('body[data-page="second-step"]')) await tab.click('#passkey');
    await reaches(tab, 'account-passkeys');
  }

  async function newPerson(): Promise<{ email: string; sub: string }> {
    people += 1;
    const email = `person${people}@example.com`;
    const { sub } = await latchkey.createPerson(email, PASSWORD);
    return { email, sub };
  }

  async function newOwner(): Promise<Owner> {
    const person = await newPerson();
    const tab = await newTab();
    const authenticator = await VirtualAuthenticator.of(tab);
    await tab.goto(`${latchkey.issuer}/account/passkeys`);
    await signInByPassword(tab, person.email);
    await reaches(tab, 'account-passkeys');
    await addPasskey(tab, 'Phone');
    return { ...person, tab, authenticator };
  }

  /** A browser in which nobody is signed in, with the same passkeys. It is not touched before it is told to be. */
  async function anotherBrowser(
    credentials: VirtualCredential[],
    behaviour: { touched?: boolean } = {},
  ): Promise<{ tab: Page; authenticator: VirtualAuthenticator; request: AuthorizationRequest }> {
    const tab = await newTab();
    const authenticator = await VirtualAuthenticator.of(tab);
    await authenticator.isTouched(behaviour.touched ?? false);
    for (const credential of credentials) await authenticator.add(credential);
    const request = app.authorizationRequest({ claims: CLAIMS });
    await tab.goto(request.url.href);
    return { tab, authenticator, request };
  }

  async function ownersElsewhere(owner: Owner) {
    return anotherBrowser(await owner.authenticator.credentials());
  }

  function adasBrowser(behaviour: { touched?: boolean } = {}) {
    // More than all uses so far.
    ada.credential.signCount += 100;
    return anotherBrowser([ada.credential], behaviour);
  }

  async function press(tab: Page, authenticator: VirtualAuthenticator): Promise<void> {
    const button = await tab.waitForSelector('#passkey');
    let isAnswered = false;
    // Once: the next page may ask as well.
    await tab.route('**/passkey?**', async (route) => {
      isAnswered = true;
      await authenticator.isTouched(false);
      await route.fallback();
    });
    await authenticator.isTouched(true);
    // On a busy machine the page may only now have asked for what the browser fills in by itself: the touch answers that, and the page
    // goes, and this button with it. The button of the next page is not meant.
    await button.click().catch((error: unknown) => {
      if (!isAnswered) throw error;
    });
  }

  async function claimsAt(tab: Page, { verifier }: AuthorizationRequest) {
    const isAsked = () => tab.isVisible('body[data-page="consent"]').catch(() => false);
    await eventually(
      'consent, or the application',
      async () => tab.url().startsWith(`${origin}/callback`) || (await isAsked()),
    );
    if (!tab.url().startsWith(origin)) {
      await tab.click('#approve');
      await tab.waitForURL(`${origin}/callback?**`);
    }
    const code = new URL(tab.url()).searchParams.get('code') ?? '';
    const { body } = await app.redeem({ code, verifier });
    return decodeJwt(body.id_token);
  }

  const problemOn = (tab: Page): Promise<string | null> => tab.textContent('#problem');

  it('are made under several names, renamed, used and removed; no page has a fault', async () => {
    const owner = await newOwner();
    const { tab } = owner;
    await reaches(tab, 'account-passkeys');
    expect(await tab.textContent('#passkeys')).to.contain('Phone');
    expect(await owner.authenticator.credentials()).to.have.length(1);
    // The same authenticator does not make a second one.
    await tab.click('#passkey');
    await tab.waitForSelector('[data-outcome="known"]:visible');
    const second = await VirtualAuthenticator.of(tab).catch(() => undefined);
    expect(second, 'one internal authenticator a tab').to.equal(undefined);

    await tab.click('#change-0');
    await tab.fill('#name-0', 'Old phone');
    await tab.click('#rename-0');
    await tab.waitForSelector('#done');
    expect(await tab.textContent('#passkeys')).to.contain('Old phone');

    const { tab: other, authenticator, request } = await ownersElsewhere(owner);
    await press(other, authenticator);
    const claims = await claimsAt(other, request);
    expect(claims.sub).to.equal(owner.sub);
    expect(claims.amr).to.include.members(['user', 'mfa']);
    expect(claims.acr).to.equal('phr');

    await tab.reload();
    expect(await tab.getAttribute('#passkeys time >> nth=1', 'datetime')).to.match(/^20\d\d-/);
    await tab.click('#change-0');
    await tab.click('#remove-0');
    await tab.waitForSelector('#done');
    expect(await tab.isVisible('#passkeys')).to.equal(false);
    const subjects = (): (string | undefined)[] =>
      readOutbox(latchkey.dataDir)
        .filter(({ headers }) => headers.get('to')?.includes(owner.email))
        .map(({ headers }) => headers.get('subject'));
    await eventually('mails about both changes', () => subjects().length === 2);
  });

  it('sign in from what the browser fills in by itself, with nothing typed', async () => {
    const { tab, request } = await adasBrowser({ touched: true });
    expect((await claimsAt(tab, request)).sub).to.equal(ada.sub);
  });

  it('are a second step after the password', async () => {
    const { tab, authenticator, request } = await adasBrowser();
    await signInByPassword(tab, ada.email);
    await reaches(tab, 'second-step');
    await press(tab, authenticator);
    const claims = await claimsAt(tab, request);
    expect(claims.amr).to.include.members(['pwd', 'user', 'mfa']);
  });

  it('leave the page as it was when the prompt is cancelled, and can be tried again', async () => {
    const { tab, authenticator, request } = await adasBrowser();
    await authenticator.recognises(false);
    await press(tab, authenticator);
    await tab.waitForSelector('[data-outcome="cancelled"]:visible');
    await reaches(tab, 'login');
    await authenticator.recognises(true);
    await press(tab, authenticator);
    expect((await claimsAt(tab, request)).sub).to.equal(ada.sub);
  });

  it('that the authenticator has forgotten lead nowhere, and the password still does', async () => {
    const { tab, authenticator } = await anotherBrowser([]);
    await press(tab, authenticator);
    await tab.waitForSelector('[data-outcome="cancelled"]:visible');
    await signInByPassword(tab, ada.email);
    await reaches(tab, 'second-step');
  });

  it('that were removed here are refused by name, and the authenticator hears of it', async () => {
    const owner = await newOwner();
    const elsewhereToo = await ownersElsewhere(owner);
    await owner.tab.click('#change-0');
    await owner.tab.click('#remove-0');
    await owner.tab.waitForSelector('#done');
    await eventually(
      'forgotten where it was made',
      async () => (await owner.authenticator.credentials()).length === 0,
    );
    const { tab, authenticator } = elsewhereToo;
    await press(tab, authenticator);
    // The page before is a login page as well.
    await tab.waitForSelector('#problem');
    await reaches(tab, 'login');
    expect(await problemOn(tab)).to.contain('not known here any more');
    await eventually('forgotten elsewhere', async () => (await authenticator.credentials()).length === 0);
  });

  it('do not answer for another origin on this host', async () => {
    const { tab } = await adasBrowser();
    const options = await tab.evaluate(`(async () => {
      const form = document.querySelector('form[data-passkey]');
      const body = new URLSearchParams({ csrf: form.elements.csrf.value });
      return (await fetch(form.dataset.options, { method: 'POST', body })).json();
    })()`);
    const evil = await tab.context().newPage();
    const authenticator = await VirtualAuthenticator.of(evil);
    await authenticator.add(ada.credential);
    await evil.goto(`${origin}/`);
    const credential = await evil.evaluate<string>(`(async () => {
      const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(${JSON.stringify(options)});
      return JSON.stringify((await navigator.credentials.get({ publicKey })).toJSON());
    })()`);
    expect(Buffer.from(JSON.parse(credential).response.clientDataJSON, 'base64url').toString()).to.contain(
      `"origin":"${origin}"`,
    );
    await tab.evaluate(`{
      const form = document.querySelector('form[data-passkey]');
      form.elements.credential.value = ${JSON.stringify(credential)};
      form.submit();
    }`);
    await tab.waitForSelector('#problem');
    expect(await problemOn(tab)).to.contain('could not be signed in');
  });

  it('do not answer one challenge twice', async () => {
    const { tab, authenticator } = await adasBrowser();
    const statuses: number[] = [];
    await tab.route('**/passkey?**', async (route) => {
      const first = await route.fetch({ maxRedirects: 0 });
      statuses.push(first.status());
      await route.continue();
    });
    await press(tab, authenticator);
    await tab.waitForSelector('#problem');
    expect(statuses).to.deep.equal([303]);
    expect(await problemOn(tab)).to.contain('took too long');
  });

  it('are refused when the authenticator did not check who it is', async () => {
    const { tab, authenticator } = await adasBrowser();
    await tab.route('**/passkey-options?**', async (route) => {
      const response = await route.fetch();
      await route.fulfill({
        response,
        json: { ...(await response.json()), userVerification: 'discouraged' },
      });
    });
    await authenticator.recognises(false);
    await press(tab, authenticator);
    await tab.waitForSelector('#problem');
    expect(await problemOn(tab)).to.contain('did not check that it is you');
  });

  it('work in two tabs of one browser at once', async () => {
    const { tab, authenticator, request } = await adasBrowser();
    const second = watched(await tab.context().newPage());
    const other = await VirtualAuthenticator.of(second);
    await other.isTouched(false);
    const again = app.authorizationRequest({ claims: CLAIMS });
    await second.goto(again.url.href);
    await press(tab, authenticator);
    expect((await claimsAt(tab, request)).sub).to.equal(ada.sub);
    for (const credential of await authenticator.credentials()) await other.add(credential);
    await press(second, other);
    expect((await claimsAt(second, again)).sub).to.equal(ada.sub);
  });

  it('are not made in vain by a tab that is out of date', async () => {
    const owner = await newOwner();
    const late = watched(await owner.tab.context().newPage());
    const authenticator = await VirtualAuthenticator.of(late);
    await late.goto(`${latchkey.issuer}/account/passkeys`);
    await reaches(late, 'account-passkeys');
    // The session is another one now.
    await owner.tab.click('#change-0');
    await owner.tab.click('#remove-0');
    await owner.tab.waitForSelector('#done');
    await Promise.all([late.waitForNavigation(), late.click('#passkey')]);
    await reaches(late, 'account-passkeys');
    expect(await authenticator.credentials()).to.have.length(0);
    await addPasskey(late, 'Key');
    expect(await authenticator.credentials()).to.have.length(1);
  });

  it('of which there may be a copy are refused, and the owner hears of it', async () => {
    const owner = await newOwner();
    const copies = await owner.authenticator.credentials();
    for (let round = 0; round < 2; round += 1) {
      const { tab, authenticator, request } = await ownersElsewhere(owner);
      await press(tab, authenticator);
      await claimsAt(tab, request);
      const [used] = await authenticator.credentials();
      if (used === undefined) throw new Error('the passkey is there');
      await owner.authenticator.forget(used.credentialId);
      await owner.authenticator.add(used);
    }
    const { tab, authenticator } = await anotherBrowser(copies);
    await press(tab, authenticator);
    await tab.waitForSelector('#problem');
    expect(await problemOn(tab)).to.contain('may be a copy');
    await eventually('a mail about it', () =>
      readOutbox(latchkey.dataDir).some(
        ({ headers }) => headers.get('to')?.includes(owner.email) && headers.get('subject')?.includes('copy'),
      ),
    );
    await owner.tab.reload();
    await reaches(owner.tab, 'account-passkeys');
    expect(await owner.tab.textContent('#passkeys')).to.contain('may be a copy');
  });

  it('of somebody who is disabled do not sign in, and the page does not tell why', async () => {
    const owner = await newOwner();
    const { tab, authenticator } = await ownersElsewhere(owner);
    await latchkey.json(['users', 'disable', owner.email]);
    await press(tab, authenticator);
    await tab.waitForSelector('#problem');
    expect(await problemOn(tab)).to.contain('could not be signed in');
  });

  it('are not offered without JavaScript; those that there are can be renamed and removed all the same', async () => {
    const owner = await newOwner();
    const state = await owner.tab.context().storageState();
    const tab = await newTab({ javaScriptEnabled: false, storageState: state, locale: 'de-DE' });
    await tab.goto(`${latchkey.issuer}/account/passkeys`);
    expect(await tab.isVisible('#passkey')).to.equal(false);
    await tab.click('#change-0');
    await tab.fill('#name-0', 'Telefon');
    await tab.click('#rename-0');
    await tab.waitForSelector('#done');
    expect(await tab.textContent('#passkeys')).to.contain('Telefon');
    await tab.click('#change-0');
    await tab.click('#remove-0');
    await tab.waitForSelector('#passkeys', { state: 'detached' });
    const fresh = await newTab({ javaScriptEnabled: false });
    await fresh.goto(app.authorizationRequest().url.href);
    expect(await fresh.isVisible('#passkey')).to.equal(false);
    await signInByPassword(fresh, owner.email);
    await fresh.waitForSelector('body[data-page="consent"]');
  });

  it('are asked for alike, whatever name is typed: the page tells nothing of anybody', async () => {
    const nobody = await newPerson();
    const asked: string[] = [];
    for (const email of [ada.email, nobody.email, 'unknown@example.com']) {
      const tab = await newTab();
      const url = app.authorizationRequest({ login_hint: email }).url.href;
      const options = tab.waitForResponse((response) => response.url().includes('/passkey-options'));
      await tab.goto(url);
      const { challenge, ...rest } = await (await options).json();
      expect(challenge).to.match(/^[\w-]{94}$/);
      asked.push(JSON.stringify(rest));
    }
    expect(new Set(asked).size).to.equal(1);
  });
});
