import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from 'jose';
import type { CommandResult } from '../cli/command-in-process.ts';
import { SoftToken } from '../keys/external/soft-token.ts';
import { ADA, type Answer, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess, runCommand } from './latchkey-process.ts';
import { NoticeReceiver } from './notice-receiver.ts';

const API = 'https://api.example.com';
const KEYS = ['RS256:01', 'ES256:02', 'PS256:03'];

interface ListedKey {
  kid: string;
  algorithm: string;
  state: string;
  external_key: string | null;
}

const expectUnavailable = ({ status, body, headers }: Answer): void => {
  expect(status).to.equal(503);
  expect(body.error).to.equal('temporarily_unavailable');
  expect(body).to.not.have.any.keys('access_token', 'id_token', 'refresh_token');
  expect(headers.get('retry-after')).to.equal('2');
};

describe('signing keys in a PKCS#11 token', function () {
  this.timeout(120_000);
  let token: SoftToken;
  let latchkey: LatchkeyProcess;
  let receiver: NoticeReceiver;
  let app: Application;

  before(async () => {
    token = SoftToken.make([...KEYS, 'ES256:04']);
    receiver = await NoticeReceiver.start();
    latchkey = await LatchkeyProcess.start({
      ...token.environment(KEYS),
      LATCHKEY_WORKERS: '2',
      LATCHKEY_KEYS_ALGORITHMS: 'RS256,ES256,PS256',
      LATCHKEY_KEYS_JWKS_MAX_AGE: '1',
      LATCHKEY_KEYS_ANNOUNCE_MARGIN: '0',
      LATCHKEY_KEYS_EXTERNAL_TIMEOUT: '30000',
      LATCHKEY_KEYS_EXTERNAL_CONCURRENCY: '2',
      LATCHKEY_FEATURES_TOKEN_STATUS_LIST_ENABLED: 'true',
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_NOTIFICATIONS_FIRST_RETRY: '1',
    });
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
    app = await Application.register(latchkey, {
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
      backchannel_logout_uri: `${receiver.origin}/logout`,
      backchannel_logout_session_required: true,
      authorization_signed_response_alg: 'PS256',
      response_modes: ['query', 'jwt'],
    });
  });
  after(async () => {
    await latchkey?.stop();
    await receiver?.down();
    token?.remove();
  });
  afterEach(() => {
    token.trouble = 'none';
  });

  const published = async (): Promise<JSONWebKeySet> =>
    (await fetch(`${latchkey.issuer}/jwks`)).json() as Promise<JSONWebKeySet>;
  const verified = async (jwt: string, algorithm: string, audience?: string) =>
    (
      await jwtVerify(jwt, createRemoteJWKSet(new URL('/jwks', latchkey.issuer)), {
        issuer: latchkey.issuer,
        algorithms: [algorithm],
        ...(audience === undefined ? {} : { audience }),
      })
    ).payload;
  const listed = (): Promise<ListedKey[]> => latchkey.json<ListedKey[]>(['keys', 'list']);
  const machineToken = (): Promise<Answer> =>
    app.token({ grant_type: 'client_credentials', resource: API, scope: 'read' });

  it('are published, and their private parts are nowhere in Latchkey', async () => {
    const { keys } = await published();
    expect(keys.map(({ alg }) => alg)).to.have.members(['RS256', 'ES256', 'PS256']);
    expect(
      (await listed()).map(({ algorithm, external_key: name }) => `${algorithm}:${name}`),
    ).to.have.members(KEYS);
    const directory = new DatabaseSync(join(latchkey.dataDir, 'latchkey.db'), { readOnly: true });
    try {
      const rows = directory.prepare('SELECT private_key FROM signing_keys').all();
      expect(rows).to.deep.equal(KEYS.map(() => ({ private_key: null })));
    } finally {
      directory.close();
    }
  });

  it('sign ID tokens, JWT access tokens, authorization responses, status lists and logout tokens', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const tokens = await app.signIn(browser, { scope: 'openid read', resource: API });
    await verified(tokens.id_token, 'RS256', app.clientId);
    await verified(tokens.access_token, 'ES256', API);
    const { landing } = await app.authorize(browser, { response_mode: 'jwt' });
    const response = await verified(landing.url.searchParams.get('response') ?? '', 'PS256', app.clientId);
    expect(response.code).to.be.a('string');
    const { uri } = (decodeJwt(tokens.access_token).status as { status_list: { uri: string } }).status_list;
    const list = await (await fetch(uri)).text();
    await verified(list, decodeProtectedHeader(list).alg as string);
    await browser.submit(await browser.visit('/session/end'), 'confirm');
    const [notice] = await receiver.have(1, '/logout');
    const logout = new URLSearchParams(notice?.body).get('logout_token') ?? '';
    expect(await verified(logout, 'RS256', app.clientId)).to.have.property('events');
  });

  it('sign for many requests at once, in every process', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, machineToken));
    for (const { status, body } of answers) {
      expect(status, JSON.stringify(body)).to.equal(200);
      await verified(body.access_token, 'ES256', API);
    }
  });

  it('that fail are 503, no token and no 500, and what was to be redeemed is not used up', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const authorized = await app.authorize(browser, { scope: 'openid read', resource: API });
    token.trouble = 'fail';
    expectUnavailable(await app.redeem(authorized));
    expectUnavailable(await machineToken());
    token.trouble = 'none';
    const { status, body } = await app.redeem(authorized);
    expect(status).to.equal(200);
    await verified(body.id_token, 'RS256', app.clientId);
  });

  it('that fail where the answer itself is signed are an error page with 503', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);
    token.trouble = 'fail';
    const { landing } = await app.authorize(browser, { response_mode: 'jwt' });
    expect(landing.status).to.equal(503);
    expect(landing.url.origin).to.equal(latchkey.issuer);
    expect(landing.url.searchParams.has('response')).to.equal(false);
    token.trouble = 'none';
    const again = await app.authorize(browser, { response_mode: 'jwt' });
    expect(again.landing.url.searchParams.get('response')).to.be.a('string');
  });

  it('are asked for a logout token again until they sign it', async () => {
    const before = receiver.received.length;
    const browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);
    token.trouble = 'fail';
    await browser.submit(await browser.visit('/session/end'), 'confirm');
    await eventually(
      'an attempt has failed',
      async () =>
        (await latchkey.json<{ attempts: number }[]>(['notifications', 'list'])).some(
          ({ attempts }) => attempts > 0,
        ),
      60_000,
    );
    expect(receiver.received).to.have.length(before);
    token.trouble = 'none';
    await eventually('it came', () => receiver.received.length > before, 60_000);
  });

  it('never show the PIN in a command line or a log', () => {
    expect(token.commandLines).to.contain('--pin=env:');
    expect(token.commandLines).to.not.contain(SoftToken.PIN);
    expect(latchkey.output).to.not.contain(SoftToken.PIN);
  });

  it('are looked at by doctor', async () => {
    const findings = async () => (await latchkey.command(['doctor', '--json'])).stdout;
    expect(JSON.parse(await findings()).findings).to.deep.include({
      check: 'external_keys',
      status: 'ok',
      message: 'each of them signs',
    });
    token.trouble = 'fail';
    expect(await findings()).to.contain('cannot be signed with');
  });

  it('cannot be replaced or withdrawn before another one is named', async () => {
    const [key] = (await listed()).filter(({ algorithm }) => algorithm === 'ES256');
    for (const words of [
      ['keys', 'rotate', '--algorithm', 'ES256', '--immediately'],
      ['keys', 'retire', String(key?.kid)],
    ]) {
      const { code, stdout, stderr } = await latchkey.command([...words, '--json']);
      expect(code).to.equal(1);
      expect(stdout + stderr).to.contain('external_key');
    }
    expect((await published()).keys).to.have.length(3);
  });

  it('are replaced by another that is named: announced, active, and the former verifies on', async () => {
    const before = (await machineToken()).body.access_token as string;
    await latchkey.terminate();
    latchkey.environment.LATCHKEY_KEYS_EXTERNAL_KEYS = 'RS256:01,ES256:04,PS256:03';
    await latchkey.launch();
    const stateOf = async (name: string) => (await listed()).find((key) => key.external_key === name)?.state;
    await eventually('it is known', async () => (await stateOf('04')) !== undefined, 60_000);
    await eventually('it signs', async () => (await stateOf('04')) === 'active', 60_000);
    expect(await stateOf('02')).to.equal('retired');
    const jwks = await published();
    const kid = (await listed()).find((key) => key.external_key === '04')?.kid;
    expect(jwks.keys.map((key) => key.kid)).to.include(kid);
    await jwtVerify(before, createLocalJWKSet(jwks), { issuer: latchkey.issuer, audience: API });
    await eventually(
      'every process signs with it',
      async () => {
        const answers = await Promise.all(Array.from({ length: 6 }, machineToken));
        return answers.every(({ body }) => decodeProtectedHeader(body.access_token).kid === kid);
      },
      60_000,
    );
  });

  it('that are withdrawn do not come back, though a configuration names them', async () => {
    const former = (await listed()).find((key) => key.external_key === '02');
    await latchkey.json(['keys', 'retire', String(former?.kid)]);
    await eventually(
      'it has left the JWKS',
      async () => !(await published()).keys.some(({ kid }) => kid === former?.kid),
      60_000,
    );
    await latchkey.terminate();
    latchkey.environment.LATCHKEY_KEYS_EXTERNAL_KEYS = KEYS.join(',');
    await latchkey.launch();
    const { stdout } = await latchkey.command(['doctor', '--json']);
    expect(stdout).to.contain('does not come back');
    expect((await listed()).find((key) => key.external_key === '02')?.state).to.equal('withdrawn');
    expect((await machineToken()).status).to.equal(200);
  });
});

