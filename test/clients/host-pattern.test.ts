import { expect } from 'chai';
import { hostMatches } from '../../lib/clients/host-pattern.ts';

describe('patterns of hosts', () => {
  it('match web addresses by their host, with or without the dot of the root', () => {
    for (const url of ['https://example.com/a', 'https://EXAMPLE.com:8443/', 'https://example.com./']) {
      expect(hostMatches(url, ['example.com']), url).to.equal(true);
    }
    for (const url of ['https://a.example.com/', 'https://a.b.example.com./']) {
      expect(hostMatches(url, ['*.example.com']), url).to.equal(true);
    }
    for (const url of ['https://example.com/', 'https://notexample.com/', 'https://example.com.evil.net/']) {
      expect(hostMatches(url, ['*.example.com']), url).to.equal(false);
    }
    expect(hostMatches('http://127.0.0.1:9/', ['loopback'])).to.equal(true);
  });

  it('match no scheme of an application’s own, whatever it writes behind it', () => {
    for (const url of [
      'com.evil.app://example.com/cb',
      'com.evil.app://localhost/cb',
      'com.evil.app:/cb',
      'x',
    ]) {
      expect(hostMatches(url, ['example.com', 'localhost', 'loopback']), url).to.equal(false);
    }
  });
});
