import { expect } from 'chai';
import { base64url, exportSPKI, importJWK, type JWTPayload, SignJWT } from 'jose';
import { createTokenVerifier, type TokenVerifierOptions } from '../../lib/resource-server/token-verifier.ts';
import { audience, type LoopbackIssuer, makeKey, startIssuer } from './loopback-issuer.ts';

describe('the token verifier', () => {
  let issuer: LoopbackIssuer;

  before(async () => {
    issuer = await startIssuer();
  });
  after(() => issuer.close());

  const verifier = (options: Partial<TokenVerifierOptions> = {}) =>
    createTokenVerifier<{ tenant?: string }>({ issuer: issuer.issuer, audience, ...options });
  const now = () => Math.floor(Date.now() / 1000);

  it('answers the claims of a good token, with the issuer’s own ones', async () => {
    const verification = await verifier().verifyToken(
      await issuer.sign({ claims: { tenant: 'acme', aud: ['https://other.example/', audience] } }),
      ['read'],
    );
    if (verification.outcome !== 'valid') throw new Error(JSON.stringify(verification));
    expect(verification.claims.sub).to.equal('person');
    expect(verification.claims.client_id).to.equal('app');
    expect(verification.claims.tenant).to.equal('acme');
  });

  it('takes the long form of the type, and every default algorithm', async () => {
    const first = issuer.published;
    try {
      for (const algorithm of ['RS256', 'PS256', 'ES256', 'EdDSA']) {
        const key = await makeKey(algorithm, algorithm);
        issuer.published = [key];
        const token = await issuer.sign({ key, header: { typ: 'application/at+JWT' } });
        expect(await verifier().verifyToken(token), algorithm).to.include({ outcome: 'valid' });
      }
    } finally {
      issuer.published = first;
    }
  });

  describe('calls invalid', () => {
    const bad: [what: string, changes: { claims?: object; header?: object }, reason: RegExp][] = [
      ['another issuer', { claims: { iss: 'http://127.0.0.1:1' } }, /iss/],
      ['another audience', { claims: { aud: 'https://other.example/' } }, /aud/],
      [
        'several audiences without ours',
        { claims: { aud: ['https://a.example/', 'https://b.example/'] } },
        /aud/,
      ],
      ['an audience that ours begins with', { claims: { aud: audience.slice(0, -1) } }, /aud/],
      ['no audience', { claims: { aud: undefined } }, /aud/],
      ['a time before its nbf', { claims: { nbf: now() + 86_400 } }, /nbf/],
      ['no exp', { claims: { exp: undefined } }, /exp/],
      ['an exp that is no number', { claims: { exp: '9999999999' } }, /exp/],
      ['no iat', { claims: { iat: undefined } }, /iat/],
      ['no sub', { claims: { sub: undefined } }, /sub/],
      ['an empty sub', { claims: { sub: '' } }, /sub/],
      ['no client_id', { claims: { client_id: undefined } }, /client_id/],
      ['a client_id that is no string', { claims: { client_id: 5 } }, /client_id/],
      ['no jti', { claims: { jti: undefined } }, /jti/],
      ['a scope that is no string', { claims: { scope: ['read'] } }, /scope/],
      ['a token bound to a key', { claims: { cnf: { jkt: 'thumbprint' } } }, /bound to a key/],
      ['no type', { header: { typ: undefined } }, /typ/],
      ['the type JWT', { header: { typ: 'JWT' } }, /typ/],
      ['a logout token', { header: { typ: 'logout+jwt' } }, /typ/],
      ['an unknown kid', { header: { kid: 'unknown' } }, /key/],
    ];
    for (const [what, changes, reason] of bad) {
      it(what, async () => {
        const token = await issuer.sign(changes as Parameters<LoopbackIssuer['sign']>[0]);
        const verification = await verifier().verifyToken(token);
        expect(verification).to.have.property('outcome', 'invalid');
        expect(verification).to.have.property('reason').that.matches(reason);
      });
    }

    it('an ID token', async () => {
      const idToken = await issuer.sign({
        claims: { aud: 'app', nonce: 'n', client_id: undefined, jti: undefined },
        header: { typ: undefined },
      });
      expect(await verifier().verifyToken(idToken)).to.include({ outcome: 'invalid' });
      // Not even where an API shares its identifier with a client.
      expect(await verifier({ audience: 'app' }).verifyToken(idToken)).to.include({ outcome: 'invalid' });
    });

    it('an unsigned token', async () => {
      const [, payload] = (await issuer.sign()).split('.');
      for (const algorithm of ['none', 'None', 'NONE']) {
        const header = base64url.encode(JSON.stringify({ alg: algorithm, typ: 'at+jwt' }));
        expect(await verifier().verifyToken(`${header}.${payload}.`)).to.include({ outcome: 'invalid' });
      }
    });

    it('a MAC keyed with the public key', async () => {
      const key = issuer.published[0];
      if (key === undefined) throw new Error('no key');
      const publicKey = await importJWK({ ...key.publicJwk, ext: true }, key.algorithm);
      if (publicKey instanceof Uint8Array) throw new Error('not a key pair');
      const payload = JSON.parse(
        Buffer.from((await issuer.sign()).split('.')[1] ?? '', 'base64url').toString(),
      ) as JWTPayload;
      for (const secret of [await exportSPKI(publicKey), JSON.stringify(key.publicJwk)]) {
        const forged = await new SignJWT(payload)
          .setProtectedHeader({ alg: 'HS256', kid: key.kid, typ: 'at+jwt' })
          .sign(new TextEncoder().encode(secret));
        expect(await verifier().verifyToken(forged)).to.include({ outcome: 'invalid' });
      }
    });

    it('a key that the token brings along', async () => {
      const own = await makeKey('own');
      const token = await issuer.sign({
        key: own,
        header: { jwk: own.publicJwk, jku: 'http://127.0.0.1:1/jwks' },
      });
      expect(await verifier().verifyToken(token)).to.include({ outcome: 'invalid' });
      const disguised = await issuer.sign({ key: own, header: { kid: 'first', jwk: own.publicJwk } });
      expect(await verifier().verifyToken(disguised)).to.include({ outcome: 'invalid' });
    });

    it('an asymmetric algorithm outside the list', async () => {
      expect(await verifier({ algorithms: ['RS256'] }).verifyToken(await issuer.sign())).to.include({
        outcome: 'invalid',
      });
    });

    it('a changed payload, a cut one, and what is no token at all', async () => {
      const [header, , signature] = (await issuer.sign()).split('.');
      const [, other] = (await issuer.sign({ claims: { sub: 'admin' } })).split('.');
      const critical = await issuer.sign();
      const withCritical = `${base64url.encode(JSON.stringify({ alg: 'ES256', kid: 'first', typ: 'at+jwt', crit: ['x'], x: 1 }))}.${critical.split('.').slice(1).join('.')}`;
      const tokens = [
        `${header}.${other}.${signature}`,
        `${header}.${other}`,
        withCritical,
        'opaque',
        '',
        '..',
        'a'.repeat(20_000),
      ];
      for (const token of tokens) {
        expect(await verifier().verifyToken(token), token.slice(0, 40)).to.include({ outcome: 'invalid' });
      }
    });
  });

  it('calls expired only what was good in every other respect', async () => {
    const claims = { exp: now() - 60 };
    expect(await verifier().verifyToken(await issuer.sign({ claims }))).to.deep.equal({ outcome: 'expired' });
    for (const changes of [
      { claims: { ...claims, aud: 'https://other.example/' } },
      { claims, header: { typ: 'JWT' } },
      { claims, key: await makeKey('first') },
    ]) {
      expect(await verifier().verifyToken(await issuer.sign(changes))).to.include({ outcome: 'invalid' });
    }
  });

  it('forgives clocks the tolerance, and no more', async () => {
    const claims = { exp: now() - 20 };
    expect(await verifier({ clockTolerance: 30 }).verifyToken(await issuer.sign({ claims }))).to.include({
      outcome: 'valid',
    });
    expect(await verifier({ clockTolerance: 10 }).verifyToken(await issuer.sign({ claims }))).to.include({
      outcome: 'expired',
    });
  });

  it('wants all required scopes, those of the API and those of the call', async () => {
    const both = verifier({ requiredScopes: ['read'] });
    expect(
      await both.verifyToken(await issuer.sign({ claims: { scope: 'write read' } }), ['write']),
    ).to.include({
      outcome: 'valid',
    });
    expect(await both.verifyToken(await issuer.sign(), ['write'])).to.deep.equal({
      outcome: 'insufficient_scope',
      requiredScopes: ['read', 'write'],
    });
    for (const scope of [undefined, '', 'reading', 'READ']) {
      expect(await both.verifyToken(await issuer.sign({ claims: { scope } })), scope ?? 'none').to.include({
        outcome: 'insufficient_scope',
      });
    }
  });

  it('reads the Authorization header alone', async () => {
    const token = await issuer.sign();
    const outcome = async (authorization: string[], url = '/notes') =>
      (await verifier().verifyRequest({ authorization, url })).outcome;
    expect(await outcome([`Bearer ${token}`])).to.equal('valid');
    expect(await outcome([`bEARER  ${token}`])).to.equal('valid');
    expect(await outcome([])).to.equal('missing');
    expect(await outcome(['Basic dXNlcjpwYXNz'])).to.equal('missing');
    expect(await outcome(['Bearerish'])).to.equal('missing');
    expect(await outcome(['Bearer'])).to.equal('malformed_request');
    expect(await outcome(['Bearer two words'])).to.equal('malformed_request');
    expect(await outcome([`Bearer ${token}, Bearer ${token}`])).to.equal('malformed_request');
    expect(await outcome([`Bearer ${token}`, `Bearer ${token}`])).to.equal('malformed_request');
    expect(await outcome([], `/notes?access_token=${token}`)).to.equal('malformed_request');
    expect(await outcome([`Bearer ${token}`], `/notes?a=1&access_token=${token}`)).to.equal(
      'malformed_request',
    );
    expect(await outcome([`Bearer ${token}`], '/notes?a=access_token')).to.equal('valid');
  });

  it('refuses to be made unsafe', () => {
    const make = (options: Partial<TokenVerifierOptions>) => () => verifier(options);
    expect(make({ issuer: 'http://login.example' })).to.throw(TypeError, 'issuer');
    expect(make({ issuer: 'http://localhost.example' })).to.throw(TypeError, 'issuer');
    expect(make({ issuer: 'nonsense' })).to.throw(TypeError, 'issuer');
    expect(make({ jwksUri: 'http://login.example/jwks' })).to.throw(TypeError, 'jwksUri');
    expect(make({ algorithms: ['HS256'] })).to.throw(TypeError, 'HS256');
    expect(make({ algorithms: ['none'] })).to.throw(TypeError, 'none');
    expect(make({ algorithms: [] })).to.throw(TypeError, 'algorithms');
    expect(make({ audience: '' })).to.throw(TypeError, 'audience');
    expect(make({ cooldown: -1 })).to.throw(TypeError, 'cooldown');
  });
});
