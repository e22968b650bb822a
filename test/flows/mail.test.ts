import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { hrefOf } from '../interactions/page-forms.ts';
import { linkIn, readMail, readOutbox } from '../mail/read-mail.ts';
import { SmtpServer } from '../mail/smtp-server.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

describe('a server that sends mail', function () {
  this.timeout(60_000);
  let smtp: SmtpServer;
  let latchkey: LatchkeyProcess;
  let app: Application;

  before(async () => {
    smtp = await SmtpServer.start();
    latchkey = await LatchkeyProcess.start({ LATCHKEY_MAIL_FROM: 'Acme <id@acme.example>' });
    // The address of the mail server arrives as a secret in a file.
    await latchkey.terminate();
    const file = join(latchkey.dataDir, 'smtp-url');
    writeFileSync(file, `${smtp.url.replace('//', '//id:canary-secret@')}\n`, { mode: 0o600 });
    latchkey.environment.LATCHKEY_SMTP_URL_FILE = file;
    await latchkey.launch();
    app = await Application.register(latchkey);
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(async () => {
    await latchkey?.stop();
    await smtp?.close();
  });

  async function askForReset(): Promise<Landing> {
    const browser = new FormBrowser(latchkey.issuer);
    const login = await browser.visit(app.authorizationRequest().url);
    const page = await browser.visit(new URL(hrefOf(login, 'forgotten'), latchkey.issuer));
    return browser.submit(page, 'submit', { login: ADA.login });
  }

  it('hands it to the mail server, and writes none to the outbox', async () => {
    expect((await askForReset()).pageName).to.equal('mail-sent');
    await eventually('the mail arrives', () => smtp.received.length === 1);
    const [received] = smtp.received;
    expect(received).to.deep.include({ from: 'id@acme.example', to: [ADA.login] });
    const link = linkIn(readMail(received?.source ?? ''));
    expect((await new FormBrowser(latchkey.issuer).visit(link)).pageName).to.equal('choose-password');
    expect(readOutbox(latchkey.dataDir)).to.be.empty;
    expect(latchkey.output).not.to.contain('canary-secret');
  });

  it('answers as ever while the mail server hangs or refuses, and says in the log what was lost', async () => {
    smtp.misbehave = (verb) => (verb === 'RCPT' ? '550 5.7.1 go away' : undefined);
    expect(await askForReset()).to.include({ status: 200, pageName: 'mail-sent' });
    await eventually('the loss is told', () => latchkey.output.includes('a mail is lost: it was not taken'));
    smtp.misbehave = (verb) => (verb === 'EHLO' ? '' : undefined);
    expect(await askForReset()).to.include({ status: 200, pageName: 'mail-sent' });
    expect(latchkey.output).not.to.contain(ADA.login);
  });

  it('stops in time though the mail server hangs', async () => {
    const began = Date.now();
    expect(await latchkey.terminate()).to.equal(0);
    // Left alone, the connection would be given up after 20 s.
    expect(Date.now() - began).to.be.below(15_000);
  });
});
