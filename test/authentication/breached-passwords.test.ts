import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect } from 'chai';
import { BreachedPasswords } from '../../lib/authentication/passwords/breached-passwords.ts';
import { createPasswordPolicy } from '../../lib/authentication/passwords/password-policy.ts';
import { createEvents } from '../../lib/observability/events.ts';
import type { Log } from '../../lib/observability/log.ts';
import { createSafeFetch } from '../../lib/outbound/safe-fetch.ts';
import { type RangeServer, startRangeServer } from './breached-range-server.ts';

const PASSWORD = 'seven quiet otters';

describe('passwords that have leaked', function () {
  this.timeout(60_000);
  let server: RangeServer;
  let outcomes: string[];
  let told: string[];

  beforeEach(async () => {
    server = await startRangeServer();
    outcomes = [];
    told = [];
  });
  afterEach(() => server.close());

  function open(
    settings: Partial<ConstructorParameters<typeof BreachedPasswords>[0]['settings']> = {},
    privateNetworks = ['loopback'],
  ): BreachedPasswords {
    const events = createEvents();
    events.on('password.looked_up', ({ outcome }) => outcomes.push(outcome));
    return new BreachedPasswords({
      settings: { url: server.url, timeout: 20_000, minimum: 1, ...settings },
      safeFetch: createSafeFetch({ privateNetworks }),
      events,
      log: { warn: (...line: unknown[]) => told.push(JSON.stringify(line)) } as unknown as Log,
    });
  }

  it('are found by five digits of their digest, with padding, and nothing else leaves the machine', async () => {
    server.leak(PASSWORD, 3);
    expect(await open().include(PASSWORD)).to.equal(true);
    expect(await open().include(`${PASSWORD}!`)).to.equal(false);
    const prefixOf = (password: string) => createHash('sha1').update(password).digest('hex').slice(0, 5);
    expect(server.asked).to.deep.equal(
      [PASSWORD, `${PASSWORD}!`].map((password) => ({
        path: `/range/${prefixOf(password).toUpperCase()}`,
        padding: 'true',
      })),
    );
    expect({ outcomes, told }).to.deep.equal({ outcomes: ['breached', 'unknown'], told: [] });
  });

  it('are the same however they are typed', async () => {
    server.leak('ＳＥＶＥＮ'.normalize('NFKC'), 1);
    expect(await open().include('ＳＥＶＥＮ')).to.equal(true);
  });

  it('are not those that padding names, nor those that were seen less often than is minded', async () => {
    server.leak(PASSWORD, 0);
    expect(await open().include(PASSWORD)).to.equal(false);
    server.leak(PASSWORD, 9);
    expect(await open({ minimum: 10 }).include(PASSWORD)).to.equal(false);
    expect(await open({ minimum: 9 }).include(PASSWORD)).to.equal(true);
  });

  const { url: _, ...off } = { url: '', timeout: 1000, minimum: 1 };
  it('are not asked for where no service is configured', async () => {
    server.leak(PASSWORD, 3);
    const breached = new BreachedPasswords({
      settings: off,
      safeFetch: createSafeFetch({ privateNetworks: ['loopback'] }),
      events: createEvents(),
      log: {} as Log,
    });
    expect(await breached.include(PASSWORD)).to.equal(false);
    expect(server.asked).to.deep.equal([]);
  });

  const troubles: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    'answers 503': (_request, response) => response.writeHead(503).end(),
    'answers 429': (_request, response) => response.writeHead(429, { 'retry-after': '2' }).end(),
    'sends elsewhere': (_request, response) => response.writeHead(302, { location: server.url }).end(),
    'answers a page': (_request, response) => response.writeHead(200).end('<html>Please sign in</html>'),
    'answers half a line': (_request, response) => response.writeHead(200).end('0123456789'),
    'hangs up': (request) => request.socket.destroy(),
    'never answers': () => {},
    'answers without end': (_request, response) => {
      const more = (): void => {
        if (!response.destroyed) response.write(`${'A'.repeat(35)}:1\r\n`.repeat(1000), more);
      };
      response.writeHead(200);
      more();
    },
  };
  for (const [trouble, how] of Object.entries(troubles)) {
    it(`keep nobody from choosing one when the service ${trouble}`, async () => {
      server.leak(PASSWORD, 3);
      server.misbehave(how);
      const limits = trouble === 'never answers' ? { timeout: 100 } : {};
      expect(await open(limits).include(PASSWORD)).to.equal(false);
      expect(outcomes).to.deep.equal(['failed']);
      const digest = createHash('sha1').update(PASSWORD).digest('hex').toUpperCase();
      expect(told).to.have.length(1);
      expect(told[0]).to.not.contain(PASSWORD).and.not.contain(digest.slice(0, 5));
    });
  }

  it('keep nobody from choosing one when the service is where Latchkey may not call', async () => {
    server.leak(PASSWORD, 3);
    expect(await open({}, []).include(PASSWORD)).to.equal(false);
    expect({ outcomes, asked: server.asked }).to.deep.equal({ outcomes: ['failed'], asked: [] });
  });

  it('are refused by the rules for passwords, after everything that needs nobody', async () => {
    server.leak(PASSWORD, 3);
    const policy = createPasswordPolicy({ minimumLength: 8 }, open());
    const person = { login: 'annabella@example.com' };
    expect(await policy.judge(PASSWORD, person)).to.include({ outcome: 'refused', reason: 'breached' });
    expect(server.asked).to.have.length(1);
    for (const [password, reason] of [
      ['short', 'too_short'],
      ['password1', 'common'],
      ['annabella', 'personal'],
    ] as const) {
      expect(await policy.judge(password, person)).to.include({ reason });
    }
    expect(server.asked).to.have.length(1);
    expect(await policy.judge(`${PASSWORD}!`, person)).to.deep.equal({ outcome: 'accepted' });
  });
});
