import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { formOf, post } from '../interactions/page-forms.ts';
import { linkIn, type ReadMail, readOutbox } from '../mail/read-mail.ts';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const PASSWORD = 'seven quiet otters';

describe('mails that an operator sends', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let browser: FormBrowser;
  let ada: { sub: string };

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_REGISTRATION_MODE: 'invitation' });
    ada = await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(() => latchkey.stop());
  beforeEach(() => {
    browser = new FormBrowser(latchkey.issuer);
  });

  const lastMail = (): ReadMail => readOutbox(latchkey.dataDir).at(-1) as ReadMail;
  const isVerified = async (): Promise<unknown> =>
    (await latchkey.json<{ claims: Record<string, unknown> }>(['users', 'show', ada.sub])).claims
      .email_verified;

  it('users send-verification: the address counts as verified once its owner pressed the button, once', async () => {
    const sent = await latchkey.json(['users', 'send-verification', ADA.login]);
    expect(sent.sent_to).to.equal(ADA.login);
    const link = linkIn(lastMail());
    expect(JSON.stringify(sent)).not.to.contain(link.searchParams.get('link'));
    const page = await browser.visit(link);
    expect(page).to.include({ status: 200, pageName: 'verify-email' });
    expect(await isVerified(), 'looking changes nothing').to.equal(false);
    const { action, csrf } = formOf(page, 'confirm');
    const secret = link.searchParams.get('link') ?? '';
    expect((await post(browser, action, { link: secret, csrf: 'x' })).status).to.equal(403);
    const responses = await Promise.all(
      Array.from({ length: 10 }, () => post(browser, action, { link: secret, csrf })),
    );
    // To the one browser that sent it, each answer tells of the same success; to any other the link is used up.
    const done = responses.map(({ status, headers }) => `${status} ${headers.get('location')}`);
    expect(new Set(done)).to.have.property('size', 1);
    const address = responses[0]?.headers.get('location') ?? '';
    expect(await browser.visit(address)).to.include({ status: 200, pageName: 'link-result' });
    expect(await browser.submit(page, 'confirm')).to.include({ status: 200, pageName: 'link-result' });
    expect((await post(browser, action, { link: secret, csrf: 'x' })).status).to.equal(410);
    for (const other of [new FormBrowser(latchkey.issuer), new FormBrowser(latchkey.issuer)]) {
      await other.visit(link);
      expect((await post(other, action, { link: secret, csrf })).status).to.equal(410);
    }
    expect(await isVerified()).to.equal(true);
    const again = await latchkey.command(['users', 'send-verification', ADA.login]);
    expect(again.code).to.equal(1);
  });

  it('a link for a former address says nothing of the present one', async () => {
    await latchkey.json(['users', 'update', ada.sub, '--email', 'ada@new.example']);
    await latchkey.json(['users', 'send-verification', ada.sub]);
    const page = await browser.visit(linkIn(lastMail()));
    await latchkey.json(['users', 'update', ada.sub, '--email', 'ada@newer.example']);
    expect(await browser.submit(page, 'confirm')).to.include({ status: 410, pageName: 'link-result' });
    expect(await isVerified()).to.equal(false);
    await latchkey.json(['users', 'update', ada.sub, '--email', ADA.login]);
  });

  it('users send-reset: in the language asked for; the person goes on from the start page', async () => {
    await latchkey.json(['users', 'send-reset', ADA.login, '--language', 'de']);
    const mail = lastMail();
    expect(mail.headers.get('subject')).to.equal('Neues Passwort wählen');
    const done = await browser.submit(await browser.visit(linkIn(mail)), 'submit', { password: PASSWORD });
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    const app = await Application.register(latchkey);
    await app.signIn(undefined, {}, { login: ADA.login, password: PASSWORD });
  });

  it('users invite: the one way to register by invitation', async () => {
    const app = await Application.register(latchkey);
    const login = await browser.visit(app.authorizationRequest().url);
    expect(login.page).not.to.contain('id="register"');
    expect((await browser.visit(`${login.url.pathname}/register${login.url.search}`)).status).to.equal(404);
    const refused = await browser.visit(app.authorizationRequest({ prompt: 'create' }).url);
    expect(answerIn(refused).error).to.equal('invalid_request');

    await latchkey.json(['users', 'invite', 'guest@example.com']);
    const page = await browser.visit(linkIn(lastMail()));
    expect(page).to.include({ status: 200, pageName: 'complete-registration' });
    const done = await browser.submit(page, 'submit', { name: 'Guest', password: PASSWORD });
    expect(done).to.include({ status: 200, pageName: 'link-result' });
    await app.signIn(browser, {}, { login: 'guest@example.com', password: PASSWORD });
  });

  it('refuse in words: nobody, no address, disabled, taken, no address at all', async () => {
    await latchkey.json(['users', 'create', '--login', 'nomail']);
    const { sub } = await latchkey.createPerson('gone@example.com', ADA.password);
    await latchkey.json(['users', 'disable', sub]);
    for (const [words, error] of [
      [['send-reset', 'nobody@example.com'], 'not_found'],
      [['send-reset', 'nomail'], 'no_address'],
      [['send-verification', 'gone@example.com'], 'disabled'],
      [['invite', ADA.login], 'login_taken'],
      [['invite', 'two@example.com, three@example.com'], 'invalid_address'],
      [['send-reset', ADA.login, '--language', 'xx'], 'unknown_language'],
      [['invite', 'four@example.com', '--language', 'pt-BR'], 'unknown_language'],
    ] as const) {
      const { code, stderr } = await latchkey.command(['users', ...words, '--json']);
      expect({ code, error: JSON.parse(stderr).error }, words.join(' ')).to.deep.equal({ code: 1, error });
    }
    const environment = { LATCHKEY_REGISTRATION_MODE: 'off' };
    const off = await LatchkeyProcess.start(environment);
    try {
      expect((await off.command(['users', 'invite', 'a@example.com'])).stderr).to.contain(
        'registration.mode',
      );
      await off.createPerson(ADA.login, ADA.password);
      // Where nobody can write, not even the superuser that tests may run as.
      rmSync(path.join(off.dataDir, 'outbox'), { recursive: true, force: true });
      writeFileSync(path.join(off.dataDir, 'outbox'), '');
      expect((await off.command(['users', 'send-reset', ADA.login])).stderr)
        .to.contain('not taken')
        .and.contain(path.join(off.dataDir, 'outbox'))
        .and.not.contain('smtp_url');
      const unreachable = { ...off.environment, LATCHKEY_SMTP_URL: 'smtp://127.0.0.1:9' };
      Object.assign(off.environment, unreachable);
      const failed = await off.command(['users', 'send-reset', ADA.login]);
      expect(failed.code).to.equal(1);
      expect(failed.stderr).to.contain('not taken');
    } finally {
      await off.stop();
    }
  });
});
