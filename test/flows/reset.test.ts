import { expect } from 'chai';
import { type RunningUserBase, startUserBase } from '../accounts/user-base.ts';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { linkIn, type ReadMail, readOutbox } from '../mail/read-mail.ts';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const NEW_PASSWORD = 'seven quiet otters';

describe('a forgotten password', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let browser: FormBrowser;
  let count = 0;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_THROTTLING_MAIL_PER_ADDRESS: '1000',
      LATCHKEY_THROTTLING_LOGIN_PER_ADDRESS: '1000',
    });
    app = await Application.register(latchkey, { initiate_login_uri: 'https://notes.example/login' });
  });
  after(() => latchkey.stop());
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });

  /** Somebody of this test alone. */
  async function somebody() {
    count += 1;
    const person = { login: `person${count}@example.com`, password: ADA.password };
    const { sub } = await latchkey.createPerson(person.login, person.password);
    return { ...person, sub };
  }

  const mailsTo = (address: string): ReadMail[] =>
    readOutbox(latchkey.dataDir).filter(({ headers }) => headers.get('to') === address);

  async function mailTo(address: string, subject: string): Promise<ReadMail> {
    const find = () => mailsTo(address).find(({ headers }) => headers.get('subject') === subject);
    await eventually(`a mail “${subject}” to ${address}`, () => find() !== undefined);
    return find() as ReadMail;
  }

  async function ask(login: string, asking = browser): Promise<Landing> {
    const { url } = app.authorizationRequest();
    const page = await asking.visit(url);
    const reset = await asking.visit(new URL(hrefOf(page, 'forgotten'), latchkey.issuer));
    expect(reset).to.include({ status: 200, pageName: 'reset' });
    return asking.submit(reset, 'submit', { login });
  }

  async function linkFor(person: { login: string }): Promise<URL> {
    expect(await ask(person.login)).to.include({ status: 200, pageName: 'mail-sent' });
    return linkIn(await mailTo(person.login, 'Choose a new password'));
  }

  const signsInWith = async (login: string, password: string): Promise<boolean> =>
    (await app.authorize(new FormBrowser(latchkey.issuer), {}, { login, password })).code !== '';

  it('is replaced through the link of a mail, and the person ends at the application that asked', async () => {
    const person = await somebody();
    const elsewhere = await app.signIn(
      undefined,
      { scope: 'openid offline_access', prompt: 'consent' },
      person,
    );
    const link = await linkFor(person);
    expect(link.origin).to.equal(latchkey.issuer);
    const page = await browser.visit(link);
    expect(page).to.include({ status: 200, pageName: 'choose-password' });
    const changed = await browser.submit(page, 'submit', { password: NEW_PASSWORD });
    expect(changed).to.include({ status: 200, pageName: 'login' });
    expect(changed.page).to.contain('id="password-changed"');
    let landing = await browser.submit(changed, 'submit', { login: person.login, password: NEW_PASSWORD });
    if (landing.pageName === 'consent') landing = await browser.submit(landing, 'approve');
    expect(answerIn(landing)).to.include({ state: 'a-state' }).and.to.have.property('code');

    expect(await signsInWith(person.login, person.password), 'the old password').to.equal(false);
    const refreshed = await app.refresh(elsewhere.refresh_token);
    expect(refreshed.body.error, 'tokens of before').to.equal('invalid_grant');
    await mailTo(person.login, 'Your password was changed');
    const shown = await latchkey.json<{ claims: Record<string, unknown> }>(['users', 'show', person.sub]);
    expect(shown.claims.email_verified, 'the mailbox was proved').to.equal(true);
  });

  it('ends the sessions of other browsers', async () => {
    const person = await somebody();
    const other = new FormBrowser(latchkey.issuer);
    await app.signIn(other, {}, person);
    const page = await browser.visit(await linkFor(person));
    await browser.submit(page, 'submit', { password: NEW_PASSWORD });
    const silent = await other.visit(app.authorizationRequest({ prompt: 'none' }).url);
    expect(answerIn(silent).error).to.equal('login_required');
  });

  it('is among what the person is told of lately', async () => {
    const person = await somebody();
    await browser.submit(await browser.visit(await linkFor(person)), 'submit', { password: NEW_PASSWORD });
    await eventually('it is told', async () => {
      const told = await browser.authorize('/account/activity', { ...person, password: NEW_PASSWORD });
      return told.page.includes('Password changed');
    });
  });

  it('of somebody who is asked to prove it again: their own session ends too, and the page says where to go on', async () => {
    const person = await somebody();
    await app.signIn(browser, {}, person);
    const login = await browser.visit(app.authorizationRequest({ prompt: 'login' }).url);
    const reset = await browser.visit(new URL(hrefOf(login, 'forgotten'), latchkey.issuer));
    await browser.submit(reset, 'submit', { login: person.login });
    const link = linkIn(await mailTo(person.login, 'Choose a new password'));
    const done = await browser.submit(await browser.visit(link), 'submit', { password: NEW_PASSWORD });
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    expect(done.page).to.contain('https://notes.example/login?iss=');
    await app.signIn(browser, {}, { ...person, password: NEW_PASSWORD });
  });

  it('in another browser: the page says that it is done, and where to go on; nobody is signed in', async () => {
    const person = await somebody();
    const link = await linkFor(person);
    const other = new FormBrowser(latchkey.issuer);
    const done = await other.submit(await other.visit(link), 'submit', { password: NEW_PASSWORD });
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    expect(done.page).to.contain('https://notes.example/login?iss=');
    const silent = await other.visit(app.authorizationRequest({ prompt: 'none' }).url);
    expect(answerIn(silent).error).to.equal('login_required');
  });

  it('looking at the link changes nothing, however often: scanners of mail do', async () => {
    const person = await somebody();
    const link = await linkFor(person);
    for (const method of ['GET', 'HEAD', 'GET']) {
      expect((await fetch(link, { method, headers: { accept: 'text/html' } })).status).to.equal(200);
    }
    expect(await signsInWith(person.login, person.password)).to.equal(true);
    expect((await browser.visit(link)).pageName).to.equal('choose-password');
  });

  it('a link works once: not again, not after the last page, not by the Back button', async () => {
    const person = await somebody();
    const link = await linkFor(person);
    const page = await browser.visit(link);
    await browser.submit(page, 'submit', { password: NEW_PASSWORD });
    const again = await browser.submit(page, 'submit', { password: 'another good password' });
    expect(again).to.include({ status: 410, pageName: 'link-result' });
    expect(await browser.visit(link)).to.include({ status: 410, pageName: 'link-result' });
    expect(await signsInWith(person.login, NEW_PASSWORD)).to.equal(true);
  });

  it('a form that is sent twice says twice that the password was changed', async () => {
    const person = await somebody();
    const page = await browser.visit(await linkFor(person));
    const { action, csrf } = formOf(page, 'submit');
    const link = page.url.searchParams.get('link') ?? '';
    const send = (asking = browser) => post(asking, action, { csrf, link, password: NEW_PASSWORD });
    const places = (await Promise.all([send(), send()])).map(({ headers }) => headers.get('location'));
    for (const place of places) {
      const end = await browser.visit(String(place));
      expect(end.status, end.page).to.equal(200);
      expect(end.pageName === 'link-result' || end.pageName === 'login', end.pageName).to.equal(true);
    }
    expect((await send()).status, 'later').to.equal(303);
    const stranger = new FormBrowser(latchkey.issuer);
    await stranger.visit(page.url);
    expect((await send(stranger)).status, 'no other browser learns the password by it').to.equal(410);
    expect(await signsInWith(person.login, NEW_PASSWORD)).to.equal(true);
  });

  it('of twenty attempts at once, one chooses the password', async () => {
    const person = await somebody();
    const page = await browser.visit(await linkFor(person));
    const { action, csrf } = formOf(page, 'submit');
    const link = page.url.searchParams.get('link') ?? '';
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        post(browser, action, { csrf, link, password: `the password of attempt ${index}` }),
      ),
    );
    const winners = responses.flatMap(({ status }, index) => (status === 303 ? [index] : []));
    expect(responses.map(({ status }) => status).filter((status) => ![303, 410, 503].includes(status))).to.be
      .empty;
    expect(winners).to.have.length(1);
    expect(await signsInWith(person.login, `the password of attempt ${winners[0]}`)).to.equal(true);
  });

  it('a link that was overtaken by another change of the password is worth nothing', async () => {
    const person = await somebody();
    const link = await linkFor(person);
    await latchkey.json(['users', 'set-password', person.sub, '--password-stdin'], 'set by the operator');
    const page = await browser.visit(link);
    const refused = await browser.submit(page, 'submit', { password: NEW_PASSWORD });
    expect(refused).to.include({ status: 410, pageName: 'link-result' });
    expect(await signsInWith(person.login, 'set by the operator')).to.equal(true);
  });

  it('using one link ends the others that were sent', async () => {
    const person = await somebody();
    const first = await linkFor(person);
    await ask(person.login);
    await eventually('a second mail', () => mailsTo(person.login).length === 2);
    const second = mailsTo(person.login)
      .map(linkIn)
      .find(({ href }) => href !== first.href) as URL;
    await browser.submit(await browser.visit(first), 'submit', { password: NEW_PASSWORD });
    expect((await browser.visit(second)).status).to.equal(410);
  });

  it('a bad password is told in words, and the link stays good', async () => {
    const person = await somebody();
    let page = await browser.visit(await linkFor(person));
    for (const [password, words] of [
      ['short', 'too short'],
      ['password', 'most used ones'],
      [person.login, 'must not be your username'],
    ] as const) {
      page = await browser.submit(page, 'submit', { password });
      expect(page).to.include({ status: 422, pageName: 'choose-password' });
      expect(page.page).to.contain(words).and.not.to.contain(`value="${password}" autocomplete="new`);
    }
    expect((await browser.submit(page, 'submit', { password: NEW_PASSWORD })).pageName).to.equal('login');
  });

  it('the form needs its token, and comes from this site', async () => {
    const person = await somebody();
    const page = await browser.visit(await linkFor(person));
    const { action, csrf } = formOf(page, 'submit');
    const link = page.url.searchParams.get('link') ?? '';
    const fields = { link, password: NEW_PASSWORD };
    for (const [csrfGiven, headers] of [
      ['', {}],
      [`${csrf}x`, {}],
      [csrf, { Origin: 'https://evil.example' }],
      [csrf, { 'Sec-Fetch-Site': 'cross-site' }],
    ] as const) {
      expect((await post(browser, action, { ...fields, csrf: csrfGiven }, headers)).status).to.equal(403);
    }
    expect(await signsInWith(person.login, person.password)).to.equal(true);
  });

  it('answers alike for whom there is not, is disabled, or has no address; and no mail is sent', async () => {
    const person = await somebody();
    const disabled = await somebody();
    await latchkey.json(['users', 'disable', disabled.sub]);
    await latchkey.json(['users', 'create', '--login', 'nomail', '--password-stdin'], ADA.password);
    const pageOf = async (login: string): Promise<string> => {
      const landing = await ask(login, new FormBrowser(latchkey.issuer));
      expect(landing, login).to.include({ status: 200, pageName: 'mail-sent' });
      return landing.page.replaceAll(landing.url.pathname.split('/')[2] ?? '', '…');
    };
    const expected = await pageOf(person.login);
    for (const login of [disabled.login, 'nomail', 'nobody@example.com', 'a\r\nBcc: x@example.com', '\0']) {
      expect(await pageOf(login), JSON.stringify(login)).to.equal(expected);
    }
    await mailTo(person.login, 'Choose a new password');
    expect(mailsTo(disabled.login)).to.be.empty;
    expect(mailsTo('nobody@example.com')).to.be.empty;
  });

  it('another spelling of a login reaches the owner, and nobody else', async () => {
    const person = await somebody();
    await ask(person.login.toUpperCase().replace('P', '\uFF30'));
    await mailTo(person.login, 'Choose a new password');
  });

  it('a person is not flooded: after some mails the page stays the same and none is sent', async () => {
    const person = await somebody();
    for (let round = 0; round < 7; round += 1) {
      expect((await ask(person.login)).pageName).to.equal('mail-sent');
    }
    await eventually('five mails', () => mailsTo(person.login).length >= 5);
    await latchkey.terminate();
    expect(mailsTo(person.login)).to.have.length(5);
    await latchkey.launch();
  });

  it('speaks the person’s language, in page and mail', async () => {
    const person = await somebody();
    const page = await browser.visit(app.authorizationRequest({ ui_locales: 'de' }).url);
    const reset = await browser.visit(new URL(hrefOf(page, 'forgotten'), latchkey.issuer));
    expect(reset.page).to.contain('Passwort vergessen?');
    await browser.submit(reset, 'submit', { login: person.login });
    const mail = await mailTo(person.login, 'Neues Passwort wählen');
    expect(mail.html).to.contain('<html lang="de"');
    expect(mail.text).to.contain('angefordert');
  });

  it('the mail says who sent it, in two parts with the same link, and no secret is in the log', async () => {
    const person = await somebody();
    const link = await linkFor(person);
    const [mail] = mailsTo(person.login) as [ReadMail];
    expect(mail.headers.get('from')).to.equal('Latchkey <no-reply@localhost>');
    expect(mail.headers.get('auto-submitted')).to.equal('auto-generated');
    expect(mail.html).to.contain(link.href);
    await browser.visit(link);
    await browser.submit(await browser.visit(link), 'submit', { password: NEW_PASSWORD });
    expect(latchkey.output).not.to.contain(link.searchParams.get('link'));
    expect(latchkey.output).not.to.contain(person.login);
    expect(latchkey.output).not.to.contain(NEW_PASSWORD);
    const response = await fetch(link, { headers: { accept: 'text/html' } });
    expect(response.headers.get('referrer-policy')).to.equal('no-referrer');
    expect(response.headers.get('cache-control')).to.equal('no-store');
  });

  it('guesses, and links of another kind, are worth nothing', async () => {
    const person = await somebody();
    const secret = (await linkFor(person)).searchParams.get('link') ?? '';
    for (const path of [
      `/reset-password?link=${'A'.repeat(43)}`,
      '/reset-password?link=',
      '/reset-password',
      `/reset-password?link=${secret}&link=${secret}`,
      `/verify-email?link=${secret}`,
      `/register?link=${secret}`,
    ]) {
      expect(await browser.visit(path), path).to.include({ status: 410, pageName: 'link-result' });
    }
    expect((await fetch(new URL('/reset-password', latchkey.issuer), { method: 'DELETE' })).status).to.equal(
      405,
    );
  });

  it('no request failed on our side', () => {
    expect(latchkey.output.split('\n').filter((line) => line.includes('"level":50'))).to.deep.equal([]);
  });
});

