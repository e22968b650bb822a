import { once } from 'node:events';
import { connect } from 'node:net';
import { expect } from 'chai';
import { ADA, Application } from './application.ts';
import { dpopKey } from './dpop-key.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { comparableHeaders } from './plain-answer.ts';

const API = 'https://api.example.com';
const JWT_API = 'https://jwt.example.com';
/** Prefers JSON, and so changes nothing; but a request that names a JWT is not plain. */
const NOT_PLAIN = { Accept: 'application/json, application/token-introspection+jwt;q=0.1' };

interface Told {
  status: number;
  text: string;
  headers: Record<string, string>;
  /** Whether it was the engine that answered. */
  byEngine: boolean;
}

describe('a plain introspection is answered as the engine answers it (RFC 7662)', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let stranger: Application;
  let api: Application;
  let pairwise: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await Promise.all([
      latchkey.createPerson(ADA.login, ADA.password),
      latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read', '--token-format', 'opaque']),
      latchkey.json(['apis', 'create', '--identifier', JWT_API, '--scopes', 'read']),
    ]);
    const everyGrant = ['authorization_code', 'refresh_token', 'client_credentials'];
    [app, stranger, api, pairwise] = await Promise.all([
      Application.register(latchkey, { grant_types: everyGrant }),
      Application.register(latchkey, { token_endpoint_auth_method: 'client_secret_post' }),
      Application.register(latchkey, {
        grant_types: ['client_credentials'],
        redirect_uris: [],
        resource_server: API,
      }),
      Application.register(latchkey, { subject_type: 'pairwise' }),
    ]);
  });
  after(() => latchkey.stop());

  const authorizationOf = ({ clientId, secret }: Application, wrong = '') =>
    `Basic ${Buffer.from(`${clientId}:${secret}${wrong}`).toString('base64')}`;

  async function ask(body: string, headers: Record<string, string>): Promise<Told> {
    const answer = await fetch(`${latchkey.issuer}/introspection`, {
      method: 'POST',
      body,
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        Accept: 'application/json',
        ...headers,
      },
    });
    const { sent, byEngine } = comparableHeaders(answer.headers);
    return {
      status: answer.status,
      text: await answer.text(),
      headers: sent,
      byEngine,
    };
  }

  /** Asks both, and answers what both say. */
  async function askBoth(
    { byEngine, ...request }: { byEngine: boolean; body: string; as?: Application; wrong?: string },
    headers: Record<string, string> = {},
  ): Promise<Told> {
    const authentication = { Authorization: authorizationOf(request.as ?? app, request.wrong) };
    const plain = await ask(request.body, { ...authentication, ...headers });
    const engine = await ask(request.body, { ...authentication, ...headers, ...NOT_PLAIN });
    expect(engine.byEngine, 'what it is compared with').to.equal(true);
    expect(plain.byEngine, 'who answered').to.equal(byEngine);
    expect({ ...plain, byEngine: true }).to.deep.equal(engine);
    return plain;
  }

  const machineToken = async () =>
    (await app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' })).body
      .access_token as string;
  const personsToken = async () =>
    (await app.signIn(undefined, { scope: 'openid read', resource: API, acr_values: 'urn:latchkey:acr:pwd' }))
      .access_token;

  it('to the application, of its own tokens', async () => {
    const { access_token } = await app.signIn();
    for (const body of [`token=${access_token}`, `token_type_hint=access_token&token=${access_token}`]) {
      const { status, text } = await askBoth({ byEngine: false, body });
      expect({ status, ...JSON.parse(text) }).to.include({
        ...{ status: 200, active: true, client_id: app.clientId, scope: 'openid', token_type: 'Bearer' },
        iss: latchkey.issuer,
      });
    }
  });

  it('to the API, of tokens for it: a person’s, and an application’s', async () => {
    const ofPerson = await askBoth({ byEngine: false, body: `token=${await personsToken()}`, as: api });
    expect(JSON.parse(ofPerson.text))
      .to.include({ active: true, aud: API })
      .and.to.include.keys('sub', 'auth_time');
    const ofClient = await askBoth({ byEngine: false, body: `token=${await machineToken()}`, as: api });
    expect(JSON.parse(ofClient.text)).to.include({ active: true, aud: API }).and.not.have.property('sub');
  });

  it('of a token that is bound to a key (RFC 9449 section 6)', async () => {
    const proof = await (await dpopKey()).proof(`${latchkey.issuer}/token`);
    const { body } = await app.token({ grant_type: 'client_credentials', resource: API }, { DPoP: proof });
    const { text } = await askBoth({ byEngine: false, body: `token=${body.access_token}` });
    expect(JSON.parse(text)).to.include({ token_type: 'DPoP' }).and.to.have.nested.property('cnf.jkt');
  });

  it('and what is not plain, is left to the engine', async () => {
    const tokens = await app.signIn();
    const [opaque, jwt] = [
      tokens.access_token,
      await app.signIn(undefined, { scope: 'read', resource: JWT_API }),
    ];
    const ofPairwise = await pairwise.signIn();
    const left: Parameters<typeof askBoth>[0][] = [
      ...[`token=${tokens.refresh_token}`, `token=${jwt.access_token}`, 'token=no-such-token', 'token=', ''],
      ...[`token=${opaque}&token=${opaque}`, `token=${opaque}&token_type_hint=refresh_token`],
      ...[`token=${opaque}&client_id=${app.clientId}`, `token=${opaque}&client_id=another`],
      ...[`token=${opaque}&client_secret=${app.secret}`, `token=${opaque}&other=${'x'.repeat(2000)}`],
    ].map((body) => ({ byEngine: true, body }));
    left.push(
      { byEngine: true, body: `token=${opaque}`, as: api },
      { byEngine: true, body: `token=${opaque}`, as: stranger },
      { byEngine: true, body: `token=${opaque}`, wrong: 'x' },
      { byEngine: true, body: `token=${ofPairwise.access_token}`, as: pairwise },
    );
    const statuses = new Set<number>();
    for (const request of left) statuses.add((await askBoth(request)).status);
    expect([...statuses].sort()).to.deep.equal([200, 400, 401]);
    const fromBrowser = { Origin: 'https://elsewhere.example' };
    expect(
      (await ask(`token=${opaque}`, { Authorization: authorizationOf(app), ...fromBrowser })).status,
    ).to.equal(400);
    expect((await ask(`token=${opaque}`, {})).status, 'nobody').to.equal(400);
  });

  it('a secret sent in the form is as good, and so is a body in chunks', async () => {
    const { access_token } = await app.signIn();
    const body = `token=${access_token}`;
    const chunks = new ReadableStream({
      start(controller) {
        for (const part of [body.slice(0, 9), body.slice(9)]) controller.enqueue(Buffer.from(part));
        controller.close();
      },
    });
    const answer = await fetch(`${latchkey.issuer}/introspection`, {
      ...{ method: 'POST', body: chunks, duplex: 'half' },
      headers: {
        'Content-Type': 'application/x-www-form-urlencoded',
        Authorization: authorizationOf(app),
      },
    });
    expect(await answer.json()).to.include({ active: true });
    const own = (await stranger.signIn()).access_token;
    expect(
      JSON.parse((await askBoth({ byEngine: false, body: `token=${own}`, as: stranger })).text),
    ).to.include({
      active: true,
    });
  });

  it('is as blind to what was revoked, and to people who were disabled', async () => {
    const revoked = await machineToken();
    const ofPerson = await personsToken();
    await askBoth({ byEngine: false, body: `token=${revoked}` });
    await app.revoke(revoked);
    await latchkey.json(['users', 'disable', ADA.login]);
    for (const token of [revoked, ofPerson]) {
      const { text } = await askBoth({ byEngine: true, body: `token=${token}` });
      expect(JSON.parse(text)).to.deep.equal({ active: false });
    }
  });

  it('credentials that the engine cannot read, and answers that are chosen by weight, are its own to judge', async () => {
    const body = `token=${await machineToken()}`;
    const right = authorizationOf(app);
    for (const Authorization of [`${right}!`, right.replace('Basic ', 'Basic !'), `${right} ${right}`]) {
      const { status, byEngine } = await ask(body, { Authorization });
      expect({ status, byEngine }, Authorization.replace(right, '…')).to.deep.equal({
        ...{ status: 400, byEngine: true },
      });
    }
    const chosen = ['application/TOKEN-introspection+JWT', 'application/*, application/json;q=0.1'];
    for (const Accept of chosen) {
      expect(await ask(body, { Authorization: right, Accept }), Accept).to.include({
        ...{ status: 200, byEngine: true },
      });
    }
  });

  it('a request that breaks off is no fault of the server', async () => {
    const { hostname, port, host } = new URL(latchkey.issuer);
    const before = latchkey.output.length;
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    const head = [
      ...['POST /introspection HTTP/1.1', `Host: ${host}`, `Authorization: ${authorizationOf(app)}`],
      ...['Content-Type: application/x-www-form-urlencoded', 'Content-Length: 500', '', 'token=half'],
    ];
    await new Promise((resolve) => socket.write(head.join('\r\n'), resolve));
    // What is answered on another connection later shows that the head of this one has been read.
    const body = `token=${await machineToken()}`;
    await ask(body, { Authorization: authorizationOf(app) });
    socket.destroy();
    await eventually('it is refused', () =>
      latchkey.output.slice(before).includes('failed to parse the request body'),
    );
    expect(latchkey.output.slice(before)).not.to.contain('request failed');
  });

  it('secrets are guessed no more often than elsewhere', async () => {
    const body = `token=${await machineToken()}`;
    let told: Told | undefined;
    for (let guess = 0; guess < 100 && told?.status !== 429; guess += 1) {
      told = await ask(body, { Authorization: authorizationOf(app, `guess-${guess}`) });
    }
    expect(told?.status).to.equal(429);
    expect(
      (await ask(body, { Authorization: authorizationOf(app) })).status,
      'the right one as well',
    ).to.equal(429);
  });
});
