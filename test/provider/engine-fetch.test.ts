import { mock } from 'node:test';
import { expect } from 'chai';
import { type SafeFetch, SafeFetchError } from '../../lib/outbound/safe-fetch.ts';
import { engineFetch } from '../../lib/provider/engine/engine-fetch.ts';

describe('what the engine fetches', () => {
  let calls: string[];
  const safeFetch: SafeFetch = async (url) => {
    calls.push(url);
    if (url.endsWith('/down')) throw new SafeFetchError('unreachable', 'nobody is there');
    return new Response('<html>');
  };
  beforeEach(() => {
    calls = [];
    mock.timers.enable({ apis: ['setTimeout'] });
  });
  afterEach(() => mock.timers.reset());

  for (const path of ['/page', '/down']) {
    it(`is not asked for with every request, whatever came of it: ${path}`, async () => {
      const fetch = engineFetch(safeFetch);
      const ask = () =>
        fetch(new URL(path, 'https://stranger.example'), {} as never).then(
          (response) => response.text(),
          (error: Error) => error.message,
        );
      const first = await ask();
      for (let attempt = 0; attempt < 20; attempt += 1) expect(await ask()).to.equal(first);
      expect(calls).to.have.length(1);
      expect(await fetch(new URL('https://other.example/page'), {} as never)).to.include({ status: 200 });
      mock.timers.tick(2000);
      await ask();
      expect(calls).to.have.length(3);
    });
  }
});
