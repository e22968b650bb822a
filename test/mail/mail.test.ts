import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { openDelivery, openMail } from '../../lib/mail/mail.ts';
import type { MailMessage } from '../../lib/mail/mail-message.ts';
import type { QueueLimits } from '../../lib/mail/mail-queue.ts';
import { createLog } from '../../lib/observability/log.ts';
import { testCertificate } from '../config/test-certificate.ts';
import { eventually, freePort } from '../flows/latchkey-process.ts';
import { Stopwatch } from '../flows/stopwatch.ts';
import { readMail, readOutbox } from './read-mail.ts';
import { SmtpServer } from './smtp-server.ts';

const QUICK: Partial<QueueLimits> = {
  retryMilliseconds: [5, 5, 5],
  spreadMilliseconds: 0,
  closeMilliseconds: 2000,
};
const MESSAGE: MailMessage = {
  to: 'ada@example.com',
  subject: 'Grüße, “Ada”',
  text: 'A line.\n.\nA line that is followed by one of a dot: ünïcödé.\n',
  html: '<p>A line.</p>',
};

describe('mail', function () {
  this.timeout(60_000);
  let smtp: SmtpServer;
  let dataDir: string;
  let lines: string;
  const log = createLog('debug', {
    write: (line: string) => {
      lines += line;
    },
  });

  beforeEach(async () => {
    smtp = await SmtpServer.start();
    dataDir = mkdtempSync(join(tmpdir(), 'latchkey-mail-'));
    lines = '';
  });
  afterEach(async () => {
    await smtp.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const configured = (settings: { smtpUrl?: string; mail?: { from?: string } } = {}) => ({
    issuer: 'https://id.example',
    branding: { name: 'Acme' },
    dataDir,
    mail: {},
    ...settings,
  });
  const open = (limits = QUICK, url = smtp.url) =>
    openMail({ configuration: configured({ smtpUrl: url }), log, limits });

  async function send(message = MESSAGE, limits = QUICK): Promise<void> {
    const mail = open(limits);
    mail.send(() => message);
    await mail.idle();
    await mail.close();
  }

  it('reaches a mail server in two parts, from the configured sender', async () => {
    const mail = openMail({
      configuration: configured({
        smtpUrl: smtp.url.replace('//', '//user%40x:pa%2Fss@'),
        mail: { from: 'Acme Sign-in <id@acme.example>' },
      }),
      log,
      limits: QUICK,
    });
    mail.send(() => MESSAGE);
    await mail.idle();
    await mail.close();
    const [received] = smtp.received;
    expect(received)
      .to.include({ from: 'id@acme.example' })
      .and.to.have.property('to')
      .that.deep.equals([MESSAGE.to]);
    const read = readMail(received?.source ?? '');
    expect(Object.fromEntries(read.headers)).to.include({
      from: '"Acme Sign-in" <id@acme.example>',
      to: MESSAGE.to,
      subject: MESSAGE.subject,
      'auto-submitted': 'auto-generated',
    });
    expect(read.text.replaceAll('\r\n', '\n').trim()).to.equal(MESSAGE.text.trim());
    expect(read.html.trim()).to.equal(MESSAGE.html);
    expect(Buffer.from(smtp.credentials[0] ?? '', 'base64').toString()).to.equal('\0user@x\0pa/ss');
  });

  it('is tried again while the server is busy, gone or refuses the login, and arrives once', async () => {
    const refusals: Array<string | 'drop'> = ['451 4.3.0 later', 'drop'];
    smtp.misbehave = (verb) => (verb === 'RCPT' ? refusals.shift() : undefined);
    await send();
    expect(smtp.received).to.have.length(1);
    expect(lines.match(/it is tried again/g)).to.have.length(2);
    expect(lines).to.contain('"status":451');
  });

  it('tells by the system’s own code that nobody listens, in the log', async () => {
    const mail = openMail({
      configuration: configured({ smtpUrl: `smtp://127.0.0.1:${await freePort()}` }),
      log,
      limits: { ...QUICK, retryMilliseconds: [] },
    });
    mail.send(() => MESSAGE);
    await mail.idle();
    await mail.close();
    expect(lines).to.contain('a mail is lost').and.contain('"code":"ECONNREFUSED"');
  });

  it('is lost after the last attempt, and the log says so, without the address or what the server said', async () => {
    smtp.misbehave = (verb, line) => (verb === 'RCPT' ? `450 4.2.1 ${line} is busy` : undefined);
    await send();
    expect(smtp.received).to.be.empty;
    expect(lines).to.contain('a mail is lost: it was not taken').and.to.contain('"attempts":4');
    expect(lines).not.to.contain('ada@');
  });

  it('is not tried again when the server refuses it for good', async () => {
    smtp.misbehave = (verb) => (verb === 'RCPT' ? '550 5.1.1 no such mailbox' : undefined);
    await send();
    expect(smtp.connections).to.equal(1);
    expect(lines).to.contain('a mail is lost').and.to.contain('"status":550');
  });

  it('handing it over neither waits nor throws, whatever the server does', async () => {
    smtp.misbehave = (verb) => (verb === 'EHLO' ? 'drop' : undefined);
    const mail = open({ ...QUICK, retryMilliseconds: [] });
    const stopwatch = new Stopwatch();
    for (let index = 0; index < 50; index += 1) mail.send(() => MESSAGE);
    mail.send(() => {
      throw new Error('a text that cannot be written');
    });
    expect(stopwatch.read()).to.be.below(1000);
    await mail.idle();
    expect(lines.match(/a mail is lost/g)).to.have.length(51);
    await mail.close();
  });

  it('waits in a bounded queue', async () => {
    const mail = open({ ...QUICK, waiting: 3 });
    for (let index = 0; index < 5; index += 1) mail.send(() => MESSAGE);
    await mail.idle();
    await mail.close();
    expect(smtp.received).to.have.length(3);
    expect(lines.match(/too many wait/g)).to.have.length(2);
  });

  it('closing makes a last attempt at what waits, and then gives up in time', async () => {
    smtp.misbehave = (verb) => (verb === 'RCPT' && smtp.connections === 1 ? '451 4.3.0 later' : undefined);
    const mail = open({ ...QUICK, retryMilliseconds: [3_600_000], closeMilliseconds: 200 });
    mail.send(() => MESSAGE);
    await mail.close();
    expect(smtp.received, 'the last attempt').to.have.length(1);

    const other = open({ ...QUICK, retryMilliseconds: [3_600_000], closeMilliseconds: 50 });
    smtp.misbehave = (verb) => (verb === 'RCPT' ? '451 4.3.0 later' : undefined);
    other.send(() => MESSAGE);
    await other.close();
    expect(lines).to.contain('a mail is lost: it was not taken');
    other.send(() => MESSAGE);
    expect(lines, 'after the end').to.contain('too many wait');
  });

  it('closing does not wait for a server that hangs', async () => {
    smtp.misbehave = (verb) => (verb === 'EHLO' ? '' : undefined);
    const mail = open({ ...QUICK, closeMilliseconds: 100 });
    mail.send(() => MESSAGE);
    await eventually('it hangs', () => smtp.connections === 1);
    const began = performance.now();
    await mail.close();
    expect(performance.now() - began).to.be.below(5000);
    expect(lines).to.contain('a mail is lost: it was not taken');
  });

  it('does not go in the clear where TLS is asked for, nor to a certificate that nobody vouches for', async () => {
    const mail = open({ ...QUICK, retryMilliseconds: [] }, `${smtp.url}?starttls=required`);
    mail.send(() => MESSAGE);
    await mail.idle();
    await mail.close();
    expect(smtp.received).to.be.empty;
    expect(lines).to.contain('a mail is lost');
    const { certificate: cert, key } = testCertificate;
    const strange = await SmtpServer.start({ cert, key });
    try {
      const implicit = open({ ...QUICK, retryMilliseconds: [] }, strange.url.replace('smtp:', 'smtps:'));
      implicit.send(() => MESSAGE);
      await implicit.idle();
      await implicit.close();
      expect(strange.received).to.be.empty;
      expect(lines.match(/a mail is lost/g)).to.have.length(2);
    } finally {
      await strange.close();
    }
  });

  it('becomes a file that its owner alone can read, where no server is configured', async () => {
    const mail = openMail({ configuration: configured(), log, limits: QUICK });
    for (let index = 0; index < 3; index += 1) mail.send(() => ({ ...MESSAGE, subject: `number ${index}` }));
    await mail.idle();
    await mail.close();
    const folder = join(dataDir, 'outbox');
    expect(statSync(folder).mode & 0o777).to.equal(0o700);
    const names = readdirSync(folder);
    expect(names).to.have.length(3);
    for (const name of names) {
      expect(name).to.match(/^[\w.-]+\.eml$/);
      expect(statSync(join(folder, name)).mode & 0o777).to.equal(0o600);
      expect(readFileSync(join(folder, name), 'latin1')).to.match(/\r\n$/);
    }
    const read = readOutbox(dataDir);
    expect(read.map(({ headers }) => headers.get('subject'))).to.have.members([
      'number 0',
      'number 1',
      'number 2',
    ]);
    expect(read[0]?.headers.get('from')).to.equal('Acme <no-reply@id.example>');
  });

  it('goes to an outbox of whoever the data directory belongs to, also when the superuser sends the first', async () => {
    // Whoever is no superuser gives nothing away, and owns both.
    if (process.getuid?.() === 0) chownSync(dataDir, 65_534, 65_534);
    await openDelivery(configured()).deliver(MESSAGE);
    const folder = join(dataDir, 'outbox');
    const [name = ''] = readdirSync(folder);
    for (const made of [folder, join(folder, name)])
      expect(statSync(made).uid).to.equal(statSync(dataDir).uid);
  });

  it('no subject, name or text begins another header or recipient', async () => {
    const seed = Date.now() % 2 ** 31;
    const hostile = fc.array(
      fc.constantFrom(
        '\r\n',
        '\n',
        '\r',
        '\u2028',
        '\u0085',
        'Bcc: x@evil.example',
        ' ',
        ',',
        '<',
        '"',
        'ü',
        '\0',
        'a',
      ),
      { maxLength: 20 },
    );
    const delivery = openDelivery(configured());
    await fc.assert(
      fc.asyncProperty(hostile, hostile, async (subject, text) => {
        rmSync(join(dataDir, 'outbox'), { recursive: true, force: true });
        await delivery.deliver({ ...MESSAGE, subject: subject.join(''), text: text.join('') });
        const [read] = readOutbox(dataDir);
        const known = ['from', 'to', 'subject', 'message-id', 'date', 'mime-version', 'content-type'];
        const expected = [
          ...known,
          'content-transfer-encoding',
          'auto-submitted',
          'x-auto-response-suppress',
        ];
        // An empty subject has no header.
        expect(expected).to.include.members([...(read?.headers.keys() ?? [])]);
        expect(read?.headers.get('to')).to.equal(MESSAGE.to);
      }),
      { numRuns: 60, seed },
    );
    delivery.close();
  });
});
