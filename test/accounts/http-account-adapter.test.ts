import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'chai';
import { AccountsUnavailable } from '../../lib/accounts/account-adapter.ts';
import { HttpAccountAdapter } from '../../lib/accounts/http-account-adapter.ts';
import { describeAccountAdapter } from './account-adapter-contract.ts';
import { changesOf, type RunningUserBase, startUserBase } from './user-base.ts';

const token = 'token-of-the-tests-0123456789';
const timeout = 5000;

describeAccountAdapter('HTTP', async () => {
  const base = await startUserBase(token);
  return {
    adapter: new HttpAccountAdapter({ url: base.url, token, timeout }),
    ...changesOf(base),
    close: () => base.close(),
  };
});

function json(response: ServerResponse, value: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

describe('HTTP account adapter in front of a user base in trouble', () => {
  const password = 'canary-Password-4711';
  let base: RunningUserBase;
  let elsewhere: RunningUserBase;
  beforeEach(async () => {
    base = await startUserBase(token);
    elsewhere = await startUserBase(token);
    base.add({ login: 'ann', password });
  });
  afterEach(async () => {
    await base.close();
    await elsewhere.close();
  });

  async function thrownBy(work: Promise<unknown>): Promise<unknown> {
    try {
      await work;
    } catch (error) {
      return error;
    }
    return undefined;
  }

  async function expectUnavailable(adapter: HttpAccountAdapter): Promise<void> {
    expect(await thrownBy(adapter.findBySub('employee-1'))).to.be.instanceOf(AccountsUnavailable);
    expect(await thrownBy(adapter.findByLogin('ann'))).to.be.instanceOf(AccountsUnavailable);
    const verification = await adapter.verifyPassword('ann', password);
    expect(verification).to.have.property('outcome', 'unavailable');
    const told = verification.outcome === 'unavailable' ? String(verification.cause?.message) : '';
    expect(told).to.not.be.empty.and.not.include(password);
    expect(told).to.not.include(token);
  }

  const account = { sub: 'employee-1', login: 'ann', disabled: false, claims: {} };
  const both = (value: Record<string, unknown>) => (request: IncomingMessage, response: ServerResponse) =>
    json(
      response,
      request.url?.endsWith('/verify') ? { outcome: 'verified', account: value } : { account: value },
    );

  const troubles: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    'answers 500': (_, response) => response.writeHead(500).end(),
    'answers 404': (_, response) => response.writeHead(404).end(),
    'answers 503 with a well-formed body': (_, response) =>
      response.writeHead(503, { 'content-type': 'application/json' }).end('{"account":null}'),
    'answers in HTML': (_, response) =>
      response.writeHead(200, { 'content-type': 'text/html' }).end('{"account":null}'),
    'answers half a document': (_, response) =>
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"account":'),
    'answers nothing': (_, response) => response.writeHead(200, { 'content-type': 'application/json' }).end(),
    'hangs up': (request) => request.socket.destroy(),
    'hangs up in the middle': (request, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      response.write('{"account":', () => request.socket.destroy());
    },
    'answers without end': (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        if (!response.destroyed) response.write(' '.repeat(60_000), more);
      };
      more();
    },
    'answers a deep nest': (request, response) => {
      const deep = `{"sub":"employee-1","login":"ann","disabled":false,"claims":{"x":${'['.repeat(9000)}${']'.repeat(9000)}}}`;
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(
        request.url?.endsWith('/verify') ? `{"outcome":"verified","account":${deep}}` : `{"account":${deep}}`,
      );
    },
    'answers with a member too many': both({ ...account, roles: [] }),
    'answers without a sub': both({ ...account, sub: undefined }),
    'answers with a sub of spaces': both({ ...account, sub: ' ' }),
    'answers with a login that is none': both({ ...account, login: 'a\u200bnn' }),
    'answers with disabled as text': both({ ...account, disabled: 'false' }),
    'answers with a protocol claim': both({ ...account, claims: { iss: 'https://elsewhere.example' } }),
    'answers with a bad claim': both({ ...account, claims: { email: 'nobody' } }),
    'answers a truth of its own': (_, response) => json(response, true),
  };
  for (const [trouble, how] of Object.entries(troubles)) {
    it(`is unavailable when it ${trouble}`, async () => {
      base.misbehave(how);
      await expectUnavailable(new HttpAccountAdapter({ url: base.url, token, timeout }));
    });
  }

  for (const [trouble, how] of [
    ['never answers', () => {}],
    [
      'never ends its answer',
      (_request: IncomingMessage, response: ServerResponse) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{');
      },
    ],
  ] as const) {
    it(`is unavailable in time when it ${trouble}`, async () => {
      base.misbehave(how);
      const began = performance.now();
      await expectUnavailable(new HttpAccountAdapter({ url: base.url, token, timeout: 150 }));
      expect(performance.now() - began).to.be.below(4000);
    });
  }

  it('is unavailable when nobody listens', async () => {
    await elsewhere.close();
    await expectUnavailable(new HttpAccountAdapter({ url: elsewhere.url, token, timeout }));
    elsewhere = await startUserBase(token);
  });

  it('is unavailable when the token is wrong', async () => {
    await expectUnavailable(new HttpAccountAdapter({ url: base.url, token: 'another token', timeout }));
  });

  for (const status of [301, 302, 307, 308]) {
    it(`carries nothing to where a ${status} points`, async () => {
      base.misbehave((_, response) =>
        response.writeHead(status, { location: `${elsewhere.url}/verify` }).end(),
      );
      await expectUnavailable(new HttpAccountAdapter({ url: base.url, token, timeout }));
      expect(elsewhere.asked).to.deep.equal([]);
    });
  }

  it('refuses an answer about somebody else', async () => {
    base.misbehave((_, response) => json(response, { account: { ...account, sub: 'employee-2' } }));
    const adapter = new HttpAccountAdapter({ url: base.url, token, timeout });
    expect(await thrownBy(adapter.findBySub('employee-1'))).to.be.instanceOf(AccountsUnavailable);
  });

  it('refuses a verified person who is said to be disabled', async () => {
    base.misbehave(both({ ...account, disabled: true }));
    const adapter = new HttpAccountAdapter({ url: base.url, token, timeout });
    expect(await adapter.verifyPassword('ann', password)).to.deep.equal({
      outcome: 'refused',
      reason: 'disabled',
    });
  });

  for (const [what, url] of [
    ['no URL', undefined],
    ['no URL but text', 'people'],
    ['plain http elsewhere', 'http://people.example.com'],
    ['another protocol', 'ftp://127.0.0.1'],
    ['credentials', 'https://a:b@people.example.com'],
    ['a query', 'https://people.example.com/?key=1'],
  ] as const) {
    it(`does not start with ${what}`, () => {
      expect(() => new HttpAccountAdapter({ url, token, timeout })).to.throw(/^accounts\.http\.url: /);
    });
  }
});
