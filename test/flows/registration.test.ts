import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { formOf, hrefOf, post } from '../interactions/page-forms.ts';
import { linkIn, type ReadMail, readOutbox } from '../mail/read-mail.ts';
import { signedInBrowser } from '../self-service/own-account.ts';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const PASSWORD = 'seven quiet otters';

describe('registration', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let browser: FormBrowser;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_REGISTRATION_MODE: 'open',
      LATCHKEY_REGISTRATION_ALLOWED_DOMAINS: 'example.com,bücher.example',
      LATCHKEY_THROTTLING_MAIL_PER_ADDRESS: '1000',
    });
    app = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(() => latchkey.stop());
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });

  const mailsTo = (address: string): ReadMail[] =>
    readOutbox(latchkey.dataDir).filter(({ headers }) => headers.get('to') === address);

  async function mailTo(address: string, subject: string): Promise<ReadMail> {
    const find = () => mailsTo(address).find(({ headers }) => headers.get('subject') === subject);
    await eventually(`a mail “${subject}” to ${address}`, () => find() !== undefined);
    return find() as ReadMail;
  }

  async function begin(asking = browser): Promise<{ page: Landing; verifier: string }> {
    const { url, verifier } = app.authorizationRequest({ scope: 'openid email profile' });
    const login = await asking.visit(url);
    const page = await asking.visit(new URL(hrefOf(login, 'register'), latchkey.issuer));
    expect(page).to.include({ status: 200, pageName: 'register' });
    return { page, verifier };
  }

  async function ask(email: string, asking = browser): Promise<{ landing: Landing; verifier: string }> {
    const { page, verifier } = await begin(asking);
    return { landing: await asking.submit(page, 'submit', { email }), verifier };
  }

  async function linkFor(email: string): Promise<{ link: URL; verifier: string }> {
    const { landing, verifier } = await ask(email);
    expect(landing).to.include({ status: 200, pageName: 'mail-sent' });
    return { link: linkIn(await mailTo(email, 'Confirm your e-mail address')), verifier };
  }

  it('makes an account for a proved address, signs in, and ends at the application that asked', async () => {
    const { link, verifier } = await linkFor('new1@example.com');
    const page = await browser.visit(link);
    expect(page).to.include({ status: 200, pageName: 'complete-registration' });
    let landing = await browser.submit(page, 'submit', { name: 'Nell Fenwick', password: PASSWORD });
    expect(landing.pageName).to.equal('consent');
    landing = await browser.submit(landing, 'approve');
    const { status, body } = await app.redeem({ code: answerIn(landing).code ?? '', verifier });
    expect(status).to.equal(200);
    expect((await app.userinfo(body.access_token)).body).to.include({
      sub: decodeJwt(body.id_token).sub,
      name: 'Nell Fenwick',
      email: 'new1@example.com',
      email_verified: true,
    });
    await app.signIn(undefined, {}, { login: 'NEW1@example.com', password: PASSWORD });
  });

  it('in another browser: the account is made, nobody is signed in, the page says where to go on', async () => {
    const { link } = await linkFor('new2@example.com');
    const other = new FormBrowser(latchkey.issuer);
    const page = await other.visit(link);
    expect(page).to.include({ status: 200, pageName: 'complete-registration' });
    const done = await other.submit(page, 'submit', { password: PASSWORD });
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    expect(done.page).to.contain('Notes');
    const silent = await other.visit(app.authorizationRequest({ prompt: 'none' }).url);
    expect(answerIn(silent).error).to.equal('login_required');
    await app.signIn(browser, {}, { login: 'new2@example.com', password: PASSWORD });
  });

  it('an address that has an account: the same page, and a mail to its owner without a link', async () => {
    const pageOf = async (email: string): Promise<string> => {
      const { landing } = await ask(email, new FormBrowser(latchkey.issuer));
      expect(landing).to.include({ status: 200, pageName: 'mail-sent' });
      return landing.page.replaceAll(landing.url.pathname.split('/')[2] ?? '', '…');
    };
    expect(await pageOf(ADA.login)).to.equal(await pageOf('new3@example.com'));
    const mail = await mailTo(ADA.login, 'You already have an account');
    expect(() => linkIn(mail)).to.throw('no link');
    expect(await pageOf(ADA.login.toUpperCase())).to.be.a('string');
    await eventually('a second mail to the owner', () => mailsTo(ADA.login).length === 2);
  });

  it('a form that is sent twice leads to one place: into the application, or where it is said that there is an account', async () => {
    const twice = async (asking: FormBrowser, page: Landing) => {
      const { action, csrf } = formOf(page, 'submit');
      const link = /name="link" value="([^"]+)"/.exec(page.page)?.[1] ?? '';
      const send = () => post(asking, action, { csrf, link, name: 'Nell', password: PASSWORD });
      const answers = [...(await Promise.all([send(), send()])), await send()];
      const places = answers.map(({ status, headers }) => `${status} ${headers.get('location')}`);
      expect(new Set(places), places.join()).to.have.property('size', 1);
      return String(answers[0]?.headers.get('location'));
    };
    const { link, verifier } = await linkFor('twice1@example.com');
    const there = await twice(browser, await browser.visit(link));
    const consent = await browser.visit(there);
    const { code = '' } = answerIn(await browser.submit(consent, 'approve'));
    expect((await app.redeem({ code, verifier })).status).to.equal(200);

    browser = new FormBrowser(latchkey.issuer);
    const { link: elsewhere } = await linkFor('twice2@example.com');
    const other = new FormBrowser(latchkey.issuer);
    const page = await other.visit(elsewhere);
    const done = await other.visit(await twice(other, page));
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    // What was typed differently was not what the account was made with.
    expect(
      await other.submit(page, 'submit', { name: 'Nell', password: 'another good password' }),
    ).to.include({
      status: 410,
    });
    await app.signIn(other, {}, { login: 'twice2@example.com', password: PASSWORD });
  });

  it('of many that follow a link at once, one makes the account', async () => {
    const { link } = await linkFor('new4@example.com');
    const other = new FormBrowser(latchkey.issuer);
    const page = await other.visit(link);
    const { action, csrf } = formOf(page, 'submit');
    const secret = link.searchParams.get('link') ?? '';
    const responses = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        post(other, action, { csrf, link: secret, password: `the password of attempt ${index}` }),
      ),
    );
    const winners = responses.flatMap(({ status }, index) => (status === 303 ? [index] : []));
    expect(winners).to.have.length(1);
    for (const { status } of responses) expect(status).to.be.oneOf([303, 409, 410, 503]);
    await app.signIn(
      browser,
      {},
      { login: 'new4@example.com', password: `the password of attempt ${winners[0]}` },
    );
  });

  it('two links for one address make one account, and the second owner of the link is told', async () => {
    const { link: first } = await linkFor('new5@example.com');
    await ask('new5@example.com');
    await eventually('a second mail', () => mailsTo('new5@example.com').length === 2);
    const second = mailsTo('new5@example.com')
      .map(linkIn)
      .find(({ href }) => href !== first.href) as URL;
    const one = new FormBrowser(latchkey.issuer);
    const two = new FormBrowser(latchkey.issuer);
    const [onePage, twoPage] = [await one.visit(first), await two.visit(second)];
    expect((await one.submit(onePage, 'submit', { password: PASSWORD })).status).to.equal(200);
    const refused = await two.submit(twoPage, 'submit', { password: 'a password of a stranger' });
    expect(refused).to.include({ status: 409, pageName: 'link-result' });
    await app.signIn(browser, {}, { login: 'new5@example.com', password: PASSWORD });
  });

  it('looking at the link makes nothing, and a bad password or name leaves it good', async () => {
    const { link } = await linkFor('new6@example.com');
    for (let round = 0; round < 3; round += 1) await fetch(link, { headers: { accept: 'text/html' } });
    expect((await latchkey.command(['users', 'show', 'new6@example.com'])).code).not.to.equal(0);
    let page = await browser.visit(link);
    page = await browser.submit(page, 'submit', { password: 'short' });
    expect(page).to.include({ status: 422, pageName: 'complete-registration' });
    page = await browser.submit(page, 'submit', { password: PASSWORD, name: 'x'.repeat(300) });
    expect(page).to.include({ status: 422, pageName: 'complete-registration' });
    expect((await browser.submit(page, 'submit', { password: PASSWORD, name: '' })).pageName).to.equal(
      'consent',
    );
  });

  it('only addresses of the allowed domains, and nothing that could be several', async () => {
    const { page } = await begin();
    for (const [email, words] of [
      ['x@elsewhere.example', 'organisations named below'],
      ['x@sub.example.com', 'organisations named below'],
      ['x@example.com.evil.example', 'organisations named below'],
      ['no address', 'check what you typed'],
      ['', 'check what you typed'],
      ['a@example.com, b@example.com', 'check what you typed'],
      ['a@example.com\r\nBcc: b@example.com', 'check what you typed'],
      ['"a b"@example.com', 'check what you typed'],
      ['<a@example.com>', 'check what you typed'],
      ['a\u200Bb@example.com', 'check what you typed'],
    ] as const) {
      const refused = await browser.submit(page, 'submit', { email });
      expect(refused, JSON.stringify(email)).to.include({ status: 422, pageName: 'register' });
      expect(refused.page, JSON.stringify(email)).to.contain(words);
    }
    const { landing } = await ask('leser@Bücher.example');
    expect(landing.pageName).to.equal('mail-sent');
    await mailTo('leser@xn--bcher-kva.example', 'Confirm your e-mail address');
  });

  it('prompt=create opens it at once, is advertised, and lets somebody sign in who has an account', async () => {
    const discovery = (await (
      await fetch(new URL('/.well-known/openid-configuration', latchkey.issuer))
    ).json()) as Record<string, unknown>;
    expect(discovery.prompt_values_supported).to.include('create');
    const { url, verifier } = app.authorizationRequest({ prompt: 'create', login_hint: 'new7@example.com' });
    const page = await browser.visit(url);
    expect(page.pageName).to.equal('register');
    expect(page.page).to.contain('value="new7@example.com"');
    const login = await browser.visit(new URL(hrefOf(page, 'sign-in'), latchkey.issuer));
    expect(login.pageName).to.equal('login');
    let landing = await browser.submit(login, 'submit', { ...ADA });
    if (landing.pageName === 'consent') landing = await browser.submit(landing, 'approve');
    expect((await app.redeem({ code: answerIn(landing).code ?? '', verifier })).status).to.equal(200);
  });

  it('prompt=create ends at the application as the new person, though another was signed in', async () => {
    await app.signIn(browser);
    const { url, verifier } = app.authorizationRequest({ prompt: 'create' });
    const page = await browser.visit(url);
    await browser.submit(page, 'submit', { email: 'new8@example.com' });
    const link = linkIn(await mailTo('new8@example.com', 'Confirm your e-mail address'));
    const form = await browser.visit(link);
    let landing = await browser.submit(form, 'submit', { password: PASSWORD });
    for (let step = 0; step < 4 && landing.url.origin === latchkey.issuer; step += 1) {
      landing =
        landing.pageName === 'consent'
          ? await browser.submit(landing, 'approve')
          : await browser.submitItself(landing);
    }
    const { body } = await app.redeem({ code: answerIn(landing).code ?? '', verifier });
    const shown = await latchkey.json<{ sub: string }>(['users', 'show', 'new8@example.com']);
    expect(decodeJwt(body.id_token).sub).to.equal(shown.sub);
  });

  it('a link brought into somebody else’s interaction does not sign them in', async () => {
    const { link } = await linkFor('new9@example.com');
    const victim = new FormBrowser(latchkey.issuer);
    const theirs = await victim.visit(app.authorizationRequest().url);
    const secret = link.searchParams.get('link') ?? '';
    const page = await victim.visit(`${theirs.url.pathname}/registration${theirs.url.search}&link=${secret}`);
    const { action } = formOf(page, 'submit');
    expect(action, 'outside of the interaction').to.equal(`/register?client_id=${app.clientId}`);
    const done = await victim.submit(page, 'submit', { password: PASSWORD });
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    const silent = await victim.visit(app.authorizationRequest({ prompt: 'none' }).url);
    expect(answerIn(silent).error).to.equal('login_required');
  });

  it('steps are not skipped: without a link there is no account', async () => {
    const { page } = await begin();
    const { csrf } = formOf(page, 'submit');
    const uid = page.url.pathname.split('/')[2] ?? '';
    for (const action of [`/interaction/${uid}/registration${page.url.search}`, '/register']) {
      const response = await post(browser, action, { csrf, password: PASSWORD, email: 'new10@example.com' });
      expect(response.status).to.equal(410);
    }
  });

  it('holds to its domains when an address is changed later; the one of the present address may stay', async () => {
    for (const [login, others] of [
      ['nia@example.com', ['nia.b@example.com', 'nia@bücher.example']],
      ['cleo@elsewhere.example', ['cleo.b@elsewhere.example', 'cleo@example.com']],
    ] as const) {
      await latchkey.createPerson(login, PASSWORD);
      const own = await signedInBrowser(latchkey, { login, password: PASSWORD });
      const change = async (email: string): Promise<Landing> =>
        own.submit(await own.visit('/account/email'), 'submit', { email });
      const refused = await change('somebody@private.example');
      expect(refused, refused.page).to.include({ status: 422, pageName: 'account-email' });
      expect(refused.page).to.contain('aria-invalid="true"').and.contain('example.com, bücher.example');
      for (const email of others) expect((await change(email)).page, email).to.contain('id="done"');
    }
    await mailTo('nia@xn--bcher-kva.example', 'Confirm your new e-mail address');
    await mailTo('cleo@example.com', 'Confirm your new e-mail address');
    expect(mailsTo('somebody@private.example')).to.deep.equal([]);
  });

  it('no request failed on our side, and no address is in the log', () => {
    expect(latchkey.output.split('\n').filter((line) => line.includes('"level":50'))).to.deep.equal([]);
    expect(latchkey.output).not.to.contain('new1@example.com').and.not.to.contain(PASSWORD);
  });
});

describe('registration that is off', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
  });
  after(() => latchkey.stop());

  it('is neither linked, nor reachable, nor advertised, nor a prompt', async () => {
    const app = await Application.register(latchkey);
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(app.authorizationRequest().url);
    expect(login.page).not.to.contain('id="register"');
    expect(login.page).to.contain('id="forgotten"');
    const { csrf } = formOf(login, 'submit');
    const address = `${login.url.pathname}/register${login.url.search}`;
    expect((await browser.visit(address)).status).to.equal(404);
    expect((await post(browser, address, { csrf, email: 'a@example.com' })).status).to.equal(404);
    expect((await browser.visit(`/register?link=${'A'.repeat(43)}`)).status).to.equal(410);
    const refused = await browser.visit(app.authorizationRequest({ prompt: 'create' }).url);
    expect(answerIn(refused).error).to.equal('invalid_request');
    const discovery = (await (
      await fetch(new URL('/.well-known/openid-configuration', latchkey.issuer))
    ).json()) as Record<string, unknown>;
    expect(discovery.prompt_values_supported).to.deep.equal(['none', 'login', 'consent', 'select_account']);
  });
});
