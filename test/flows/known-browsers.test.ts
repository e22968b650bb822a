import { expect } from 'chai';
import { formOf, post } from '../interactions/page-forms.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { STORES, type Store } from './stores.ts';

const COOKIE = 'latchkey-known';
const WRONG = 'a password of nobody';
/** Wrong passwords for one account at one address, and of one known browser. */
const ALLOWED = 3;

for (const [name, open] of Object.entries(STORES)) {
  describe(`a browser that somebody has signed in with, in ${name}`, function () {
    this.timeout(120_000);
    let store: Store;
    let latchkey: LatchkeyProcess;
    let app: Application;
    let count = 0;

    before(async () => {
      store = await open();
      latchkey = await LatchkeyProcess.start({
        ...store.environment,
        LATCHKEY_WORKERS: '2',
        LATCHKEY_TRUSTED_PROXIES: 'loopback',
        LATCHKEY_THROTTLING_LOGIN_PER_ACCOUNT: String(ALLOWED),
        LATCHKEY_SECOND_FACTOR_GROUPS: 'staff',
      });
      app = await Application.register(latchkey);
    });
    after(async () => {
      await latchkey?.stop();
      await store?.remove();
    });

    /** Somebody of this test alone, and an address that is. */
    async function somebody() {
      count += 1;
      const person = { login: `person${count}@example.com`, password: ADA.password };
      const { sub } = await latchkey.createPerson(person.login, person.password);
      return { ...person, sub, address: `203.0.${count}.7` };
    }

    const browserAt = (address: string) => new FormBrowser(latchkey.issuer, { 'X-Forwarded-For': address });
    const tokenIn = (browser: FormBrowser) => browser.cookies.get(`${COOKIE}|/`)?.value;
    const signIn = (browser: FormBrowser, person: { login: string; password: string }) =>
      app.signIn(browser, { prompt: 'login' }, person);

    /** A browser elsewhere, with the same cookie. */
    function thiefOf(browser: FormBrowser, address: string): FormBrowser {
      const thief = browserAt(address);
      (thief.cookies as Map<string, unknown>).set(`${COOKIE}|/`, { value: tokenIn(browser), path: '/' });
      return thief;
    }

    const loginPage = (browser: FormBrowser): Promise<Landing> =>
      browser.visit(app.authorizationRequest({ prompt: 'login' }).url);

    /** So many wrong passwords, all at once; the statuses of the answers, sorted. */
    async function guess(browser: FormBrowser, login: string, times: number): Promise<number[]> {
      const { action, csrf } = formOf(await loginPage(browser), 'submit');
      const statuses = await Promise.all(
        Array.from({ length: times }, async () => {
          const response = await post(browser, action, { login, password: WRONG, csrf });
          await response.body?.cancel();
          return response.status;
        }),
      );
      return statuses.sort();
    }

    const refused = (times: number, judged: number) =>
      [...Array(judged).fill(422), ...Array(times - judged).fill(429)] as number[];

    it('gets a cookie for itself alone, that no script reads, of which nobody can tell whose it is', async () => {
      const person = await somebody();
      const browser = browserAt(person.address);
      const { action, csrf } = formOf(await loginPage(browser), 'submit');
      const response = await post(browser, action, { ...person, csrf });
      const lines = response.headers.getSetCookie().filter((line) => line.startsWith(COOKIE));
      expect(lines).to.have.length(1);
      expect(lines[0]).to.match(
        /^latchkey-known=[\w-]{43}; path=\/; expires=[^;]+; samesite=lax; httponly$/i,
      );
      const again = await signIn(browser, person);
      expect(again.access_token).to.be.a('string');
      expect(tokenIn(browser), 'the same that day').to.equal(
        lines[0]?.slice(COOKIE.length + 1, COOKIE.length + 44),
      );
    });

    it('is not made to wait by whoever exhausts the account at its very address', async () => {
      const person = await somebody();
      const browser = browserAt(person.address);
      await signIn(browser, person);
      const stranger = browserAt(person.address);
      expect(await guess(stranger, person.login, 12)).to.deep.equal(refused(12, ALLOWED));
      const newBrowser = await browserAt(person.address).authorize(app.authorizationRequest().url, person);
      expect(newBrowser, 'any other browser there').to.include({ status: 429, pageName: 'login' });
      await signIn(browser, person);
      // A slip of the owner's counts for their own browser alone, until they get in.
      expect(await guess(browser, person.login, 1)).to.deep.equal([422]);
      await signIn(browser, person);
    });

    it('helps nobody at another account', async () => {
      const [person, victim] = [await somebody(), await somebody()];
      const browser = browserAt(person.address);
      await signIn(browser, person);
      await guess(browserAt(person.address), victim.login, ALLOWED);
      expect(await guess(browser, victim.login, 4)).to.deep.equal(refused(4, 0));
    });

    it('gives a thief of its cookie a few guesses, all processes together, and is like any other then', async () => {
      const person = await somebody();
      const browser = browserAt(person.address);
      await signIn(browser, person);
      const elsewhere = `198.51.${count}.7`;
      await guess(browserAt(elsewhere), person.login, ALLOWED);
      expect(await guess(thiefOf(browser, elsewhere), person.login, 30)).to.deep.equal(refused(30, ALLOWED));
      expect(await guess(thiefOf(browser, elsewhere), person.login, 5), 'and no more').to.deep.equal(
        refused(5, 0),
      );
      await guess(browserAt(person.address), person.login, ALLOWED);
      expect(await guess(browser, person.login, 3), 'nor in the owner’s browser').to.deep.equal(
        refused(3, 0),
      );
      const quiet = browserAt(`192.0.2.${count}`);
      await signIn(quiet, person);
    });

    it('is unknown once the password is another', async () => {
      const person = await somebody();
      const browser = browserAt(person.address);
      await signIn(browser, person);
      const changed = await latchkey.command(
        ['users', 'set-password', person.login, '--password-stdin'],
        'seven quiet otters',
      );
      expect(changed.code, changed.stderr).to.equal(0);
      await guess(browserAt(person.address), person.login, ALLOWED);
      expect(await guess(browser, person.login, 2)).to.deep.equal(refused(2, 0));
    });

    it('is unknown when the person signs out everywhere else, but for the one that they do it with', async () => {
      const person = await somebody();
      const [here, there] = [browserAt(person.address), browserAt(person.address)];
      await signIn(there, person);
      await signIn(here, person);
      const sessions = await here.authorize('/account/sessions', person);
      expect(await here.submit(sessions, 'end-others')).to.include({ status: 200 });
      await guess(browserAt(person.address), person.login, ALLOWED);
      expect(await guess(there, person.login, 2)).to.deep.equal(refused(2, 0));
      await signIn(here, person);
    });

    it('is not known for half a sign-in', async () => {
      const person = await somebody();
      await latchkey.json(['users', 'update', person.sub, '--claim', 'groups:=["staff"]']);
      const browser = browserAt(person.address);
      const landing = await browser.authorize(app.authorizationRequest().url, person);
      expect(landing.pageName).to.equal('set-up-two-step');
      expect(tokenIn(browser)).to.equal(undefined);
    });
  });
}
