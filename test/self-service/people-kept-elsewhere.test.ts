import { expect } from 'chai';
import { type RunningUserBase, startUserBase } from '../accounts/user-base.ts';
import { answerWith, makePasskey } from '../authentication/passkey-forms.ts';
import { Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, post } from '../interactions/page-forms.ts';
import { signedInBrowser } from './own-account.ts';

const TOKEN = 'token-of-the-user-base-0123456789';
const PERSON = { login: 'ann@example.com', password: 'the employee’s own secret' };

describe('the account page of people who are kept elsewhere', function () {
  this.timeout(60_000);
  let base: RunningUserBase;
  let latchkey: LatchkeyProcess;
  let browser: FormBrowser;

  before(async () => {
    base = await startUserBase(TOKEN);
    base.add({ ...PERSON, claims: { name: 'Ann', email: PERSON.login, email_verified: true } });
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_ACCOUNTS_ADAPTER: 'http',
      LATCHKEY_ACCOUNTS_HTTP_URL: base.url,
      LATCHKEY_ACCOUNTS_HTTP_TOKEN: TOKEN,
    });
    browser = await signedInBrowser(latchkey, PERSON);
  });
  after(async () => {
    await latchkey.stop();
    await base.close();
  });

  it('shows what is known, and offers no change that cannot be made here', async () => {
    const profile = await browser.visit('/account/profile');
    expect(profile).to.include({ status: 200, pageName: 'account-profile' });
    expect(profile.page).to.contain('Ann').and.not.contain('id="submit"');
    const data = await browser.visit('/account/data');
    expect(data.page).not.to.contain('id="delete"');
    // Another session, which can be ended: its form has what every form here has.
    await signedInBrowser(latchkey, PERSON);
    const { csrf } = formOf(await browser.visit('/account/sessions'), 'end-others');
    for (const path of ['password', 'email', 'delete']) {
      expect((await browser.visit(`/account/${path}`)).status, path).to.equal(404);
      expect((await post(browser, `/account/${path}`, { csrf })).status, path).to.equal(404);
    }
    const change = await post(browser, '/account/profile', { csrf, name: 'Eve' });
    expect(change.status).to.equal(422);
  });

  it('has sessions, applications, activity and the export like anybody’s', async () => {
    for (const page of ['sessions', 'applications', 'activity', 'data/export']) {
      expect((await browser.visit(`/account/${page}`)).status, page).to.equal(200);
    }
  });

  it('make the passkey that a sign-in demands, as anybody does', async () => {
    const vault = await Application.register(latchkey, { required_acr: 'phr' });
    const fresh = new FormBrowser(latchkey.issuer);
    const { landing } = await vault.authorize(fresh, {}, PERSON);
    expect(landing.pageName).to.equal('set-up-passkey');
    const made = await makePasskey(fresh, landing);
    const asked = await fresh.submit(made.landing, 'submit');
    const done = await answerWith(fresh, asked, made.authenticator);
    expect(done.pageName, done.page).to.equal('consent');
  });
});
