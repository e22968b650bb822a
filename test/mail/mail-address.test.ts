import { expect } from 'chai';
import { mailAddress } from '../../lib/mail/mail-address.ts';

describe('a typed mail address', () => {
  for (const [typed, address] of [
    ['ada@example.com', 'ada@example.com'],
    ['  Ada.Lovelace+notes@Example.COM\n', 'Ada.Lovelace+notes@example.com'],
    ['leser@Bücher.example', 'leser@xn--bcher-kva.example'],
    ['\uFF41da@example.com', 'ada@example.com'],
    ["o'brien@example.com", "o'brien@example.com"],
    [`${'a'.repeat(64)}@example.com`, `${'a'.repeat(64)}@example.com`],
  ] as const) {
    it(`${JSON.stringify(typed)} is ${address}`, () => {
      expect(mailAddress(typed)).to.equal(address);
    });
  }

  for (const typed of [
    '',
    'ada',
    '@example.com',
    'ada@',
    'ada@localhost',
    'ada@127.0.0.1',
    'ada@[127.0.0.1]',
    'ada@example',
    'ada@example.com.',
    'ada@-example.com',
    'a@b@example.com',
    'ada@example.com,bob@example.com',
    'ada@example.com bob@example.com',
    'Ada <ada@example.com>',
    '"ada lovelace"@example.com',
    '.ada@example.com',
    'ada..b@example.com',
    'ada@example.com\r\nBcc: bob@example.com',
    'ada\0@example.com',
    'a\u200Bda@example.com',
    '\u0430da@example.com',
    'ada@exa mple.com',
    `${'a'.repeat(65)}@example.com`,
    `a@${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}.${'e'.repeat(63)}.com`,
    'a'.repeat(100_000),
  ]) {
    it(`${JSON.stringify(typed.slice(0, 60))} is none`, () => {
      expect(mailAddress(typed)).to.equal(undefined);
    });
  }
});