describe('a start with external keys that cannot be used', function () {
  this.timeout(120_000);
  let token: SoftToken;
  const cases: Record<string, { environment: () => Record<string, string>; line: RegExp }> = {
    'a wrong PIN': {
      environment: () => token.environment(['RS256:01', 'ES256:02'], 'wrong-pin'),
      line: /keys\.external\.keys .*the token refuses the PIN/,
    },
    'a key that is not there': {
      environment: () => token.environment(['RS256:01', 'ES256:99']),
      line: /keys\.external\.keys /,
    },
    'a key of another kind': {
      environment: () => token.environment(['RS256:02', 'ES256:01']),
      line: /keys\.external\.keys .*is no key for this algorithm/,
    },
    'a program that ends': {
      environment: () => ({
        LATCHKEY_KEYS_EXTERNAL_KEYS: 'RS256:one',
        LATCHKEY_KEYS_EXTERNAL_PROGRAM: '/bin/false',
      }),
      line: /keys\.external\.keys .*its program ended \(1\)/,
    },
  };
  const starts = new Map<string, CommandResult>();
  before(async () => {
    token = SoftToken.make(['RS256:01', 'ES256:02']);
    await Promise.all(
      Object.entries(cases).map(async ([what, { environment }]) => {
        const variables = {
          LATCHKEY_DATA_DIR: join(token.folder, what.replaceAll(' ', '-')),
          LATCHKEY_PORT: '0',
          LATCHKEY_MANAGEMENT_PORT: '0',
          LATCHKEY_LOG_LEVEL: 'silent',
          LATCHKEY_KEYS_EXTERNAL_TIMEOUT: '30000',
          ...environment(),
        };
        starts.set(what, await runCommand(variables, ['serve']));
      }),
    );
  });
  after(() => token?.remove());
  for (const [what, { line }] of Object.entries(cases)) {
    it(`stops with one line: ${what}`, () => {
      const { code, stderr } = starts.get(what) as CommandResult;
      expect(code, stderr).to.equal(2);
      expect(stderr).to.match(line);
      expect(stderr.trim().split('\n'), stderr).to.have.length(1);
    });
  }
});
