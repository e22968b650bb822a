import { expect } from 'chai';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { within } from './stopwatch.ts';

const PASSWORD = 'marmalade sandwich on tuesday';
const API = 'https://api.example.com';
const CALLBACK = 'https://app.example.com/cb';

interface Registration {
  client_id: string;
  client_secret: string;
}

describe('the command line while the server runs', () => {
  let latchkey: LatchkeyProcess;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
  });
  after(() => latchkey.stop());

  /** Asks the running server for a token, as a client that authenticates by HTTP Basic. */
  async function askToken(
    { client_id: id, client_secret: secret }: Registration,
    more: Record<string, string> = {},
  ): Promise<{ status: number; body: Record<string, string> }> {
    const response = await fetch(`${latchkey.issuer}/token`, {
      method: 'POST',
      headers: { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
      body: new URLSearchParams({ grant_type: 'client_credentials', ...more }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, string> };
  }

  const createService = (...words: string[]): Promise<Registration> =>
    latchkey.json<Registration & Record<string, string>>([
      ...['clients', 'create', '--grant-type', 'client_credentials'],
      ...words,
    ]);

  const authorizationUrl = (clientId: string, redirectUri = CALLBACK): URL => {
    const url = new URL('/auth', latchkey.issuer);
    url.search = new URLSearchParams({
      client_id: clientId,
      response_type: 'code',
      scope: 'openid',
      redirect_uri: redirectUri,
      state: 'a-state-of-some-length',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
      code_challenge_method: 'S256',
    }).toString();
    return url;
  };

  it('an application and an API are of use as soon as they are registered', async () => {
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read,write']);
    const service = await createService('--scope', 'read');
    const { status, body } = await askToken(service, { resource: API, scope: 'read' });
    expect({ status, ...body }).to.include({ status: 200, token_type: 'Bearer', scope: 'read' });
    const payload = JSON.parse(Buffer.from(body.access_token?.split('.')[1] ?? '', 'base64url').toString());
    expect(payload).to.include({
      iss: latchkey.issuer,
      aud: API,
      client_id: service.client_id,
      scope: 'read',
    });
  });

  it('a changed API changes the next token, and a deleted one gets none', async () => {
    const identifier = 'https://changing.example.com';
    await latchkey.json(['apis', 'create', '--identifier', identifier, '--scopes', 'read']);
    const service = await createService();
    expect((await askToken(service, { resource: identifier, scope: 'read' })).status).to.equal(200);
    await latchkey.json(['apis', 'update', identifier, '--lifetime', '77']);
    const { body } = await askToken(service, { resource: identifier, scope: 'read' });
    expect(body.expires_in).to.equal(77);
    await latchkey.json(['apis', 'delete', identifier]);
    const refused = await askToken(service, { resource: identifier, scope: 'read' });
    expect({ status: refused.status, error: refused.body.error }).to.deep.equal({
      status: 400,
      error: 'invalid_target',
    });
  });

  it('a rotated secret counts from the next request on, and so does the end of the former one', async () => {
    const service = await createService();
    expect((await askToken(service)).status).to.equal(200);
    const rotated = await latchkey.json<Registration & Record<string, string>>([
      'clients',
      'rotate-secret',
      service.client_id,
    ]);
    const former = await askToken(service);
    expect({ status: former.status, error: former.body.error }).to.deep.equal({
      status: 401,
      error: 'invalid_client',
    });
    expect((await askToken(rotated)).status).to.equal(200);
  });

  it('an update is noticed by the next request', async () => {
    const { client_id: id } = await latchkey.createClient({ redirect_uris: [CALLBACK] });
    const browser = new FormBrowser(latchkey.issuer);
    expect((await browser.visit(authorizationUrl(id))).pageName).to.equal('login');
    const other = 'https://other.example.com/cb';
    expect((await browser.visit(authorizationUrl(id, other))).pageName).to.equal('error');
    await latchkey.json(['clients', 'update', id, '--redirect-uri', other]);
    expect((await browser.visit(authorizationUrl(id, other))).pageName).to.equal('login');
    expect((await browser.visit(authorizationUrl(id))).pageName).to.equal('error');
  });

  it('a deleted application is unknown to the next request', async () => {
    const service = await createService();
    expect((await askToken(service)).status).to.equal(200);
    await latchkey.json(['clients', 'delete', service.client_id]);
    const refused = await askToken(service);
    expect({ status: refused.status, error: refused.body.error }).to.deep.equal({
      status: 401,
      error: 'invalid_client',
    });
  });

  it('a person who is disabled is not let in, nor left in, and is let in again once enabled', async () => {
    const login = 'ada@example.com';
    const { sub } = await latchkey.createPerson(login, PASSWORD);
    const { client_id: id } = await latchkey.createClient({ redirect_uris: [CALLBACK] });
    const url = authorizationUrl(id);
    const browser = new FormBrowser(latchkey.issuer);
    const person = { login, password: PASSWORD };
    expect((await browser.authorize(url, person)).url.searchParams.get('code')).to.be.a('string');
    expect(await latchkey.json<unknown[]>(['sessions', 'list', '--account', login])).to.have.length(1);

    await latchkey.json(['users', 'disable', sub]);
    // The session is over, and the password is of no use.
    const landing = await browser.visit(url);
    expect(landing.pageName).to.equal('login');
    expect((await browser.submit(landing, 'submit', person)).pageName).to.equal('login');
    expect(await latchkey.json(['sessions', 'list', '--account', login])).to.deep.equal([]);

    await latchkey.json(['users', 'enable', login]);
    expect((await browser.authorize(url, person)).url.searchParams.get('code')).to.be.a('string');
  });

  it('a revoked session must sign in again, and a revoked grant be asked for again', async () => {
    const login = 'grace@example.com';
    await latchkey.createPerson(login, PASSWORD);
    const { client_id: id } = await latchkey.createClient({ redirect_uris: [CALLBACK] });
    const browser = new FormBrowser(latchkey.issuer);
    await browser.authorize(authorizationUrl(id), { login, password: PASSWORD });

    const [grant] = await latchkey.json<{ grant_id: string }[]>(['grants', 'list', '--account', login]);
    await latchkey.json(['grants', 'revoke', grant?.grant_id as string]);
    expect((await browser.visit(authorizationUrl(id))).pageName).to.equal('consent');

    const [session] = await latchkey.json<{ uid: string }[]>(['sessions', 'list', '--account', login]);
    await latchkey.json(['sessions', 'revoke', session?.uid as string]);
    expect((await browser.visit(authorizationUrl(id))).pageName).to.equal('login');
  });

  it('a new password counts at the next login, and the former one no longer', async () => {
    const login = 'joan@example.com';
    await latchkey.createPerson(login, PASSWORD);
    const { client_id: id } = await latchkey.createClient({ redirect_uris: [CALLBACK] });
    await latchkey.json(['users', 'set-password', login, '--password-stdin'], 'a different long password');
    const browser = new FormBrowser(latchkey.issuer);
    const page = await browser.visit(authorizationUrl(id));
    const former = await browser.submit(page, 'submit', { login, password: PASSWORD });
    expect(former.pageName).to.equal('login');
    const landing = await browser.submit(former, 'submit', { login, password: 'a different long password' });
    expect(landing.pageName).to.equal('consent');
  });

  it('keys that are rotated at once are in the running server’s JWKS within a second', async () => {
    const published = async (): Promise<string[]> => {
      const response = await fetch(`${latchkey.issuer}/jwks`);
      return ((await response.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid);
    };
    const service = await createService();
    const rotation = await latchkey.json<{ successors: { kid: string }[]; retired: string[] }>([
      'keys',
      'rotate',
      '--immediately',
    ]);
    const kids = rotation.successors.map(({ kid }) => kid);
    await within(
      1000,
      'the successors are published',
      async () => {
        const present = await published();
        return kids.every((kid) => present.includes(kid));
      },
      latchkey.pid,
    );
    expect(await published()).to.include.members([...kids, ...rotation.retired]);
    const { body } = await askToken(service, { resource: API, scope: 'read' });
    const header = JSON.parse(Buffer.from(body.access_token?.split('.')[0] ?? '', 'base64url').toString());
    expect(kids).to.include(header.kid);

    const withdrawn = rotation.retired[0] as string;
    await latchkey.json(['keys', 'retire', withdrawn]);
    await within(
      1000,
      'the withdrawn key is gone',
      async () => !(await published()).includes(withdrawn),
      latchkey.pid,
    );
  });
});
