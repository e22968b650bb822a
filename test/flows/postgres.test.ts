import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { PostgresServer } from '../database/postgres-server.ts';
import { ADA, type Answer, Application, answerOf, type Credentials } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { Stopwatch, within } from './stopwatch.ts';

const API = 'https://api.example.com';
const BOB: Credentials = { login: 'bob@example.com', password: 'orange juice at noon' };

/** What the issue allows for a change to be seen everywhere (ms), and what a refused request may take. */
const A_SECOND = 1000;
const STATEMENT_MILLISECONDS = 500;

describe('two machines with their directory in PostgreSQL', function () {
  this.timeout(60_000);
  let server: PostgresServer;
  let one: LatchkeyProcess;
  let two: LatchkeyProcess;

  before(async () => {
    server = await PostgresServer.start({ auth: 'scram-sha-256', settings: { log_statement: 'all' } });
    const environment = {
      LATCHKEY_DATABASE_URL: server.url(await server.createDatabase()),
      LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      LATCHKEY_DATABASE_STATEMENT_TIMEOUT: String(STATEMENT_MILLISECONDS),
      LATCHKEY_DATABASE_CONNECT_TIMEOUT: String(STATEMENT_MILLISECONDS),
      LATCHKEY_DATABASE_STALENESS: '600',
      LATCHKEY_FEATURES_RICH_AUTHORIZATION_REQUESTS: 'true',
    };
    one = await LatchkeyProcess.start(environment);
    two = await LatchkeyProcess.start(environment);
    await one.createPerson(ADA.login, ADA.password);
    await one.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
  });
  after(async () => {
    await one?.stop();
    await two?.stop();
    await server?.remove();
  });

  interface Registration {
    client_id: string;
    client_secret: string;
  }

  const createService = (at: LatchkeyProcess): Promise<Registration> =>
    at.json<Registration & Record<string, string>>([
      ...['clients', 'create', '--grant-type', 'client_credentials', '--scope', 'read'],
    ]);

  async function askToken(at: LatchkeyProcess, registration: Registration): Promise<Answer> {
    const { client_id: id, client_secret: secret } = registration;
    return answerOf(
      await fetch(`${at.issuer}/token`, {
        method: 'POST',
        headers: { Authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` },
        body: new URLSearchParams({ grant_type: 'client_credentials', resource: API, scope: 'read' }),
      }),
    );
  }

  const jwksOf = async (at: LatchkeyProcess) =>
    (await (await fetch(`${at.issuer}/jwks`)).json()) as { keys: { kid: string }[] };

  it('sign the same person in, who was made at one of them', async () => {
    for (const latchkey of [one, two]) {
      const application = await Application.register(latchkey);
      const tokens = await application.signIn();
      expect((await application.userinfo(tokens.access_token)).body.sub).to.be.a('string');
      expect((await application.refresh(tokens.refresh_token)).status).to.equal(200);
    }
  });

  it('have one set of keys, and follow a rotation at either within a second', async () => {
    const kids = async (at: LatchkeyProcess) => (await jwksOf(at)).keys.map(({ kid }) => kid).sort();
    expect(await kids(one)).to.deep.equal(await kids(two));
    const before = await kids(two);
    await one.json(['keys', 'rotate', '--immediately']);
    await within(
      2 * A_SECOND,
      'the other has the new keys',
      async () => (await kids(two)).length > before.length,
      two.pid,
    );
    await within(
      A_SECOND,
      'both have the same',
      async () => String(await kids(one)) === String(await kids(two)),
      one.pid,
      two.pid,
    );
  });

  it('know an application that was registered, changed and deleted at one of them', async () => {
    const service = await createService(one);
    expect((await askToken(two, service)).status).to.equal(200);
    await one.json(['clients', 'rotate-secret', service.client_id]);
    await within(
      A_SECOND,
      'the old secret ends',
      async () => (await askToken(two, service)).status === 401,
      two.pid,
    );
  });

  it('publish the types of authorization details that an API defines at one of them', async () => {
    const file = path.join(one.dataDir, 'types.json');
    const types = { payment: { description: { en: 'Pay once' } } };
    writeFileSync(file, JSON.stringify(types));
    await one.json(['apis', 'update', API, '--authorization-details', file]);
    for (const latchkey of [one, two]) {
      await eventually('the type is published', async () => {
        const discovery = await fetch(`${latchkey.issuer}/.well-known/openid-configuration`);
        const { authorization_details_types_supported: published } = (await discovery.json()) as {
          authorization_details_types_supported: string[];
        };
        return published.join() === 'payment';
      });
    }
  });

  it('end a person at once who is disabled at one of them', async () => {
    const { sub } = await one.createPerson(BOB.login, BOB.password);
    const application = await Application.register(two);
    const browser = new FormBrowser(two.issuer);
    const tokens = await application.signIn(browser, {}, BOB);
    expect((await application.userinfo(tokens.access_token)).status).to.equal(200);
    await one.json(['users', 'disable', sub]);
    const refused = async () => (await application.userinfo(tokens.access_token)).status === 401;
    await within(A_SECOND, 'userinfo is refused', refused, two.pid);
    expect((await application.refresh(tokens.refresh_token)).body.error).to.equal('invalid_grant');
    const landing = await browser.authorize(application.authorizationRequest().url, BOB);
    expect(landing.pageName, 'the session leads to a login, which refuses').to.equal('login');
  });

  it('ask the database nothing for a request whose application is known', async () => {
    const service = await createService(one);
    const count = () =>
      server.log.split('\n').filter((line) => /execute <unnamed>: select/i.test(line)).length;
    const ask = () => askToken(one, service);
    expect((await ask()).status).to.equal(200);
    // Nothing of before is under way any more, besides the looks, which no request causes.
    await eventually('what was read is remembered', async () => {
      const before = count();
      await ask();
      return count() === before;
    });
    const looks = count();
    for (let index = 0; index < 50; index += 1) expect((await ask()).status).to.equal(200);
    expect(count() - looks).to.be.below(5);
  });

  describe('while PostgreSQL is away', () => {
    let known: Registration;
    let unknown: Registration;
    beforeEach(async () => {
      unknown = await createService(one);
      const former = await createService(one);
      expect((await askToken(two, former)).status).to.equal(200);
      known = await one.json<Registration & Record<string, string>>([
        ...['clients', 'rotate-secret', former.client_id],
      ]);
      // Then it has heard of everything, and what it learns from now on stays known.
      await eventually('the change is heard of', async () => (await askToken(two, former)).status === 401);
      expect((await askToken(two, known)).status).to.equal(200);
    });

    for (const [what, begin, end] of [
      ['stopped', () => server.stop(), () => server.restart()],
      ['hanging', async () => server.pause(), async () => server.resume()],
    ] as const) {
      it(`serve what they know, refuse the rest as unavailable, and come back by themselves: ${what}`, async () => {
        await begin();
        try {
          expect((await askToken(two, known)).status, 'a known application').to.equal(200);
          const stopwatch = new Stopwatch(two.pid);
          const refused = await askToken(two, unknown);
          expect(stopwatch.read(), 'in time').to.be.below(4 * STATEMENT_MILLISECONDS + 1000);
          expect({ status: refused.status, error: refused.body.error }).to.deep.equal({
            status: 503,
            error: 'temporarily_unavailable',
          });
          expect(refused.headers.get('retry-after')).to.match(/^[1-9]\d*$/);
          expect((await jwksOf(two)).keys).to.not.be.empty;
          expect((await fetch(`${two.issuer}/.well-known/openid-configuration`)).status).to.equal(200);
          const url = new URL(`/auth?client_id=${unknown.client_id}&response_type=code`, two.issuer);
          const page = await fetch(url, { headers: { Accept: 'text/html' } });
          expect(page.status).to.equal(503);
          expect(await page.text())
            .to.include('data-page="error"')
            .and.not.include('PostgreSQL');
          const command = await one.command(['users', 'list']);
          expect(command.code).to.equal(2);
          expect(command.stderr).to.match(
            /^latchkey: database_url \(LATCHKEY_DATABASE_URL\): PostgreSQL at /,
          );
        } finally {
          await end();
        }
        await eventually('it serves again', async () => (await askToken(two, unknown)).status === 200);
        expect((await askToken(two, known)).status).to.equal(200);
        for (const latchkey of [one, two]) {
          expect(latchkey.output).to.not.match(/unhandled/i);
          expect(latchkey.output).to.not.include(server.password);
        }
      });
    }
  });
});
