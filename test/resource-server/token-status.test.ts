import { deflateSync } from 'node:zlib';
import { expect } from 'chai';
import { SignJWT } from 'jose';
import { createTokenVerifier, type TokenVerifierOptions } from '../../lib/resource-server/token-verifier.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { audience, type IssuerKey, type LoopbackIssuer, makeKey, startIssuer } from './loopback-issuer.ts';

interface ListChanges {
  bits?: number;
  statuses?: Record<number, number>;
  bytes?: number;
  claims?: Record<string, unknown>;
  typ?: string;
  key?: IssuerKey;
}

describe('the status of a token', () => {
  let issuer: LoopbackIssuer;
  let uri: string;
  let list: ListChanges;
  let fetches: number;
  let raw: string | undefined;
  let status: number;

  async function listToken(): Promise<string> {
    const { bits = 1, statuses = {}, bytes = 128, claims = {}, typ = 'statuslist+jwt' } = list;
    const { key = issuer.published[0] as IssuerKey } = list;
    const content = Buffer.alloc(bytes);
    for (const [index, value] of Object.entries(statuses)) {
      const place = Number(index) * bits;
      content[place >> 3] = (content[place >> 3] ?? 0) | (value << (place & 7));
    }
    const now = Math.floor(Date.now() / 1000);
    return new SignJWT({
      ...{ sub: uri, iat: now, exp: now + 600, ttl: 300 },
      status_list: { bits, lst: deflateSync(content).toString('base64url') },
      ...claims,
    })
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid, typ })
      .sign(key.privateKey);
  }

  beforeEach(async () => {
    issuer = await startIssuer();
    uri = `${issuer.issuer}/lists/1`;
    list = {};
    fetches = 0;
    raw = undefined;
    status = 200;
    issuer.intercept = (request, response) => {
      if (request.url !== '/lists/1') return false;
      fetches += 1;
      response.writeHead(status, { connection: 'close' });
      if (raw !== undefined) response.end(raw);
      else void listToken().then((token) => response.end(token));
      return true;
    };
  });
  afterEach(() => issuer.close());

  const verifier = (options: Partial<TokenVerifierOptions> = {}) =>
    createTokenVerifier({ issuer: issuer.issuer, audience, cooldown: 0, ...options });
  const tokenAt = (idx: unknown, place: unknown = uri) =>
    issuer.sign({ claims: { status: { status_list: { idx, uri: place } } } });

  it('is looked up in the list, and what is set there is refused', async () => {
    list = { statuses: { 7: 1, 8: 1 } };
    const api = verifier();
    for (const [index, outcome] of [
      [6, 'valid'],
      [7, 'invalid'],
      [8, 'invalid'],
      [9, 'valid'],
      [1023, 'valid'],
    ] as const) {
      expect((await api.verifyToken(await tokenAt(index))).outcome, String(index)).to.equal(outcome);
    }
    expect(fetches, 'one list, one fetch').to.equal(1);
  });

  it('may have two, four or eight bits, of which zero alone is good', async () => {
    for (const bits of [2, 4, 8]) {
      list = { bits, statuses: { 3: 2, 5: 1 } };
      const api = verifier();
      const outcomes = await Promise.all(
        [2, 3, 4, 5].map(async (index) => (await api.verifyToken(await tokenAt(index))).outcome),
      );
      expect(outcomes, `${bits} bits`).to.deep.equal(['valid', 'invalid', 'valid', 'invalid']);
    }
  });

  it('is not asked for where the token names none, nor for a token that is bad anyway', async () => {
    const api = verifier();
    expect((await api.verifyToken(await issuer.sign())).outcome).to.equal('valid');
    const place = { status: { status_list: { idx: 1, uri } } };
    await api.verifyToken(await issuer.sign({ claims: { ...place, aud: 'https://other.example/' } }));
    await api.verifyToken(await issuer.sign({ claims: { ...place, exp: 1 } }));
    expect(fetches).to.equal(0);
  });

  it('is not taken for good where it cannot be understood', async () => {
    const api = verifier();
    for (const claim of [null, {}, { status_list: {} }, { status_list: { idx: -1, uri } }, { other: 1 }]) {
      const token = await issuer.sign({ claims: { status: claim } });
      expect((await api.verifyToken(token)).outcome, JSON.stringify(claim)).to.equal('invalid');
    }
    expect((await api.verifyToken(await tokenAt(1024))).outcome, 'beyond the end').to.equal('invalid');
  });

  it('is fetched again when the list’s time is over, which counts from its signature, and by one fetch', async () => {
    list = { claims: { ttl: 1 } };
    const api = verifier();
    const token = await tokenAt(3);
    expect((await api.verifyToken(token)).outcome).to.equal('valid');
    list = { claims: { ttl: 1 }, statuses: { 3: 1 } };
    await eventually('the API has heard', async () => (await api.verifyToken(token)).outcome === 'invalid');
    const now = Math.floor(Date.now() / 1000);
    list = { claims: { ttl: 100, iat: now - 99, exp: now + 100 } };
    fetches = 0;
    const fresh = verifier();
    await Promise.all(Array.from({ length: 10 }, () => fresh.verifyToken(token)));
    expect(fetches).to.equal(1);
    await eventually(
      'an old list is not kept as long as a fresh one',
      async () => (await fresh.verifyToken(token)).outcome === 'valid' && fetches > 1,
    );
  });

  it('is fetched again sooner where the API wants it so', async () => {
    list = { claims: { ttl: 100 } };
    const [usual, quick] = [verifier(), verifier({ statusMaxAge: 1 })];
    const token = await tokenAt(3);
    for (const api of [usual, quick]) expect((await api.verifyToken(token)).outcome).to.equal('valid');
    list = { claims: { ttl: 100 }, statuses: { 3: 1 } };
    await eventually('the API has heard', async () => (await quick.verifyToken(token)).outcome === 'invalid');
    expect((await usual.verifyToken(token)).outcome, 'the other goes by the list').to.equal('valid');
  });

  const failures: Record<string, () => void | Promise<void>> = {
    'the issuer answers with an error': () => {
      status = 500;
    },
    'it is no token': () => {
      raw = 'something else';
    },
    'it is signed by somebody else': async () => {
      list = { key: await makeKey('first') };
    },
    'it is for another address': () => {
      list = { claims: { sub: 'https://other.example/list' } };
    },
    'it is another kind of token': () => {
      list = { typ: 'at+jwt' };
    },
    'it has expired': () => {
      list = { claims: { exp: 1000 } };
    },
    'it has no list': () => {
      list = { claims: { status_list: { bits: 3, lst: '' } } };
    },
    'it grows beyond any size': () => {
      list = { bytes: 20_000_000 };
    },
  };
  for (const [what, arrange] of Object.entries(failures)) {
    it(`cannot be had when ${what}: then the API refuses, or accepts where it was told to`, async () => {
      await arrange();
      const token = await tokenAt(3);
      const closed = await verifier().verifyToken(token);
      expect(closed).to.include({ outcome: 'unavailable' });
      expect(closed).to.have.property('retryAfter').that.is.within(1, 5);
      expect((await verifier({ unknownStatus: 'accept' }).verifyToken(token)).outcome).to.equal('valid');
    });
  }

  it('is asked for over https alone, outside loopback', async () => {
    const token = await tokenAt(3, 'http://lists.example/1');
    const api = verifier({ fetch: (url, init) => fetch(url, init) });
    expect((await api.verifyToken(token)).outcome).to.equal('unavailable');
  });

  it('is not asked for again and again while it fails', async () => {
    status = 503;
    const api = verifier();
    for (let round = 0; round < 5; round += 1) await api.verifyToken(await tokenAt(round));
    expect(fetches).to.equal(1);
  });

  it('of a token that was known as revoked does not change when the list is lost, whatever the option', async () => {
    list = { statuses: { 3: 1 }, claims: { ttl: 1 } };
    const [open, closed] = [verifier({ unknownStatus: 'accept' }), verifier()];
    const [revoked, other] = [await tokenAt(3), await tokenAt(4)];
    for (const api of [open, closed]) {
      expect((await api.verifyToken(revoked)).outcome).to.equal('invalid');
      expect((await api.verifyToken(other)).outcome).to.equal('valid');
    }
    status = 500;
    await eventually(
      'the list is over',
      async () => (await closed.verifyToken(other)).outcome === 'unavailable',
      4000,
    );
    expect((await open.verifyToken(other)).outcome).to.equal('valid');
    for (const api of [open, closed]) expect((await api.verifyToken(revoked)).outcome).to.equal('invalid');
  });
});
