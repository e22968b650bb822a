import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import { eventually, LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, post } from '../interactions/page-forms.ts';
import { readOutbox } from '../mail/read-mail.ts';
import { mailTo, openPage, signedInBrowser } from './own-account.ts';

const TABLES = ['accounts', 'passwords', 'account_activity', 'application_uses', 'account_deletions'];

describe('the deletion of one’s account', function () {
  this.timeout(90_000);
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    // What is done from time to time is done by each of them.
    latchkey = await LatchkeyProcess.start({ LATCHKEY_WORKERS: '2' });
    app = await Application.register(latchkey);
  });
  after(() => latchkey.stop());

  function inDatabase<Value>(work: (database: DatabaseSync) => Value): Value {
    const database = new DatabaseSync(path.join(latchkey.dataDir, 'latchkey.db'), { timeout: 5000 });
    try {
      return work(database);
    } finally {
      database.close();
    }
  }

  const rowsOf = (sub: string): number[] =>
    inDatabase((database) =>
      TABLES.map((table) =>
        Number(database.prepare(`SELECT count(*) AS n FROM ${table} WHERE sub = ?`).get(sub)?.n),
      ),
    );

  async function newcomer(name: string) {
    const person = { login: `${name}@example.com`, password: ADA.password };
    const { sub } = await latchkey.createPerson(person.login, person.password);
    return { person, sub, browser: await signedInBrowser(latchkey, person) };
  }

  const askFor = async (browser: FormBrowser): Promise<Landing> =>
    browser.submit(await browser.visit('/account/delete'), 'confirm');

  it('signs the person out everywhere at once, and is forgotten when they sign in', async () => {
    const { person, sub, browser } = await newcomer('returns');
    const tokens = await app.signIn(browser, { scope: 'openid offline_access', prompt: 'consent' }, person);
    const page = await browser.visit('/account/delete');
    expect(page.page).to.contain('14');
    const asked = await browser.submit(page, 'confirm');
    expect(asked).to.include({ status: 200, pageName: 'link-result' });
    expect(await browser.visit('/account')).to.include({ pageName: 'login' });
    expect((await app.refresh(tokens.refresh_token)).status).to.equal(400);
    const mail = await mailTo(latchkey.dataDir, person.login, 'Your account will be deleted');
    expect(mail.text).to.match(/\d{4} at .* UTC/);
    expect(rowsOf(sub).at(-1)).to.equal(1);

    await app.signIn(new FormBrowser(latchkey.issuer), {}, person);
    await mailTo(latchkey.dataDir, person.login, 'Your account stays');
    expect(rowsOf(sub).at(-1)).to.equal(0);
    const back = await signedInBrowser(latchkey, person);
    await eventually('it is told', async () => {
      const told = (await back.visit('/account/activity')).page;
      return told.includes('Deletion asked for') && told.includes('Deletion cancelled');
    });
  });

  it('asked for twice in the same moment is one, with one date', async () => {
    const { browser, sub } = await newcomer('twice');
    const page = await browser.visit('/account/delete');
    const { csrf } = formOf(page, 'confirm');
    const answers = await Promise.all([1, 2, 3].map(() => post(browser, '/account/delete', { csrf })));
    for (const { status } of answers) expect(status).to.equal(303);
    expect(rowsOf(sub).at(-1)).to.equal(1);
  });

  it('comes when the time is over: all of them is gone, and they hear of it once', async () => {
    const { person, sub, browser } = await newcomer('leaves');
    await app.signIn(browser, { scope: 'openid offline_access', prompt: 'consent' }, person);
    await askFor(browser);
    // Somebody whose wish is older than the session that they have now, though nobody noted that they came back.
    const stays = await newcomer('stays');
    await mailTo(latchkey.dataDir, person.login, 'Your account will be deleted');
    await latchkey.terminate();
    inDatabase((database) => {
      database.prepare('UPDATE account_deletions SET due_at = 1 WHERE sub = ?').run(sub);
      database
        .prepare('INSERT INTO account_deletions (sub, requested_at, due_at) VALUES (?, 1, 2)')
        .run(stays.sub);
    });
    await latchkey.launch();
    await mailTo(latchkey.dataDir, person.login, 'Your account was deleted');
    expect(rowsOf(sub)).to.deep.equal([0, 0, 0, 0, 0]);
    expect((await latchkey.json<unknown[]>(['sessions', 'list'])).length).to.be.greaterThan(0);
    expect(await openPage(new FormBrowser(latchkey.issuer), '/account', person)).to.include({ status: 422 });
    await mailTo(latchkey.dataDir, stays.person.login, 'Your account stays');
    expect(await stays.browser.visit('/account')).to.include({ status: 200, pageName: 'account' });
    await latchkey.terminate();
    const told = readOutbox(latchkey.dataDir).filter(
      ({ headers }) =>
        headers.get('to') === person.login && headers.get('subject') === 'Your account was deleted',
    );
    expect(told).to.have.length(1);
  });
});
