import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';
import { ADA, Application } from './application.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const API = 'https://wiki.example.com';
const OTHER_API = 'https://mail.example.com';
const IDP = 'https://idp.example.com';
const PARTNER = 'https://partner.example.com';
const LOST = 'https://lost.example.com';
const now = () => Math.floor(Date.now() / 1000);

interface Changes {
  claims?: Record<string, unknown>;
  header?: Record<string, unknown>;
  key?: CryptoKey;
}

describe('assertions of other issuers as grants (RFC 7523)', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let agent: Application;
  let stranger: Application;
  let ada: string;
  let keyServer: Server;
  let keys: { idp: CryptoKey; partner: CryptoKey };
  const directory = mkdtempSync(path.join(tmpdir(), 'latchkey-issuers-'));

  before(async () => {
    const [idp, partner] = await Promise.all([
      generateKeyPair('ES256', { extractable: true }),
      generateKeyPair('PS256', { extractable: true }),
    ]);
    keys = { idp: idp.privateKey, partner: partner.privateKey };
    const published = JSON.stringify({
      keys: [{ ...(await exportJWK(idp.publicKey)), kid: 'idp', alg: 'ES256' }],
    });
    keyServer = createServer((_request, response) =>
      response.setHeader('Content-Type', 'application/json').end(published),
    );
    await new Promise<void>((resolve) => keyServer.listen(0, '127.0.0.1', resolve));
    const { port } = keyServer.address() as AddressInfo;
    const file = path.join(directory, 'issuers.json');
    const common = { clients: ['agent'], audiences: [API] };
    const issuers = [
      {
        ...common,
        issuer: IDP,
        jwks_uri: `http://127.0.0.1:${port}/jwks`,
        profile: 'id-jag',
        subject: { claim: 'email', is: 'login' },
        scopes: ['read', 'write', 'transfer'],
      },
      {
        ...common,
        issuer: PARTNER,
        jwks: { keys: [await exportJWK(partner.publicKey)] },
        profile: 'jwt-bearer',
      },
      { ...common, issuer: LOST, jwks_uri: 'http://127.0.0.1:9/jwks', profile: 'jwt-bearer' },
    ];
    writeFileSync(file, JSON.stringify({ issuers }));
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_FEATURES_ASSERTION_ISSUERS_FILE: file,
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_WORKERS: '2',
      LATCHKEY_SECOND_FACTOR_SCOPES: 'transfer',
    });
    ada = (await latchkey.createPerson(ADA.login, ADA.password)).sub;
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read,write,transfer,admin']);
    await latchkey.json(['apis', 'create', '--identifier', OTHER_API, '--scopes', 'read']);
    const metadata = { grant_types: [GRANT], response_types: [], redirect_uris: [] };
    const scope = 'read write transfer';
    agent = await Application.register(latchkey, { ...metadata, client_id: 'agent', scope });
    stranger = await Application.register(latchkey, { ...metadata, client_id: 'stranger' });
  });
  after(async () => {
    await latchkey?.stop();
    keyServer?.close();
    rmSync(directory, { recursive: true });
  });

  const idJag = ({ claims, header, key }: Changes = {}) =>
    new SignJWT({
      iss: IDP,
      aud: latchkey.issuer,
      sub: 'someone-there',
      email: ADA.login,
      client_id: 'agent',
      jti: randomUUID(),
      iat: now(),
      exp: now() + 120,
      resource: API,
      scope: 'read',
      ...claims,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'idp', typ: 'oauth-id-jag+jwt', ...header })
      .sign(key ?? keys.idp);
  const plain = ({ claims, header, key }: Changes = {}) =>
    new SignJWT({
      iss: PARTNER,
      aud: latchkey.issuer,
      sub: ada,
      jti: randomUUID(),
      iat: now(),
      exp: now() + 120,
      ...claims,
    })
      .setProtectedHeader({ alg: 'PS256', ...header })
      .sign(key ?? keys.partner);
  const redeem = (assertion: string, parameters: Record<string, string> = {}, application = agent) =>
    application.token({ grant_type: GRANT, assertion, ...parameters });

  it('an identity assertion authorization grant becomes a token for the API that it names, and no more', async () => {
    const { status, body } = await redeem(await idJag());
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(body).to.have.all.keys('access_token', 'expires_in', 'scope', 'token_type');
    expect(body.expires_in).to.be.at.most(120);
    const { iat = 0, exp = 0, ...claims } = decodeJwt(body.access_token);
    expect(claims).to.include({ sub: ada, aud: API, client_id: 'agent', scope: 'read' });
    expect(exp - iat).to.be.at.most(120);
  });

  it('another JWT for the purpose does too, for the resource that the request names', async () => {
    const { status, body } = await redeem(await plain(), { resource: API });
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(decodeJwt(body.access_token)).to.include({ sub: ada, scope: 'read write' });
  });

  it('what takes two factors is given by an issuer of which the operator says so, and by no other', async () => {
    const { body } = await redeem(await idJag({ claims: { scope: 'transfer' } }));
    expect(decodeJwt(body.access_token)).to.include({ sub: ada, scope: 'transfer' });
    const refused = await redeem(await plain(), { resource: API, scope: 'transfer' });
    expect({ status: refused.status, error: refused.body.error }).to.deep.equal({
      status: 400,
      error: 'invalid_scope',
    });
  });

  it('is told in the metadata', async () => {
    const metadata = await (await fetch(`${latchkey.issuer}/.well-known/oauth-authorization-server`)).json();
    expect((metadata as { grant_types_supported: string[] }).grant_types_supported).to.include(GRANT);
    expect((metadata as Record<string, unknown>).authorization_grant_profiles_supported).to.deep.equal([
      'urn:ietf:params:oauth:grant-profile:id-jag',
    ]);
  });

  it('one is redeemed once, whoever is asked how often at once', async () => {
    const assertion = await idJag();
    const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(assertion)));
    const errors = answers.map(({ status, body }) => (status === 200 ? 'token' : body.error)).sort();
    expect(errors).to.deep.equal([...Array.from({ length: 19 }, () => 'invalid_grant'), 'token']);
  });

  it('a request that is refused for something else leaves it as it was', async () => {
    const assertion = await idJag();
    expect((await redeem(assertion, { scope: 'write' })).body.error).to.equal('invalid_scope');
    expect((await redeem(assertion)).status).to.equal(200);
  });

  it('a person who is disabled gets none', async () => {
    await latchkey.json(['users', 'disable', ADA.login]);
    expect((await redeem(await plain(), { resource: API })).body.error).to.equal('invalid_grant');
    await latchkey.json(['users', 'enable', ADA.login]);
    expect((await redeem(await plain(), { resource: API })).status).to.equal(200);
  });

  const refused: [
    what: string,
    ask: () => Promise<{ status: number; body: { error: string } }>,
    error: string,
  ][] = [
    [
      'of an issuer that is not trusted',
      async () => redeem(await idJag({ claims: { iss: 'https://evil.example' } })),
      'invalid_grant',
    ],
    ['that is no JWT', () => redeem('nonsense'), 'invalid_grant'],
    ['that is missing', () => agent.token({ grant_type: GRANT }), 'invalid_request'],
    [
      'by another key',
      async () => redeem(await idJag({ key: (await generateKeyPair('ES256')).privateKey })),
      'invalid_grant',
    ],
    [
      'for another audience',
      async () => redeem(await idJag({ claims: { aud: 'https://other.example' } })),
      'invalid_grant',
    ],
    [
      'for others as well',
      async () => redeem(await idJag({ claims: { aud: [latchkey.issuer, 'https://x.example'] } })),
      'invalid_grant',
    ],
    ['that is over', async () => redeem(await idJag({ claims: { exp: now() - 60 } })), 'invalid_grant'],
    [
      'that does not begin yet',
      async () => redeem(await idJag({ claims: { nbf: now() + 60 } })),
      'invalid_grant',
    ],
    [
      'that is valid for too long',
      async () => redeem(await idJag({ claims: { exp: now() + 3600 } })),
      'invalid_grant',
    ],
    ['without an end', async () => redeem(await idJag({ claims: { exp: undefined } })), 'invalid_grant'],
    ['without a number', async () => redeem(await idJag({ claims: { jti: undefined } })), 'invalid_grant'],
    ['without a subject', async () => redeem(await idJag({ claims: { sub: undefined } })), 'invalid_grant'],
    ['of another type', async () => redeem(await idJag({ header: { typ: 'JWT' } })), 'invalid_grant'],
    ['of no type', async () => redeem(await idJag({ header: { typ: undefined } })), 'invalid_grant'],
    [
      'of another type, where a plain one is awaited',
      async () => redeem(await plain({ header: { typ: 'at+jwt' } }), { resource: API }),
      'invalid_grant',
    ],
    [
      'bound to another client',
      async () => redeem(await idJag({ claims: { client_id: 'stranger' } })),
      'invalid_grant',
    ],
    [
      'bound to no client',
      async () => redeem(await idJag({ claims: { client_id: undefined } })),
      'invalid_grant',
    ],
    [
      'that names another client where it need not name any',
      async () => redeem(await plain({ claims: { client_id: 'stranger' } }), { resource: API }),
      'invalid_grant',
    ],
    [
      'of a client that the issuer may not serve',
      async () => redeem(await idJag({ claims: { client_id: 'stranger' } }), {}, stranger),
      'invalid_grant',
    ],
    [
      'that is bound to a key without its proof',
      async () => redeem(await idJag({ claims: { cnf: { jkt: 'a' } } })),
      'invalid_grant',
    ],
    [
      'about nobody',
      async () => redeem(await idJag({ claims: { email: 'nobody@example.com' } })),
      'invalid_grant',
    ],
    [
      'about an address that is not proven',
      async () => redeem(await idJag({ claims: { email_verified: false } })),
      'invalid_grant',
    ],
    [
      'about an address that is not proven, in other words',
      async () => redeem(await idJag({ claims: { email_verified: 'false' } })),
      'invalid_grant',
    ],
    [
      'for another API than it names',
      async () => redeem(await idJag(), { resource: OTHER_API }),
      'invalid_target',
    ],
    [
      'for an API that the issuer may not give',
      async () => redeem(await plain(), { resource: OTHER_API }),
      'invalid_target',
    ],
    ['for no API', async () => redeem(await plain()), 'invalid_target'],
    [
      'for a scope that it does not give',
      async () => redeem(await idJag(), { scope: 'write' }),
      'invalid_scope',
    ],
    [
      'for a scope that the issuer may not give',
      async () => redeem(await idJag({ claims: { scope: 'admin read' } }), { scope: 'admin' }),
      'invalid_scope',
    ],
    [
      'for a scope that the client does not have',
      async () => redeem(await plain(), { resource: API, scope: 'admin' }),
      'invalid_scope',
    ],
    [
      'while the issuer’s keys cannot be had',
      async () => redeem(await plain({ claims: { iss: LOST } }), { resource: API }),
      'temporarily_unavailable',
    ],
  ];
  for (const [what, ask, error] of refused) {
    it(`refuses one ${what}`, async () => {
      const { status, body } = await ask();
      const expected = error === 'temporarily_unavailable' ? 503 : 400;
      expect({ status, error: body.error }).to.deep.equal({ status: expected, error });
    });
  }

  it('is for confidential clients alone', async () => {
    const refusal = await Application.register(latchkey, {
      grant_types: [GRANT],
      response_types: [],
      redirect_uris: [],
      token_endpoint_auth_method: 'none',
    }).catch((error: Error) => error.message);
    expect(refusal).to.contain('needs a confidential client');
  });
});
