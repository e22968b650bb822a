import { expect } from 'chai';
import { parseDatabaseUrl } from '../../config/database-url.ts';

const common = { user: 'u', database: 'd', port: 5432 };

describe('a database URL', () => {
  for (const [url, address] of [
    ['postgres://u@db.example/d', { ...common, host: 'db.example', tls: 'verify-full' }],
    [
      'postgresql://u%40x:p%2Fw%3A@db.example:6543/d%20e',
      { host: 'db.example', port: 6543, user: 'u@x', password: 'p/w:', database: 'd e', tls: 'verify-full' },
    ],
    ['postgres://u@localhost/d', { ...common, host: 'localhost', tls: 'off' }],
    ['postgres://u@127.0.0.1/d', { ...common, host: '127.0.0.1', tls: 'off' }],
    ['postgres://u@[::1]/d', { ...common, host: '::1', tls: 'off' }],
    ['postgres://u@[2001:db8::1]/d', { ...common, host: '2001:db8::1', tls: 'verify-full' }],
    ['postgres://u@/d?host=/run/postgresql', { ...common, host: '/run/postgresql', tls: 'off' }],
    [
      'postgres://u:p@%2Frun%2Fpostgresql/d',
      { ...common, password: 'p', host: '/run/postgresql', tls: 'off' },
    ],
    ['postgres://u@localhost/d?sslmode=verify-full', { ...common, host: 'localhost', tls: 'verify-full' }],
    ['postgres://u@db.example/d?sslmode=verify-ca', { ...common, host: 'db.example', tls: 'verify-ca' }],
    ['postgres://u@db.example/d?sslmode=no-verify', { ...common, host: 'db.example', tls: 'unverified' }],
    ['postgres://u@db.example/d?sslmode=disable', { ...common, host: 'db.example', tls: 'off' }],
    [
      'postgres://u@localhost/d?options=-c%20search_path%3Dlatchkey',
      { ...common, host: 'localhost', tls: 'off', options: '-c search_path=latchkey' },
    ],
  ] as const) {
    it(`is read: ${url}`, () => {
      expect(parseDatabaseUrl(url)).to.deep.equal(address);
    });
  }

  for (const [what, url] of [
    ['nothing', ''],
    ['no URL', 'canary secret'],
    ['a socket without its folder', 'postgres://u:canary-secret@/d'],
    ['two hosts', 'postgres://u:canary-secret@db/d?host=/run'],
    ['a port out of range', 'postgres://u:canary-secret@db:99999/d'],
    ['a bare # in a password', 'postgres://u:canary-secret#x@db/d'],
    ['a percent sign alone', 'postgres://u:canary-secret%@db/d'],
    ['a folder for a database', 'postgres://u:canary-secret@db/d/e'],
    ['an unknown sslmode', 'postgres://u:canary-secret@db/d?sslmode=on'],
    ['sslmode=prefer', 'postgres://u:canary-secret@db/d?sslmode=prefer'],
    ['a password as a parameter', 'postgres://u@db/d?password=canary-secret'],
  ] as const) {
    it(`is refused without being repeated: ${what}`, () => {
      const problem = parseDatabaseUrl(url);
      expect(problem).to.be.a('string').and.not.contain('canary').and.not.contain('\n');
    });
  }
});
