import { createHash, randomUUID } from 'node:crypto';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Koa from 'koa';
import { expressResourceServer } from '../../lib/resource-server/express-resource-server.ts';
import { fetchResourceServer } from '../../lib/resource-server/fetch-resource-server.ts';
import { createFirstUses } from '../../lib/resource-server/first-use.ts';
import { type KoaTokenState, koaResourceServer } from '../../lib/resource-server/koa-resource-server.ts';
import { createTokenVerifier, type TokenVerifierOptions } from '../../lib/resource-server/token-verifier.ts';
import { testCertificate } from '../config/test-certificate.ts';
import { audience, type LoopbackIssuer, startIssuer } from './loopback-issuer.ts';

const ORIGIN = 'https://api.example';
const digestOf = (data: string | Buffer) => createHash('sha256').update(data).digest('base64url');
const DER = Buffer.from(
  testCertificate.certificate.replace(/-----[^-]+-----/g, '').replaceAll(/\s/g, ''),
  'base64',
);

describe('tokens that are bound, at an API', () => {
  let issuer: LoopbackIssuer;
  let key: CryptoKey;
  let jwk: JWK;
  let bound: string;
  let certified: string;

  before(async () => {
    issuer = await startIssuer();
    const pair = await generateKeyPair('ES256', { extractable: true });
    key = pair.privateKey;
    jwk = await exportJWK(pair.publicKey);
    bound = await issuer.sign({ claims: { cnf: { jkt: await calculateJwkThumbprint(jwk) } } });
    certified = await issuer.sign({ claims: { cnf: { 'x5t#S256': digestOf(DER) } } });
  });
  after(() => issuer.close());

  const options = (more: Partial<TokenVerifierOptions> = {}): TokenVerifierOptions => ({
    issuer: issuer.issuer,
    audience,
    dpop: { origin: ORIGIN },
    certificates: 'client-cert',
    ...more,
  });

  interface Changes {
    claims?: Record<string, unknown>;
    header?: Record<string, unknown>;
    key?: CryptoKey;
  }

  /** A proof for GET https://api.example/notes, complete but for what `changes` makes of it. */
  async function proof({ claims, header, key: other = key }: Changes = {}): Promise<string> {
    return new SignJWT({
      ...{ htm: 'GET', htu: `${ORIGIN}/notes`, ath: digestOf(bound), jti: randomUUID() },
      iat: Math.floor(Date.now() / 1000),
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
      .sign(other);
  }

  const asked = (proofs: string[], more: object = {}) => ({
    authorization: [`DPoP ${bound}`],
    method: 'GET',
    url: '/notes?page=2',
    proofs,
    ...more,
  });

  it('are taken with a proof of now, for this address, by the key', async () => {
    const { verifyRequest } = createTokenVerifier(options());
    const now = Math.floor(Date.now() / 1000);
    const proofs = [
      await proof(),
      await proof({ claims: { iat: now + 10 } }),
      await proof({ claims: { iat: now - 10 } }),
      await proof({ claims: { htu: `HTTPS://API.example:443/notes?other#part` } }),
    ];
    for (const one of proofs) {
      expect(await verifyRequest(asked([one]))).to.have.property('outcome', 'valid');
    }
    const lower = asked([await proof()], { authorization: [`dpop ${bound}`] });
    expect(await verifyRequest(lower)).to.have.property('outcome', 'valid');
    const absolute = asked([await proof()], { url: `${ORIGIN}/notes` });
    expect(await verifyRequest(absolute)).to.have.property('outcome', 'valid');
  });

  it('are refused with a proof that is none for this request', async () => {
    const { verifyRequest } = createTokenVerifier(options());
    const now = Math.floor(Date.now() / 1000);
    const stranger = await generateKeyPair('ES256', { extractable: true });
    const strangerJwk = await exportJWK(stranger.publicKey);
    const rsa = await generateKeyPair('RS256', { extractable: true });
    const whole = await proof();
    const wrong: [what: string, proofs: string[], more?: object][] = [
      ['none', []],
      ['two', [await proof(), await proof()]],
      ['two in one field', [`${await proof()}, ${await proof()}`]],
      ['no JWT', ['a.b.c']],
      ['one that is cut', [whole.slice(0, -4)]],
      ['one that is too long', [await proof({ claims: { filler: 'a'.repeat(9000) } })]],
      ['another type', [await proof({ header: { typ: 'JWT' } })]],
      ['no key', [await proof({ header: { jwk: undefined } })]],
      ['a private key', [await proof({ header: { jwk: await exportJWK(key) } })]],
      ['another key’s signature', [await proof({ key: stranger.privateKey })]],
      ['another key', [await proof({ key: stranger.privateKey, header: { jwk: strangerJwk } })]],
      [
        'an algorithm that is not taken',
        [await proof({ key: rsa.privateKey, header: { alg: 'RS256', jwk: await exportJWK(rsa.publicKey) } })],
      ],
      ['another method', [await proof({ claims: { htm: 'POST' } })]],
      ['another path', [await proof({ claims: { htu: `${ORIGIN}/other` } })]],
      ['another host', [await proof({ claims: { htu: 'https://other.example/notes' } })]],
      ['an address that is none', [await proof({ claims: { htu: 'notes' } })]],
      ['a path that looks like a host', [await proof()], { url: '//api.example/notes' }],
      ['another token', [await proof({ claims: { ath: digestOf('another') } })]],
      ['an old date', [await proof({ claims: { iat: now - 90 } })]],
      ['a date to come', [await proof({ claims: { iat: now + 90 } })]],
      ['a date that is none', [await proof({ claims: { iat: 'now' } })]],
      ['an empty identifier', [await proof({ claims: { jti: '' } })]],
      ...(await Promise.all(
        ['htm', 'htu', 'ath', 'iat', 'jti'].map(async (name): Promise<[string, string[]]> => {
          return [`no ${name}`, [await proof({ claims: { [name]: undefined } })]];
        }),
      )),
    ];
    for (const [what, proofs, more] of wrong) {
      const { outcome } = await verifyRequest(asked(proofs, more));
      expect({ what, outcome }).to.deep.equal({ what, outcome: 'invalid_proof' });
    }
  });

  it('are refused with a proof that was used before: of fifty at once one passes', async () => {
    const { verifyRequest } = createTokenVerifier(options());
    const one = await proof();
    const outcomes = await Promise.all(
      Array.from({ length: 50 }, async () => (await verifyRequest(asked([one]))).outcome),
    );
    expect(outcomes.filter((outcome) => outcome === 'valid')).to.have.length(1);
    expect(outcomes.filter((outcome) => outcome === 'invalid_proof')).to.have.length(49);
  });

  it('several processes share a memory of proofs that is given', async () => {
    const shared = createFirstUses();
    const dpop = { origin: ORIGIN, firstUse: async (id: string, until: number) => shared(id, until) };
    const one = await proof();
    const outcomes = await Promise.all(
      [1, 2].map(
        async () => (await createTokenVerifier(options({ dpop })).verifyRequest(asked([one]))).outcome,
      ),
    );
    expect(outcomes).to.have.members(['valid', 'invalid_proof']);
  });

  it('a memory forgets what is over, and lets nothing pass when it is full of what is not', () => {
    const firstUse = createFirstUses(2);
    const now = Date.now() / 1000;
    expect(firstUse('first', now - 1)).to.equal(true);
    expect(firstUse('second', now + 60)).to.equal(true);
    expect(firstUse('third', now + 60)).to.equal(true);
    expect(firstUse('second', now + 60)).to.equal(false);
    expect(firstUse('fourth', now + 60)).to.equal(false);
  });

  it('are taken with the certificate that they are bound to, and with no other', async () => {
    const { verifyRequest } = createTokenVerifier(options());
    const ask = async (certificate?: Buffer, authorization = `Bearer ${certified}`) =>
      (
        await verifyRequest({
          authorization: [authorization],
          url: '/notes',
          certificate: certificate === undefined ? undefined : Uint8Array.from(certificate),
        })
      ).outcome;
    expect(await ask(DER)).to.equal('valid');
    expect(await ask()).to.equal('invalid');
    expect(await ask(Buffer.from('another'))).to.equal('invalid');
    expect(await ask(DER, `DPoP ${certified}`)).to.equal('invalid');
  });

  it('are refused as bearer tokens, and where nothing looks at what they are bound to', async () => {
    const bearer = { authorization: [`Bearer ${bound}`], method: 'GET', url: '/notes' };
    const { verifyRequest, verifyToken } = createTokenVerifier(options());
    expect(await verifyRequest({ ...bearer, proofs: [await proof()] })).to.have.property(
      'outcome',
      'invalid',
    );
    expect(await verifyToken(bound)).to.have.property('outcome', 'invalid');
    expect(await verifyToken(certified)).to.have.property('outcome', 'invalid');
    const plain = createTokenVerifier({ issuer: issuer.issuer, audience });
    expect(await plain.verifyRequest(asked([await proof()]))).to.have.property('outcome', 'missing');
    expect(await plain.verifyRequest(bearer)).to.have.property('outcome', 'invalid');
    for (const cnf of [{}, { kid: 'key' }, { jkt: 'a', 'x5t#S256': 'b' }, 'jkt', null]) {
      const token = await issuer.sign({ claims: { cnf } });
      const { outcome } = await verifyRequest({ authorization: [`Bearer ${token}`], url: '/notes' });
      expect({ cnf, outcome }).to.deep.equal({ cnf, outcome: 'invalid' });
    }
  });

  it('are asked for where that is required; others come as Bearer alone', async () => {
    const free = await issuer.sign();
    const request = { authorization: [`Bearer ${free}`], url: '/notes' };
    const outcomeOf = async (more: Partial<TokenVerifierOptions>, authorization = request.authorization) =>
      (await createTokenVerifier(options(more)).verifyRequest({ ...request, authorization })).outcome;
    expect(await outcomeOf({})).to.equal('valid');
    expect(await outcomeOf({ requireBinding: true })).to.equal('invalid');
    expect(await outcomeOf({}, [`DPoP ${free}`])).to.equal('invalid');
  });

  it('an origin that is none, or not safe, is a mistake at the start', () => {
    for (const origin of ['api.example', 'http://api.example', `${ORIGIN}/notes`, '']) {
      expect(() => createTokenVerifier(options({ dpop: { origin } })), origin).to.throw(TypeError);
    }
    expect(() => fetchResourceServer(options({ certificates: 'tls' }))).to.throw(TypeError, /client-cert/);
  });

  describe('behind each adapter', () => {
    const koa = (more: TokenVerifierOptions) => {
      const app = new Koa<KoaTokenState>();
      app.use(koaResourceServer(more).requireToken());
      app.use((ctx) => {
        ctx.body = ctx.state.token.sub;
      });
      return app.callback();
    };
    const expressApp = (more: TokenVerifierOptions) => {
      const app = express();
      app.get('/notes', expressResourceServer(more).requireToken(), (_request, response) => {
        response.send('person');
      });
      return app;
    };

    /** Asks a server on https, with the client's certificate. */
    async function ask(
      listener: Parameters<typeof createServer>[1],
      headers: Record<string, string>,
    ): Promise<{ status: number | undefined; challenge: string | undefined }> {
      const own = { cert: testCertificate.certificate, key: testCertificate.key };
      const server = createServer({ ...own, requestCert: true, rejectUnauthorized: false }, listener);
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      try {
        const { port } = server.address() as AddressInfo;
        return await new Promise((resolve, reject) => {
          const to = { host: '127.0.0.1', port, path: '/notes', rejectUnauthorized: false, agent: false };
          const sent = httpsRequest({ ...to, ...own, headers }, (response) => {
            response.resume();
            resolve({ status: response.statusCode, challenge: response.headers['www-authenticate'] });
          });
          sent.on('error', reject);
          sent.end();
        });
      } finally {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }

    for (const [name, app] of [
      ['Koa', koa],
      ['Express', expressApp],
    ] as const) {
      it(`${name}: by proof, by the certificate of the connection, by a proxy’s header`, async () => {
        const withProof = { authorization: `DPoP ${bound}`, dpop: await proof() };
        expect(await ask(app(options()), withProof)).to.include({ status: 200 });
        const byTls = app(options({ certificates: 'tls' }));
        expect(await ask(byTls, { authorization: `Bearer ${certified}` })).to.include({ status: 200 });
        const passedOn = { 'client-cert': `:${DER.toString('base64')}:` };
        const byHeader = { authorization: `Bearer ${certified}`, ...passedOn };
        expect(await ask(app(options()), byHeader)).to.include({ status: 200 });
        expect(await ask(app(options()), { authorization: `Bearer ${certified}` })).to.include({
          status: 401,
        });
        for (const header of ['', 'MIIB', ':!:', `${passedOn['client-cert']}, ${passedOn['client-cert']}`]) {
          const answer = await ask(app(options()), { ...byHeader, 'client-cert': header });
          expect(answer, header).to.include({ status: 401 });
        }
      });
    }

    it('one proof is enough for several checks of one request, and for no other request', async () => {
      const guard = koaResourceServer(options());
      const scoped = await issuer.sign({
        claims: { cnf: { jkt: await calculateJwkThumbprint(jwk) }, scope: 'notes:read' },
      });
      const app = new Koa<KoaTokenState>();
      app.use(guard.requireToken());
      app.use(guard.requireScopes('notes:read'));
      app.use((ctx) => {
        ctx.body = ctx.state.token.sub;
      });
      const apis = express();
      const api = expressResourceServer(options());
      apis.get('/notes', api.requireToken(), api.requireScopes('notes:read'), (_request, response) => {
        response.send('person');
      });
      for (const listener of [app.callback(), apis]) {
        const dpop = await proof({ claims: { ath: digestOf(scoped) } });
        const headers = { authorization: `DPoP ${scoped}`, dpop };
        expect(await ask(listener, headers)).to.include({ status: 200 });
        expect(await ask(listener, headers)).to.include({ status: 401 });
      }
      const web = fetchResourceServer(options());
      const twice = web.requireToken((request) =>
        web.requireScopes('notes:read')(() => new Response('person'))(request),
      );
      const dpop = await proof({ claims: { ath: digestOf(scoped) } });
      const request = () =>
        new Request(`${ORIGIN}/notes`, { headers: { authorization: `DPoP ${scoped}`, dpop } });
      expect((await twice(request())).status).to.equal(200);
      expect((await twice(request())).status).to.equal(401);
    });

    it('Request and Response: by proof, and by a proxy’s header', async () => {
      const handler = fetchResourceServer(options()).requireToken(() => new Response('person'));
      const ask = async (headers: Record<string, string>) =>
        (await handler(new Request(`${ORIGIN}/notes`, { headers }))).status;
      expect(await ask({ authorization: `DPoP ${bound}`, dpop: await proof() })).to.equal(200);
      const header = `:${DER.toString('base64')}:`;
      expect(await ask({ authorization: `Bearer ${certified}`, 'client-cert': header })).to.equal(200);
      expect(await ask({ authorization: `Bearer ${certified}` })).to.equal(401);
    });

    it('challenges name both schemes, the request’s own first, with what is wrong', async () => {
      const none = await ask(koa(options()), {});
      const algorithms = 'algs="ES256 PS256 EdDSA Ed25519"';
      expect(none.challenge).to.equal(`Bearer realm="${audience}", DPoP realm="${audience}", ${algorithms}`);
      const wrong = await ask(koa(options()), { authorization: `DPoP ${bound}` });
      expect(wrong).to.deep.equal({
        status: 401,
        challenge: `DPoP realm="${audience}", error="invalid_dpop_proof", error_description="The DPoP proof is invalid", ${algorithms}, Bearer realm="${audience}"`,
      });
      const stolen = await ask(koa(options()), { authorization: `Bearer ${bound}` });
      expect(stolen.challenge)
        .to.match(/^Bearer .*error="invalid_token"/)
        .and.to.contain(', DPoP realm=');
    });
  });
});
