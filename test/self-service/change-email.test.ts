import { expect } from 'chai';
import { ADA } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { AuthenticatorApp, codesOn, secretOn } from '../flows/second-factor.ts';
import { formOf, post } from '../interactions/page-forms.ts';
import { linkIn, readOutbox } from '../mail/read-mail.ts';
import { mailTo, openPage, signedInBrowser } from './own-account.ts';

const CONFIRM = 'Confirm your new e-mail address';

describe('a change of e-mail address', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(() => latchkey.stop());

  async function newcomer(name: string) {
    const person = { login: `${name}@example.com`, password: ADA.password };
    const { sub } = await latchkey.createPerson(person.login, person.password);
    return { person, sub, browser: await signedInBrowser(latchkey, person) };
  }

  async function ask(browser: FormBrowser, email: string): Promise<Landing> {
    return browser.submit(await browser.visit('/account/email'), 'submit', { email });
  }

  const show = (sub: string) =>
    latchkey.json<{ login: string; claims: Record<string, unknown> }>(['users', 'show', sub]);

  it('counts when the new address is confirmed, once, in any browser; the old one hears of both steps', async () => {
    const { person, sub, browser } = await newcomer('moves');
    const asked = await ask(browser, 'moved@new.example');
    expect(asked.page).to.contain('id="done"');
    await mailTo(latchkey.dataDir, person.login, 'A new e-mail address was asked for');
    const mail = await mailTo(latchkey.dataDir, 'moved@new.example', CONFIRM);
    expect((await show(sub)).login, 'nothing changes yet').to.equal(person.login);
    const elsewhere = new FormBrowser(latchkey.issuer);
    expect(await openPage(elsewhere, '/account', { ...person, login: 'moved@new.example' })).to.include({
      status: 422,
    });
    // A link to the old address must not be a way back in for whoever has that mailbox.
    await latchkey.json(['users', 'send-reset', sub]);
    const reset = linkIn(await mailTo(latchkey.dataDir, person.login, 'Choose a new password'));

    const link = linkIn(mail);
    const page = await elsewhere.visit(link);
    expect(page).to.include({ status: 200, pageName: 'account-email-confirm' });
    expect(page.page).to.contain('moved@new.example').and.contain(person.login);
    expect((await show(sub)).login, 'looking changes nothing').to.equal(person.login);
    const { action, csrf } = formOf(page, 'confirm');
    const secret = link.searchParams.get('link') ?? '';
    expect((await post(elsewhere, action, { link: secret, csrf: 'x' })).status).to.equal(403);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => post(elsewhere, action, { link: secret, csrf })),
    );
    expect(answers.map(({ status }) => status)).to.deep.equal(answers.map(() => 303));
    expect((await post(new FormBrowser(latchkey.issuer), action, { link: secret, csrf })).status).to.equal(
      410,
    );
    const done = answers.find(({ status }) => status === 303)?.headers.get('location') ?? '';
    expect(await elsewhere.visit(done)).to.include({ status: 200, pageName: 'link-result' });
    expect((await elsewhere.visit(link)).status).to.equal(410);

    const changed = await show(sub);
    expect(changed.login).to.equal('moved@new.example');
    expect(changed.claims).to.include({ email: 'moved@new.example', email_verified: true });
    const subject = 'Your e-mail address was changed';
    await mailTo(latchkey.dataDir, person.login, subject);
    const told = readOutbox(latchkey.dataDir).filter(
      ({ headers }) => headers.get('to') === person.login && headers.get('subject') === subject,
    );
    expect(told, 'by the one that changed it').to.have.length(1);
    expect((await elsewhere.visit(reset)).status, 'sent to the old address').to.equal(410);
    await signedInBrowser(latchkey, { ...person, login: 'moved@new.example' });
    await eventually('it is told', async () =>
      (await browser.visit('/account/activity')).page.includes('E-mail address changed'),
    );
  });

  it('answers the same for an address that somebody else has, whose owner hears of it', async () => {
    const { sub, browser, person } = await newcomer('wants');
    const free = await ask(browser, 'free@new.example');
    const taken = await ask(browser, ADA.login);
    const words = ({ page }: Landing) => page.replaceAll(/name="csrf" value="[^"]+"/g, '');
    expect(words(taken)).to.equal(words(free));
    const told = await mailTo(latchkey.dataDir, ADA.login, 'This address has an account already');
    expect(told.text).not.to.contain('?link=');
    expect(
      readOutbox(latchkey.dataDir).some(
        ({ headers }) => headers.get('to') === ADA.login && headers.get('subject') === CONFIRM,
      ),
    ).to.equal(false);
    // Taken between the mail and the button.
    const link = linkIn(await mailTo(latchkey.dataDir, 'free@new.example', CONFIRM));
    await latchkey.createPerson('free@new.example', ADA.password);
    expect(await browser.submit(await browser.visit(link), 'confirm')).to.include({ status: 410 });
    expect((await show(sub)).login).to.equal(person.login);
  });

  it('is void when the password was changed since, or the address was', async () => {
    const { sub, browser, person } = await newcomer('regrets');
    await ask(browser, 'regrets@new.example');
    const first = linkIn(await mailTo(latchkey.dataDir, 'regrets@new.example', CONFIRM));
    const page = await browser.visit(first);
    await browser.submit(await browser.visit('/account/password'), 'submit', {
      password: 'seven quiet otters',
    });
    expect(await browser.submit(page, 'confirm')).to.include({ status: 410, pageName: 'link-result' });
    expect((await show(sub)).login).to.equal(person.login);

    await ask(browser, 'second@new.example');
    const second = linkIn(await mailTo(latchkey.dataDir, 'second@new.example', CONFIRM));
    const opened = await browser.visit(second);
    await latchkey.json(['users', 'update', sub, '--email', 'regrets@other.example']);
    expect(await browser.submit(opened, 'confirm')).to.include({ status: 410 });
    expect((await show(sub)).claims.email).to.equal('regrets@other.example');
  });

  it('by the operator voids what was sent to the former address', async () => {
    const { sub, browser, person } = await newcomer('robbed');
    await latchkey.json(['users', 'send-reset', sub]);
    const reset = linkIn(await mailTo(latchkey.dataDir, person.login, 'Choose a new password'));
    const page = await browser.visit(reset);
    await latchkey.json(['users', 'update', sub, '--name', 'Somebody Else']);
    expect((await browser.visit(reset)).status, 'it is about the address alone').to.equal(200);
    await latchkey.json(['users', 'update', sub, '--email', 'safe@other.example']);
    expect((await browser.visit(reset)).status).to.equal(410);
    expect(await browser.submit(page, 'submit', { password: 'seven quiet otters' })).to.include({
      status: 410,
    });
    await signedInBrowser(latchkey, person);
  });

  it('takes the second factor of whoever has one, also where they are remembered', async () => {
    const { sub, browser, person } = await newcomer('careful');
    const app = await browser.visit('/account/two-step/app');
    const phone = new AuthenticatorApp(secretOn(app));
    const [code = ''] = codesOn(await browser.submit(app, 'submit', { code: phone.code() }));
    const remembered = new FormBrowser(latchkey.issuer);
    const second = await openPage(remembered, '/account', person);
    expect(second.pageName).to.equal('second-step');
    await remembered.submit(second, 'submit', { way: 'recovery-code', code, remember: 'yes' });
    await remembered.submit(await remembered.visit('/session/end'), 'confirm', { logout: 'yes' });
    expect((await openPage(remembered, '/account', person)).pageName, 'by password alone').to.equal(
      'account',
    );
    const stopped = await ask(remembered, 'thief@new.example');
    expect(stopped.pageName, stopped.page).to.equal('second-step');
    await ask(browser, 'mine@new.example');
    await mailTo(latchkey.dataDir, 'mine@new.example', CONFIRM);
    const sent = readOutbox(latchkey.dataDir).map(({ headers }) => headers.get('to'));
    expect(sent).not.to.include('thief@new.example');
    expect((await show(sub)).login).to.equal(person.login);
  });

  it('refuses what is no address, and leaves a login alone that is none', async () => {
    const { sub, browser } = await newcomer('named');
    for (const email of ['', 'nobody', 'a@b.example, c@d.example', 'named@example.com']) {
      expect(await ask(browser, email), email).to.include({ status: 422, pageName: 'account-email' });
    }
    await latchkey.json(['users', 'update', sub, '--login', 'named']);
    await ask(browser, 'named@new.example');
    const link = linkIn(await mailTo(latchkey.dataDir, 'named@new.example', CONFIRM));
    await browser.submit(await browser.visit(link), 'confirm');
    const { login, claims } = await show(sub);
    expect({ login, email: claims.email }).to.deep.equal({ login: 'named', email: 'named@new.example' });
  });

  it('is not needed to confirm the present address', async () => {
    const { sub, browser, person } = await newcomer('confirms');
    const sent = await browser.submit(await browser.visit('/account/email'), 'verify');
    expect(sent.page).to.contain('id="done"');
    const link = linkIn(await mailTo(latchkey.dataDir, person.login, 'Confirm your e-mail address'));
    await browser.submit(await browser.visit(link), 'confirm');
    expect((await show(sub)).claims.email_verified).to.equal(true);
    expect((await browser.visit('/account/email')).page).not.to.contain('id="verify"');
  });
});
