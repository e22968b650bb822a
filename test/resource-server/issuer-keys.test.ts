import { expect } from 'chai';
import { createTokenVerifier, type TokenVerifierOptions } from '../../lib/resource-server/token-verifier.ts';
import { audience, type LoopbackIssuer, makeKey, startIssuer } from './loopback-issuer.ts';

describe('the issuer’s keys', () => {
  let issuer: LoopbackIssuer;

  beforeEach(async () => {
    issuer = await startIssuer();
  });
  afterEach(() => issuer.close());

  const verifier = (options: Partial<TokenVerifierOptions> = {}) =>
    createTokenVerifier({ issuer: issuer.issuer, audience, ...options });

  it('are not fetched before a token comes, and once for many that come at once', async () => {
    const { verifyToken } = verifier();
    expect(issuer.requests).to.deep.equal([]);
    const token = await issuer.sign();
    const verifications = await Promise.all(Array.from({ length: 50 }, () => verifyToken(token)));
    expect(new Set(verifications.map(({ outcome }) => outcome))).to.deep.equal(new Set(['valid']));
    expect(issuer.requests).to.deep.equal(['/.well-known/openid-configuration', '/jwks']);
  });

  it('are not fetched for what is not signed asymmetrically', async () => {
    expect(await verifier().verifyToken('e30.e30.')).to.include({ outcome: 'invalid' });
    expect(issuer.requests).to.deep.equal([]);
  });

  it('are fetched again when a token names a new one', async () => {
    const { verifyToken } = verifier({ cooldown: 0 });
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'valid' });
    const [old] = issuer.published;
    issuer.published = [await makeKey('second')];
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'valid' });
    expect(issuer.jwksFetches()).to.equal(2);
    if (old === undefined) throw new Error('no key');
    expect(await verifyToken(await issuer.sign({ key: old }))).to.include({ outcome: 'invalid' });
  });

  it('are fetched once a cool-down, however many unknown kids come', async () => {
    const { verifyToken } = verifier();
    await verifyToken(await issuer.sign());
    for (let round = 0; round < 10; round++) {
      const tokens = await Promise.all(
        Array.from({ length: 5 }, () => issuer.sign({ header: { kid: crypto.randomUUID() } })),
      );
      for (const verification of await Promise.all(tokens.map((token) => verifyToken(token)))) {
        expect(verification).to.include({ outcome: 'invalid' });
      }
    }
    expect(issuer.jwksFetches()).to.equal(1);
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'valid' });
  });

  it('are fetched once more when the cool-down is over', async () => {
    const { verifyToken } = verifier({ cooldown: 0.2 });
    await verifyToken(await issuer.sign());
    const start = performance.now();
    while (issuer.jwksFetches() < 4)
      await verifyToken(await issuer.sign({ header: { kid: crypto.randomUUID() } }));
    expect(performance.now() - start).to.be.above(3 * 0.2 * 1000 - 50);
  });

  it('are fetched again when they are old, though every kid is known', async () => {
    const { verifyToken } = verifier({ cacheMaxAge: 0, staleIfError: 0, cooldown: 0 });
    await verifyToken(await issuer.sign());
    const [withdrawn] = issuer.published;
    issuer.published = [await makeKey('second')];
    if (withdrawn === undefined) throw new Error('no key');
    expect(await verifyToken(await issuer.sign({ key: withdrawn }))).to.include({ outcome: 'invalid' });
  });

  it('being unreachable is no verdict on the token, and is got over', async () => {
    const { verifyToken } = verifier({ cooldown: 0 });
    const token = await issuer.sign();
    await issuer.close();
    const verification = await verifyToken(token);
    expect(verification).to.include({ outcome: 'unavailable', retryAfter: 1 });
    expect(verification)
      .to.have.property('reason')
      .that.matches(/openid-configuration.*ECONNREFUSED/);
    await issuer.listen();
    expect(await verifyToken(token)).to.include({ outcome: 'valid' });
  });

  it('being unreachable is asked about once a cool-down', async () => {
    const { verifyToken } = verifier();
    issuer.intercept = (_request, response) => {
      response.writeHead(500).end();
      return true;
    };
    for (let round = 0; round < 5; round++) {
      const verification = await verifyToken(await issuer.sign());
      if (verification.outcome !== 'unavailable') throw new Error(verification.outcome);
      expect(verification.retryAfter).to.be.within(1, 5);
    }
    // One failed discovery is one question at each of the two well-known paths.
    expect(issuer.requests).to.have.length(2);
  });

  it('serve on through an outage, but a new key cannot be judged then', async () => {
    const { verifyToken } = verifier({ cacheMaxAge: 0, cooldown: 0 });
    const token = await issuer.sign();
    await verifyToken(token);
    await issuer.close();
    expect(await verifyToken(token)).to.include({ outcome: 'valid' });
    const next = await makeKey('second');
    expect(await verifyToken(await issuer.sign({ key: next }))).to.include({ outcome: 'unavailable' });
    issuer.published = [next];
    await issuer.listen();
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'valid' });
  });

  it('do not serve for ever', async () => {
    const { verifyToken } = verifier({ cacheMaxAge: 0, staleIfError: 0, cooldown: 0 });
    await verifyToken(await issuer.sign());
    await issuer.close();
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'unavailable' });
    await issuer.listen();
  });

  it('are waited for no longer than the time-out', async () => {
    const { verifyToken } = verifier({ timeout: 0.1 });
    issuer.intercept = () => true;
    const verification = await verifyToken(await issuer.sign());
    expect(verification).to.include({ outcome: 'unavailable' });
    expect(verification)
      .to.have.property('reason')
      .that.matches(/timeout/i);
  });

  it('are believed only where the issuer says its own name', async () => {
    for (const metadata of [
      { ...issuer.metadata, issuer: `${issuer.issuer}/` },
      { jwks_uri: issuer.metadata.jwks_uri },
      { issuer: issuer.issuer },
      { issuer: issuer.issuer, jwks_uri: 'http://keys.example/jwks' },
      [],
    ]) {
      issuer.metadata = metadata as Record<string, unknown>;
      const verification = await verifier().verifyToken(await issuer.sign());
      expect(verification, JSON.stringify(metadata)).to.include({ outcome: 'unavailable' });
    }
    expect(issuer.jwksFetches()).to.equal(0);
  });

  it('are not fetched from where a redirect points', async () => {
    issuer.intercept = (request, response) => {
      if (request.url !== '/jwks') return false;
      response.writeHead(302, { location: '/elsewhere' }).end();
      return true;
    };
    expect(await verifier().verifyToken(await issuer.sign())).to.include({ outcome: 'unavailable' });
    expect(issuer.requests).not.to.include('/elsewhere');
  });

  it('are no keys when they are not JSON, or no key set', async () => {
    for (const body of ['<html>', '{}', '{"keys":"none"}', 'null']) {
      issuer.intercept = (request, response) => {
        if (request.url !== '/jwks') return false;
        response.writeHead(200, { 'content-type': 'application/json' }).end(body);
        return true;
      };
      expect(await verifier().verifyToken(await issuer.sign()), body).to.include({ outcome: 'unavailable' });
    }
  });

  it('are found where the issuer moved them', async () => {
    const { verifyToken } = verifier({ cacheMaxAge: 0, staleIfError: 0, cooldown: 0 });
    await verifyToken(await issuer.sign());
    issuer.metadata = { ...issuer.metadata, jwks_uri: `${issuer.issuer}/moved` };
    issuer.intercept = (request, response) => {
      if (request.url === '/jwks') response.writeHead(410).end();
      else if (request.url === '/moved') {
        response.end(JSON.stringify({ keys: issuer.published.map(({ publicJwk }) => publicJwk) }));
      } else return false;
      return true;
    };
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'unavailable' });
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'valid' });
  });

  it('are found by RFC 8414 where OpenID discovery is absent, and without either where jwksUri is given', async () => {
    const withPath = await startIssuer('/tenant');
    try {
      withPath.intercept = (request, response) => {
        if (request.url === '/.well-known/oauth-authorization-server/tenant') {
          response.end(JSON.stringify(withPath.metadata));
        } else if (request.url === '/tenant/.well-known/openid-configuration') response.writeHead(404).end();
        else return false;
        return true;
      };
      const found = createTokenVerifier({ issuer: withPath.issuer, audience });
      expect(await found.verifyToken(await withPath.sign())).to.include({ outcome: 'valid' });

      withPath.requests.length = 0;
      const told = createTokenVerifier({
        issuer: withPath.issuer,
        audience,
        jwksUri: `${withPath.issuer}/jwks`,
      });
      expect(await told.verifyToken(await withPath.sign())).to.include({ outcome: 'valid' });
      expect(withPath.requests).to.deep.equal(['/tenant/jwks']);
    } finally {
      await withPath.close();
    }
  });

  it('are fetched by the given fetch', async () => {
    const asked: string[] = [];
    const { verifyToken } = verifier({
      fetch: (url, init) => {
        asked.push(url);
        return fetch(url, init);
      },
    });
    expect(await verifyToken(await issuer.sign())).to.include({ outcome: 'valid' });
    expect(asked).to.have.length(2);
  });
});