describe('a forgotten password of somebody who is kept elsewhere', function () {
  this.timeout(60_000);
  let base: RunningUserBase;
  let latchkey: LatchkeyProcess;

  before(async () => {
    base = await startUserBase('token-of-the-user-base-0123456789');
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_ACCOUNTS_ADAPTER: 'http',
      LATCHKEY_ACCOUNTS_HTTP_URL: base.url,
      LATCHKEY_ACCOUNTS_HTTP_TOKEN: 'token-of-the-user-base-0123456789',
      LATCHKEY_REGISTRATION_MODE: 'open',
    });
  });
  after(async () => {
    await latchkey?.stop();
    await base.close();
  });

  it('is not replaced here: no link, no form, no registration, and the page says whom to ask', async () => {
    const app = await Application.register(latchkey);
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(app.authorizationRequest().url);
    expect(login.page).not.to.contain('id="forgotten"');
    expect(login.page).not.to.contain('id="register"');
    const reset = await browser.visit(`${login.url.pathname}/reset${login.url.search}`);
    expect(reset).to.include({ status: 200, pageName: 'reset' });
    expect(reset.page).to.contain('kept by your organisation').and.not.to.contain('name="login"');
    expect(reset.page, 'nothing to send but the language').not.to.match(/<form[^>]*action="[^"]*reset/);
    const { csrf } = formOf(login, 'submit');
    const asked = await post(browser, `${login.url.pathname}/reset${login.url.search}`, {
      csrf,
      login: 'ada',
    });
    expect(asked.status).to.equal(422);
    expect((await browser.visit(`${login.url.pathname}/register${login.url.search}`)).status).to.equal(404);
    expect(readOutbox(latchkey.dataDir)).to.be.empty;
    const { code } = await latchkey.command(['users', 'invite', 'a@example.com']);
    expect(code).to.equal(1);
  });
});
