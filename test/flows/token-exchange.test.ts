import { expect } from 'chai';
import { decodeJwt } from 'jose';
import { createTokenVerifier } from '../../lib/resource-server/token-verifier.ts';
import { ADA, type Answer, Application } from './application.ts';
import { dpopKey } from './dpop-key.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const GRANT = 'urn:ietf:params:oauth:grant-type:token-exchange';
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token';
const JWT = 'urn:ietf:params:oauth:token-type:jwt';

/** What people's applications call, which calls the others: a JWT and an opaque one behind it, and one behind those. */
const GATEWAY = 'https://gateway.example.com';
const ORDERS = 'https://orders.example.com';
const LEDGER = 'https://ledger.example.com';
const VAULT = 'https://vault.example.com';

const FEATURES = { LATCHKEY_FEATURES_TOKEN_EXCHANGE: 'true' };

function describeExchange(environment: Record<string, string>, statuses: boolean): void {
  let latchkey: LatchkeyProcess;
  let sub: string;
  let shop: Application;
  let gateway: Application;
  let orders: Application;
  let stranger: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({ ...FEATURES, ...environment });
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
    await Promise.all(
      [
        [GATEWAY, 'read,write,admin', 'jwt', '600'],
        [ORDERS, 'read,write,refund', 'jwt', '3600'],
        [LEDGER, 'read,write', 'opaque', '3600'],
        [VAULT, 'read', 'jwt', '3600'],
      ].map(([identifier = '', scopes = '', format = '', lifetime = '']) =>
        latchkey.json([
          ...['apis', 'create', '--identifier', identifier, '--scopes', scopes],
          ...['--token-format', format, '--lifetime', lifetime],
        ]),
      ),
    );
    shop = await Application.register(latchkey);
    const service = (metadata: Record<string, unknown>) =>
      Application.register(latchkey, {
        grant_types: ['client_credentials', GRANT],
        redirect_uris: [],
        response_types: [],
        ...metadata,
      });
    gateway = await service({
      resource_server: GATEWAY,
      token_exchange: [
        { subject_audience: GATEWAY, audience: ORDERS, kind: 'delegation' },
        { subject_audience: GATEWAY, audience: LEDGER, kind: 'impersonation', scope: 'read' },
      ],
    });
    orders = await service({
      resource_server: ORDERS,
      token_exchange: [
        {
          subject_audience: ORDERS,
          audience: VAULT,
          kind: 'delegation',
          subject_clients: [gateway.clientId],
        },
        { subject_audience: ORDERS, audience: LEDGER, kind: 'delegation' },
        { subject_audience: LEDGER, audience: ORDERS, kind: 'delegation' },
      ],
    });
    stranger = await service({
      token_exchange: [{ subject_audience: ORDERS, audience: LEDGER, kind: 'delegation' }],
    });
  });
  after(() => latchkey?.stop());

  const signIn = async (scope = 'openid read write', headers: Record<string, string> = {}) => {
    const authorized = await shop.authorize(new FormBrowser(latchkey.issuer), {
      scope,
      resource: GATEWAY,
    });
    const { status, body } = await shop.redeem(authorized, {}, headers);
    expect(status, JSON.stringify(body)).to.equal(200);
    return body as { access_token: string; refresh_token: string; expires_in: number };
  };
  const exchange = (
    client: Application,
    token: string,
    audience: string,
    more: Record<string, string> = {},
    headers: Record<string, string> = {},
  ): Promise<Answer> =>
    client.token(
      { grant_type: GRANT, subject_token: token, subject_token_type: ACCESS_TOKEN, audience, ...more },
      headers,
    );
  const refused = ({ status, body }: Answer) => {
    expect(body, 'no token').not.to.have.property('access_token');
    return `${status} ${body.error}`;
  };

  it('delegation: the new token is for the person and says who acts', async () => {
    const { access_token } = await signIn();
    const answer = await exchange(gateway, access_token, ORDERS);
    expect(answer.status, JSON.stringify(answer.body)).to.equal(200);
    expect(answer.headers.get('cache-control')).to.contain('no-store');
    expect(answer.body).to.have.all.keys(
      'access_token',
      'issued_token_type',
      'token_type',
      'expires_in',
      'scope',
    );
    expect(answer.body).to.include({
      issued_token_type: ACCESS_TOKEN,
      token_type: 'Bearer',
      scope: 'read write',
    });
    const claims = decodeJwt(answer.body.access_token);
    expect(claims).to.include({ sub, client_id: gateway.clientId, aud: ORDERS, scope: 'read write' });
    expect(claims.act).to.deep.equal({ sub: gateway.clientId, client_id: gateway.clientId });
    const verifier = createTokenVerifier({ issuer: latchkey.issuer, audience: ORDERS });
    expect((await verifier.verifyToken(answer.body.access_token, ['read'])).outcome).to.equal('valid');
    const told = await orders.introspect(answer.body.access_token);
    expect(told.body).to.deep.include({ active: true, sub, act: claims.act, client_id: gateway.clientId });
  });

  it('impersonation: nobody acts, and the rule’s scope is the most there is', async () => {
    const { access_token } = await signIn();
    const { body } = await exchange(gateway, access_token, LEDGER);
    expect(body).to.include({ token_type: 'Bearer', scope: 'read' });
    const told = await gateway.introspect(body.access_token);
    expect(told.body)
      .to.include({ active: true, sub, aud: LEDGER, scope: 'read' })
      .and.not.have.property('act');
  });

  it('actors nest, also through an opaque token, and none is forgotten', async () => {
    const { access_token } = await signIn();
    const first = await exchange(gateway, access_token, ORDERS);
    const second = await exchange(orders, first.body.access_token, VAULT);
    expect(decodeJwt(second.body.access_token).act).to.deep.equal({
      ...{ sub: orders.clientId, client_id: orders.clientId },
      act: { sub: gateway.clientId, client_id: gateway.clientId },
    });
    const opaque = await exchange(orders, first.body.access_token, LEDGER);
    const third = await exchange(orders, opaque.body.access_token, ORDERS);
    const chain = [];
    for (
      let act = decodeJwt(third.body.access_token).act as { sub: string; act?: never } | undefined;
      act !== undefined;
      act = act.act
    ) {
      chain.push(act.sub);
    }
    expect(chain).to.deep.equal([orders.clientId, orders.clientId, gateway.clientId]);
    let token = third.body.access_token as string;
    let answer = third;
    for (let round = 0; round < 3 && answer.status === 200; round += 1) {
      answer = await exchange(orders, token, round % 2 === 0 ? LEDGER : ORDERS);
      token = answer.body.access_token;
    }
    expect(refused(answer)).to.equal('400 invalid_request');
    expect(answer.body.error_description).to.match(/delegated too often/);
  });

  it('what no rule of the client allows is invalid_target', async () => {
    const { access_token } = await signIn();
    const delegated = (await exchange(gateway, access_token, ORDERS)).body.access_token as string;
    const wrong: [string, Promise<Answer>][] = [
      ['another audience', exchange(gateway, access_token, VAULT)],
      ['the audience it has', exchange(gateway, access_token, GATEWAY)],
      ['an API that is not registered', exchange(gateway, access_token, 'https://unknown.example.com')],
      ['a token for somebody else', exchange(orders, access_token, VAULT)],
      ['a token for another API', exchange(gateway, delegated, LEDGER)],
      ['no audience', exchange(gateway, access_token, '')],
      ['two audiences', exchange(gateway, access_token, ORDERS, { resource: LEDGER })],
    ];
    for (const [what, answer] of wrong) expect(refused(await answer), what).to.equal('400 invalid_target');
    expect((await exchange(gateway, access_token, ORDERS, { resource: ORDERS })).status).to.equal(200);
    expect((await exchange(stranger, delegated, LEDGER)).status, 'its rule says any client').to.equal(200);
  });

  it('a rule for the tokens of some clients is for those alone', async () => {
    const { body } = await shop.redeem(
      await shop.authorize(new FormBrowser(latchkey.issuer), {
        scope: 'openid read',
        resource: ORDERS,
      }),
    );
    expect(refused(await exchange(orders, body.access_token, VAULT))).to.equal('400 invalid_target');
    expect((await exchange(orders, body.access_token, LEDGER)).status).to.equal(200);
  });

  it('no rule is registered for an API that is not', async () => {
    for (const [subjectAudience, audience] of [
      [GATEWAY, 'https://unknown.example.com'],
      ['https://unknown.example.com', ORDERS],
    ]) {
      const metadata = {
        ...{ grant_types: [GRANT], redirect_uris: [], response_types: [] },
        token_exchange: [{ subject_audience: subjectAudience, audience, kind: 'delegation' }],
      };
      const { code, stderr } = await latchkey.command(
        ['clients', 'create', '--file', '-'],
        JSON.stringify(metadata),
      );
      expect(code).to.equal(1);
      expect(stderr).to.contain('token_exchange https://unknown.example.com is not a registered API');
    }
  });

  it('nothing is exchanged by a client that is not registered for it', async () => {
    const { access_token } = await signIn();
    expect(refused(await exchange(shop, access_token, ORDERS))).to.equal('400 unauthorized_client');
    const open = await fetch(`${latchkey.issuer}/token`, {
      method: 'POST',
      body: new URLSearchParams({
        ...{ grant_type: GRANT, client_id: gateway.clientId, subject_token: access_token },
        ...{ subject_token_type: ACCESS_TOKEN, audience: ORDERS },
      }),
    });
    expect(open.status).to.equal(401);
  });

  it('scopes: never more than the exchanged token, the API and the request have', async () => {
    const { access_token } = await signIn('openid read');
    expect((await exchange(gateway, access_token, ORDERS)).body.scope).to.equal('read');
    for (const scope of ['read write', 'refund', 'admin', 'openid']) {
      expect(refused(await exchange(gateway, access_token, ORDERS, { scope })), scope).to.equal(
        '400 invalid_scope',
      );
    }
    const wide = await signIn('openid read write admin');
    expect((await exchange(gateway, wide.access_token, ORDERS)).body.scope).to.equal('read write');
    const narrow = await exchange(gateway, wide.access_token, ORDERS, { scope: 'write' });
    expect(narrow.body.scope).to.equal('write');
    expect(refused(await exchange(gateway, wide.access_token, LEDGER, { scope: 'write' }))).to.equal(
      '400 invalid_scope',
    );
    expect(refused(await exchange(orders, narrow.body.access_token, LEDGER, { scope: 'read' }))).to.equal(
      '400 invalid_scope',
    );
  });

  it('lifetime: never longer than that of the exchanged token', async () => {
    const { access_token } = await signIn();
    const { body } = await exchange(gateway, access_token, ORDERS);
    expect(decodeJwt(body.access_token).exp).to.be.at.most(Number(decodeJwt(access_token).exp));
    expect(body.expires_in).to.be.at.most(600);
    const next = await exchange(orders, body.access_token, LEDGER);
    const told = await orders.introspect(next.body.access_token);
    expect(told.body.exp).to.be.at.most(Number(decodeJwt(access_token).exp));
    expect(next.body).not.to.have.property('refresh_token');
  });

  it('tokens that do not count, or are none of these, are invalid_request', async () => {
    const tokens = await signIn();
    const idToken = (await shop.signIn()).id_token;
    const machine = await gateway.token({
      grant_type: 'client_credentials',
      resource: GATEWAY,
      scope: 'read',
    });
    const userinfo = (await shop.signIn()).access_token;
    const wrong: Record<string, Promise<Answer>> = {
      nonsense: exchange(gateway, 'nonsense', ORDERS),
      'a broken JWT': exchange(gateway, `${tokens.access_token}A`, ORDERS),
      'an ID token': exchange(gateway, idToken, ORDERS),
      'a refresh token': exchange(gateway, tokens.refresh_token, ORDERS),
      'an application’s own token': exchange(gateway, machine.body.access_token, ORDERS),
      'another type': exchange(gateway, tokens.access_token, ORDERS, {
        subject_token_type: 'urn:ietf:params:oauth:token-type:saml2',
      }),
      'no type': exchange(gateway, tokens.access_token, ORDERS, { subject_token_type: '' }),
      'another type wanted': exchange(gateway, tokens.access_token, ORDERS, {
        requested_token_type: 'urn:ietf:params:oauth:token-type:refresh_token',
      }),
      'a JWT for an API of opaque tokens': exchange(gateway, tokens.access_token, LEDGER, {
        requested_token_type: JWT,
      }),
      'a type without its token': exchange(gateway, tokens.access_token, ORDERS, {
        actor_token_type: ACCESS_TOKEN,
      }),
      'a token without its type': exchange(gateway, tokens.access_token, ORDERS, { actor_token: 'x' }),
    };
    for (const [what, answer] of Object.entries(wrong)) {
      expect(refused(await answer), what).to.equal('400 invalid_request');
    }
    expect(refused(await exchange(gateway, userinfo, ORDERS)), 'for no API').to.equal('400 invalid_target');
    const asJwt = { subject_token_type: JWT, requested_token_type: JWT };
    const { body } = await exchange(gateway, tokens.access_token, ORDERS, asJwt);
    expect(body.issued_token_type).to.equal(JWT);
  });

  it('an actor token is the client’s own, for nobody else', async () => {
    const { access_token } = await signIn();
    const own = await gateway.token({ grant_type: 'client_credentials', resource: GATEWAY, scope: 'read' });
    const actor = (token: string) => ({ actor_token: token, actor_token_type: ACCESS_TOKEN });
    const { body } = await exchange(gateway, access_token, ORDERS, actor(own.body.access_token));
    expect(decodeJwt(body.access_token).act).to.deep.equal({
      sub: gateway.clientId,
      client_id: gateway.clientId,
    });
    const others = await orders.token({ grant_type: 'client_credentials', resource: ORDERS, scope: 'read' });
    for (const token of [others.body.access_token, access_token, 'nonsense']) {
      expect(refused(await exchange(gateway, access_token, ORDERS, actor(token)))).to.equal(
        '400 invalid_request',
      );
    }
  });

  it('may_act: a token that names its actor is exchanged by no other', async () => {
    const careful = await Application.register(latchkey, { may_act: gateway.clientId });
    const { access_token } = await careful.signIn(undefined, { scope: 'openid read', resource: ORDERS });
    expect(decodeJwt(access_token).may_act).to.deep.equal({
      sub: gateway.clientId,
      client_id: gateway.clientId,
    });
    expect(refused(await exchange(orders, access_token, LEDGER))).to.equal('400 invalid_request');
    const other = await careful.signIn(undefined, { scope: 'openid read', resource: GATEWAY });
    const { status, body } = await exchange(gateway, other.access_token, ORDERS);
    expect(status).to.equal(200);
    expect(decodeJwt(body.access_token).may_act, 'nor is the next one').to.deep.include({
      sub: gateway.clientId,
    });
    expect(refused(await exchange(orders, body.access_token, VAULT))).to.equal('400 invalid_request');
  });

  it('a token bound to a key becomes no bearer token', async () => {
    const [key, own] = [await dpopKey(), await dpopKey()];
    const url = `${latchkey.issuer}/token`;
    const { access_token } = await signIn('openid read', { DPoP: await key.proof(url) });
    expect(decodeJwt(access_token)).to.have.nested.property('cnf.jkt', key.thumbprint);
    expect(refused(await exchange(gateway, access_token, ORDERS))).to.equal('400 invalid_request');
    const proof = await own.proof(url);
    const { status, body } = await exchange(gateway, access_token, ORDERS, {}, { DPoP: proof });
    expect({ status, type: body.token_type }).to.deep.equal({ status: 200, type: 'DPoP' });
    expect(decodeJwt(body.access_token)).to.have.nested.property('cnf.jkt', own.thumbprint);
    const again = await exchange(gateway, access_token, ORDERS, {}, { DPoP: proof });
    expect(refused(again), 'a proof is shown once').to.match(/^400 invalid_(dpop_proof|grant)$/);
    expect(refused(await exchange(orders, body.access_token, LEDGER))).to.equal('400 invalid_request');
  });

  it('somebody disabled is nobody to act for', async () => {
    const person = { login: 'grace@example.com', password: 'a quiet harbour at dusk' };
    const grace = await latchkey.createPerson(person.login, person.password);
    const { access_token } = await shop.signIn(
      undefined,
      { scope: 'openid read', resource: GATEWAY },
      person,
    );
    await latchkey.json(['users', 'disable', grace.sub]);
    expect(refused(await exchange(gateway, access_token, ORDERS))).to.equal('400 invalid_request');
  });

  it('an opaque token that was exchanged is its client’s to revoke', async () => {
    const { access_token } = await signIn();
    const opaque = (await exchange(gateway, access_token, LEDGER)).body.access_token as string;
    await shop.revoke(opaque);
    expect((await gateway.introspect(opaque)).body.active).to.equal(true);
    await gateway.revoke(opaque);
    expect((await gateway.introspect(opaque)).body.active).to.equal(false);
  });

  if (!statuses) return;

  it('what was exchanged ends with the grant of what it was made from', async () => {
    const tokens = await signIn();
    const jwt = (await exchange(gateway, tokens.access_token, ORDERS)).body.access_token as string;
    const opaque = (await exchange(gateway, tokens.access_token, LEDGER)).body.access_token as string;
    const further = (await exchange(orders, jwt, VAULT)).body.access_token as string;
    const verifier = createTokenVerifier({ issuer: latchkey.issuer, audience: VAULT });
    expect((await verifier.verifyToken(further)).outcome).to.equal('valid');
    await shop.revoke(tokens.refresh_token);
    expect((await gateway.introspect(jwt)).body).to.deep.equal({ active: false });
    expect((await gateway.introspect(opaque)).body).to.deep.equal({ active: false });
    expect((await orders.introspect(further)).body).to.deep.equal({ active: false });
    for (const [client, token] of [
      [gateway, tokens.access_token],
      [orders, jwt],
    ] as const) {
      expect(refused(await exchange(client, token, client === gateway ? ORDERS : LEDGER))).to.equal(
        '400 invalid_request',
      );
    }
    await eventually(
      'the API behind refuses it',
      async () => (await verifier.verifyToken(further)).outcome === 'invalid',
    );
  });

  it('a client that revokes what it was given by exchange leaves the rest alone', async () => {
    const tokens = await signIn();
    const jwt = (await exchange(gateway, tokens.access_token, ORDERS)).body.access_token as string;
    expect((await gateway.revoke(jwt)).status).to.equal(200);
    expect((await gateway.introspect(jwt)).body.active).to.equal(false);
    expect((await shop.introspect(tokens.access_token)).body.active).to.equal(true);
    const next = (await exchange(gateway, tokens.access_token, ORDERS)).body.access_token as string;
    expect((await gateway.introspect(next)).body.active).to.equal(true);
  });
}

