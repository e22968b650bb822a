import { expect } from 'chai';
import { parseRedisUrl, type RedisAddress } from '../../config/redis-url.ts';

describe('a Redis URL', () => {
  const readable: [url: string, address: Partial<RedisAddress>][] = [
    [
      'redis://cache',
      { topology: 'standalone', tls: false, hosts: [{ host: 'cache', port: 6379 }], database: 0 },
    ],
    ['redis://cache:7000/', { hosts: [{ host: 'cache', port: 7000 }], database: 0 }],
    ['rediss://:s3cret@cache.example:7000/12', { tls: true, password: 's3cret', database: 12 }],
    ['REDISS://cache', { tls: true, topology: 'standalone' }],
    ['redis://latchkey:p%40ss%2Fw%3Frd@cache', { username: 'latchkey', password: 'p@ss/w?rd' }],
    ['redis://user:a:b:c@cache', { username: 'user', password: 'a:b:c' }],
    ['redis://[::1]:7000', { hosts: [{ host: '::1', port: 7000 }] }],
    [
      'redis-sentinel://u:p@one,two:26380,[2001:db8::3]:1/2?master=main',
      {
        topology: 'sentinel',
        hosts: [
          { host: 'one', port: 26379 },
          { host: 'two', port: 26380 },
          { host: '2001:db8::3', port: 1 },
        ],
        masterName: 'main',
        username: 'u',
        password: 'p',
        database: 2,
      },
    ],
    ['rediss-sentinel://one', { topology: 'sentinel', tls: true, masterName: 'mymaster' }],
    [
      'rediss-cluster://:p@one:1,two',
      {
        topology: 'cluster',
        tls: true,
        hosts: [
          { host: 'one', port: 1 },
          { host: 'two', port: 6379 },
        ],
        password: 'p',
      },
    ],
    ['redis-cluster://one/0', { topology: 'cluster', database: 0 }],
  ];
  for (const [url, address] of readable) {
    it(`is read: ${url}`, () => {
      expect(parseRedisUrl(url)).to.deep.include(address);
    });
  }

  const unusable: [url: string, problem: RegExp][] = [
    ['', /must be redis:\/\//],
    ['cache:6379', /must be redis:\/\//],
    ['http://canary@cache', /must be redis:\/\//],
    ['redis://', /must be redis:\/\//],
    ['redis://:canary@', /must be redis:\/\//],
    ['redis://:canary#x@cache', /percent-encoded/],
    ['redis://:can/ary@cache', /must/],
    ['redis://:can@ary@cache', /must/],
    ['redis://:canary%zz@cache', /percent-encoded/],
    ['redis://canary@cache', /user name without a password/],
    ['redis://cache:0', /host:port/],
    ['redis://cache:70000', /host:port/],
    ['redis://cache:port', /host:port/],
    ['redis://one,two', /several hosts/],
    ['redis://cache/name', /must be redis:\/\//],
    ['redis://cache?master=main', /query/],
    ['redis-cluster://one?x=1', /query/],
    ['redis-cluster://one/3', /database/],
    ['redis-sentinel://one?name=main', /no parameter but master/],
    ['redis-sentinel://one?master=', /empty master name/],
    ['redis-sentinel://one,,two', /host:port/],
  ];
  for (const [url, problem] of unusable) {
    it(`is refused, without quoting it: ${JSON.stringify(url)}`, () => {
      expect(parseRedisUrl(url)).to.be.a('string').and.match(problem).and.not.include('canary');
    });
  }
});
