import { expect } from 'chai';
import { mailSender } from '../../config/mail-sender.ts';
import { parseSmtpUrl, type SmtpAddress } from '../../config/smtp-url.ts';

describe('an SMTP URL', () => {
  const readable: [url: string, address: SmtpAddress][] = [
    ['smtp://mail.example', { host: 'mail.example', port: 587, tls: 'required' }],
    ['smtp://mail.example:25?starttls=off', { host: 'mail.example', port: 25, tls: 'off' }],
    ['smtps://mail.example', { host: 'mail.example', port: 465, tls: 'implicit' }],
    ['smtp://localhost:2525', { host: 'localhost', port: 2525, tls: 'off' }],
    ['smtp://[::1]:2525/', { host: '::1', port: 2525, tls: 'off' }],
    ['smtp://127.0.0.1?starttls=required', { host: '127.0.0.1', port: 587, tls: 'required' }],
    [
      'smtps://id%40example.com:p%40ss%2Fw%3Frd@mail.example',
      { host: 'mail.example', port: 465, tls: 'implicit', username: 'id@example.com', password: 'p@ss/w?rd' },
    ],
  ];
  for (const [url, address] of readable) {
    it(`${url} can be read`, () => {
      expect(parseSmtpUrl(url)).to.deep.equal(address);
    });
  }

  for (const [url, problem] of [
    ['mail.example', /must be smtp:\/\//],
    ['http://mail.example', /must be smtp:\/\//],
    ['smtp://', /must be smtp:\/\//],
    ['smtp://mail.example:0', /port from 1/],
    ['smtp://mail.example:70000', /port from 1/],
    ['smtp://canary@mail.example', /user name and a password/],
    ['smtp://:canary@mail.example', /user name and a password/],
    ['smtp://user:canary%zz@mail.example', /percent-encoded/],
    ['smtp://mail.example?pool=true', /no parameter but starttls/],
    ['smtp://mail.example?starttls=maybe', /starttls=required or starttls=off/],
    ['smtps://mail.example?starttls=off', /must not have a query/],
    ['smtp://user:canary@mail.example?starttls=off', /password in the clear/],
  ] as const) {
    it(`${url} is refused, and not quoted`, () => {
      const said = parseSmtpUrl(url);
      expect(said).to.be.a('string').and.to.match(problem);
      expect(said).not.to.contain('canary');
    });
  }
});

describe('whom mail comes from', () => {
  it('is an address, with a name or without', () => {
    expect(mailSender('id@example.com')).to.deep.equal({ address: 'id@example.com' });
    expect(mailSender('Acme <id@example.com>')).to.deep.equal({ name: 'Acme', address: 'id@example.com' });
    expect(mailSender('"Acme, Inc." <id@example.com>')).to.deep.equal({
      name: 'Acme, Inc.',
      address: 'id@example.com',
    });
    for (const bad of [
      '',
      'Acme',
      'a@b@c',
      'a@x, b@x',
      'Acme <id@example.com>\r\nBcc: x@example.com',
      '<>',
    ]) {
      expect(mailSender(bad), bad).to.be.a('string');
    }
  });
});