describe('token exchange', function () {
  this.timeout(60_000);

  describe('of tokens without statuses', () => describeExchange({}, false));

  describe('of tokens that can be revoked', () =>
    describeExchange(
      {
        LATCHKEY_FEATURES_TOKEN_STATUS_LIST_ENABLED: 'true',
        LATCHKEY_FEATURES_TOKEN_STATUS_LIST_TTL: '5',
      },
      true,
    ));

  describe('where it is off', () => {
    let latchkey: LatchkeyProcess;
    before(async () => {
      latchkey = await LatchkeyProcess.start();
    });
    after(() => latchkey?.stop());

    it('nobody can be registered for it, and it is not advertised', async () => {
      const metadata = { client_name: 'Gateway', redirect_uris: [], response_types: [] };
      for (const members of [
        {
          grant_types: [GRANT],
          token_exchange: [{ subject_audience: GATEWAY, audience: ORDERS, kind: 'delegation' }],
        },
        { grant_types: ['client_credentials'], may_act: 'somebody' },
      ]) {
        const { code, stderr } = await latchkey.command(
          ['clients', 'create', '--file', '-'],
          JSON.stringify({ ...metadata, ...members }),
        );
        expect(code).to.equal(1);
        expect(stderr).to.match(/needs features\.token_exchange, which is off/);
      }
      const discovery = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
      expect((discovery as { grant_types_supported: string[] }).grant_types_supported).not.to.include(GRANT);
      const app = await Application.register(latchkey, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      });
      const answer = await app.token({
        grant_type: GRANT,
        subject_token: 'x',
        subject_token_type: ACCESS_TOKEN,
      });
      expect({ status: answer.status, error: answer.body.error }).to.deep.equal({
        ...{ status: 400, error: 'unsupported_grant_type' },
      });
    });
  });
});
