import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { type CryptoKey, decodeJwt, generateKeyPair } from 'jose';
import { ADA, Application } from './application.ts';
import { AttestedInstance, Attester, type Changes } from './attested-instance.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { STORES, type Store } from './stores.ts';

const ATTESTER = 'https://attester.example.com';
const OTHER = 'https://other.example.com';
const LOST = 'https://lost.example.com';
const API = 'https://api.example.com';
const ATTEMPTS = 50;
const METHOD = 'attest_jwt_client_auth';
const now = (): number => Math.floor(Date.now() / 1000);
const CREDENTIALS = { grant_type: 'client_credentials', resource: API, scope: 'read' };

/** A server that trusts one attester with the wallet, another with nobody of ours, and one whose keys cannot be had. */
class Setting {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'latchkey-attesters-'));
  latchkey!: LatchkeyProcess;
  attester!: Attester;
  other!: Attester;
  lost!: Attester;

  async open(environment: Record<string, string>): Promise<void> {
    [this.attester, this.other, this.lost] = await Promise.all([
      Attester.make(ATTESTER),
      Attester.make(OTHER),
      Attester.make(LOST),
    ]);
    const clients = ['wallet', 'combined'];
    const file = path.join(this.folder, 'attesters.json');
    writeFileSync(
      file,
      JSON.stringify({
        attesters: [
          { issuer: ATTESTER, jwks: { keys: [this.attester.publicJwk] }, clients },
          { issuer: OTHER, jwks: { keys: [this.other.publicJwk] }, clients: ['somebody'] },
          { issuer: LOST, jwks_uri: 'http://127.0.0.1:9/jwks', clients },
        ],
      }),
    );
    this.latchkey = await LatchkeyProcess.start({
      LATCHKEY_FEATURES_CLIENT_ATTESTERS_FILE: file,
      LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
      LATCHKEY_WORKERS: '2',
      ...environment,
    });
    await this.latchkey.json(['apis', 'create', '--identifier', API, '--scopes', 'read']);
    const grants = ['authorization_code', 'refresh_token', 'client_credentials'];
    for (const [client_id, method] of [
      ['wallet', METHOD],
      ['combined', `${METHOD}_dpop`],
    ] as const) {
      await this.latchkey.createClient({
        client_id,
        client_name: 'Wallet',
        redirect_uris: ['http://localhost:9/callback'],
        grant_types: grants,
        token_endpoint_auth_method: method,
      });
    }
  }

  instance(clientId = 'wallet', attester = this.attester): Promise<AttestedInstance> {
    return AttestedInstance.make({ clientId, issuer: this.latchkey.issuer, attester });
  }

  async close(): Promise<void> {
    await this.latchkey?.stop();
    rmSync(this.folder, { recursive: true });
  }
}

/** Sends one proof many times at once to a server of two processes, restarts it, and sends it again. */
async function expectSingleUse(setting: Setting): Promise<void> {
  const instance = await setting.instance();
  const headers = await instance.headers();
  const answers = await Promise.all(
    Array.from({ length: ATTEMPTS }, () => instance.post('/token', CREDENTIALS, headers)),
  );
  const words = answers.map(({ status, body }) => (status === 200 ? 'token' : `${status} ${body.error}`));
  expect(words.filter((word) => word === 'token')).to.have.length(1);
  expect(words.filter((word) => word === '401 invalid_client')).to.have.length(ATTEMPTS - 1);
  await setting.latchkey.terminate();
  await setting.latchkey.launch();
  expect(await instance.post('/token', CREDENTIALS, headers)).to.include({ status: 401 });
  expect(await instance.post('/token', CREDENTIALS)).to.include({ status: 200 });
}

describe('a proof of an attested key, with PostgreSQL and Redis', function () {
  this.timeout(120_000);
  const setting = new Setting();
  let store: Store;
  before(async () => {
    store = await (STORES['PostgreSQL and Redis'] as () => Promise<Store>)();
    await setting.open(store.environment);
  });
  after(async () => {
    await setting.close();
    await store?.remove();
  });

  it('is accepted once of many times at once over two processes, and not after a restart', () =>
    expectSingleUse(setting));
});

describe('attestation-based client authentication', function () {
  this.timeout(120_000);
  const setting = new Setting();
  let stranger: { privateKey: CryptoKey };
  before(async () => {
    await setting.open({});
    await setting.latchkey.createPerson(ADA.login, ADA.password);
    stranger = await generateKeyPair('ES256');
  });
  after(() => setting.close());

  it('is told in both discovery documents', async () => {
    for (const document of ['openid-configuration', 'oauth-authorization-server']) {
      const response = await fetch(`${setting.latchkey.issuer}/.well-known/${document}`);
      const told = (await response.json()) as Record<string, string[]>;
      expect(told.token_endpoint_auth_methods_supported).to.include.members([METHOD, `${METHOD}_dpop`]);
      expect(told.challenge_endpoint).to.equal(`${setting.latchkey.issuer}/challenge`);
      for (const jwt of ['attestation', 'attestation_pop']) {
        expect(told[`client_${jwt}_signing_alg_values_supported`])
          .to.include('ES256')
          .and.to.not.include('none');
      }
    }
  });

  it('has a challenge endpoint, which nobody caches', async () => {
    const response = await fetch(`${setting.latchkey.issuer}/challenge`, { method: 'POST' });
    const body = (await response.json()) as Record<string, string>;
    expect(body.attestation_challenge).to.match(/^[\w-]{43}$/);
    expect(response.headers.get('oauth-client-attestation-challenge')).to.equal(body.attestation_challenge);
    expect(response.headers.get('cache-control')).to.contain('no-store');
  });

  it('asks for a challenge that is missing or old, and takes the one that it gives', async () => {
    const instance = await setting.instance();
    for (const challenge of [undefined, 'x'.repeat(43)]) {
      const { status, body, headers } = await instance.post(
        '/token',
        CREDENTIALS,
        await instance.headers({ proof: { claims: { challenge } } }),
      );
      expect({ status, error: body.error }).to.deep.equal({
        status: 400,
        error: 'use_attestation_challenge',
      });
      const given = headers.get('oauth-client-attestation-challenge');
      const again = await instance.headers({ proof: { claims: { challenge: given } } });
      expect(await instance.post('/token', CREDENTIALS, again)).to.include({ status: 200 });
    }
  });

  it('serves the whole code flow; what is refreshed is bound to the instance', async () => {
    const { latchkey } = setting;
    const [one, other] = await Promise.all([setting.instance(), setting.instance()]);
    const app = Application.known(latchkey.issuer, 'wallet', 'http://localhost:9/callback');
    const { code, verifier } = await app.authorize(new FormBrowser(latchkey.issuer), {
      scope: 'openid offline_access',
      prompt: 'consent',
    });
    const exchange = {
      grant_type: 'authorization_code',
      code,
      code_verifier: verifier,
      redirect_uri: app.redirectUri,
    };
    const { status, body } = await one.post('/token', exchange);
    expect(status, JSON.stringify(body)).to.equal(200);
    expect(decodeJwt(body.id_token).aud).to.equal('wallet');
    const refresh = { grant_type: 'refresh_token', refresh_token: body.refresh_token };
    const stolen = await other.post('/token', refresh);
    expect({ status: stolen.status, error: stolen.body.error }).to.deep.equal({
      status: 400,
      error: 'invalid_grant',
    });
    expect(await one.post('/token', refresh)).to.include({ status: 200 });
  });

  it('with a DPoP proof by the same key needs no other proof, wants its nonce, and takes it once', async () => {
    const instance = await setting.instance('combined');
    const send = async (dpop: string) =>
      instance.post('/token', CREDENTIALS, {
        'OAuth-Client-Attestation': await instance.attestation(),
        DPoP: dpop,
      });
    const asked = await send(await instance.dpop('/token', undefined));
    expect(asked.body.error).to.equal('use_dpop_nonce');
    const nonce = asked.headers.get('dpop-nonce') as string;
    const proof = await instance.dpop('/token', nonce);
    const answers = await Promise.all(Array.from({ length: 10 }, () => send(proof)));
    expect(answers.filter(({ status }) => status === 200)).to.have.length(1);
    const token = answers.find(({ status }) => status === 200)?.body.access_token;
    expect(decodeJwt(token).cnf).to.deep.equal({ jkt: await instance.thumbprint() });
    const another = await setting.instance('combined');
    const foreign = await instance.post('/token', CREDENTIALS, {
      'OAuth-Client-Attestation': await instance.attestation(),
      DPoP: await another.dpop('/token', nonce),
    });
    expect({ status: foreign.status, error: foreign.body.error }).to.deep.equal({
      status: 401,
      error: 'invalid_client',
    });
  });

  const skewed: Record<string, () => { attestation?: Changes; proof?: Changes }> = {
    'an attestation that ended a moment ago': () => ({ attestation: { claims: { exp: now() - 5 } } }),
    'a proof from a moment ahead': () => ({ proof: { claims: { iat: now() + 10 } } }),
  };
  for (const [what, changes] of Object.entries(skewed)) {
    it(`allows for clocks that differ a little: ${what}`, async () => {
      const instance = await setting.instance();
      expect(await instance.post('/token', CREDENTIALS, await instance.headers(changes()))).to.include({
        status: 200,
      });
    });
  }

  const refused: Record<string, (instance: AttestedInstance) => Promise<Record<string, string>>> = {
    'an attester that is not trusted': (one) =>
      one.headers({ attestation: { claims: { iss: 'https://x.example' } } }),
    'no attester': (one) => one.headers({ attestation: { claims: { iss: undefined } } }),
    'an attester that does not vouch for the client': (one) =>
      one.headers({ attestation: { claims: { iss: OTHER }, key: setting.other.key } }),
    'an attestation by a key of another attester': (one) =>
      one.headers({ attestation: { key: setting.other.key } }),
    'an attestation by an unknown key': (one) =>
      one.headers({ attestation: { header: { kid: 'stranger' }, key: stranger.privateKey } }),
    'an attestation by a MAC': (one) =>
      one.headers({ attestation: { header: { alg: 'HS256' }, key: new Uint8Array(32) } }),
    'an attestation of another type': (one) => one.headers({ attestation: { header: { typ: 'JWT' } } }),
    'an attestation that has ended': (one) => one.headers({ attestation: { claims: { exp: now() - 60 } } }),
    'an attestation that goes on for too long': (one) =>
      one.headers({ attestation: { claims: { exp: now() + 90_000 } } }),
    'an attestation from the future': (one) => one.headers({ attestation: { claims: { iat: now() + 60 } } }),
    'an attestation without a key': (one) => one.headers({ attestation: { claims: { cnf: {} } } }),
    'an attestation for another client': (one) =>
      one.headers({ attestation: { claims: { sub: 'somebody' } } }),
    'a proof by another key': (one) => one.headers({ proof: { key: stranger.privateKey } }),
    'a proof for another server': (one) => one.headers({ proof: { claims: { aud: 'https://x.example' } } }),
    'a proof for two servers': async (one) =>
      one.headers({ proof: { claims: { aud: [setting.latchkey.issuer, 'https://x.example'] } } }),
    'a proof without an identifier': (one) => one.headers({ proof: { claims: { jti: undefined } } }),
    'a proof of another type': (one) => one.headers({ proof: { header: { typ: 'dpop+jwt' } } }),
    'a proof that is old': (one) => one.headers({ proof: { claims: { iat: now() - 600 } } }),
    'a proof from the future': (one) => one.headers({ proof: { claims: { iat: now() + 60 } } }),
    'no proof': async (one) => ({ 'OAuth-Client-Attestation': await one.attestation() }),
  };
  for (const [what, headersOf] of Object.entries(refused)) {
    it(`refuses ${what}`, async () => {
      const instance = await setting.instance();
      const { status, body } = await instance.post('/token', CREDENTIALS, await headersOf(instance));
      expect({ status, error: body.error }).to.deep.equal({ status: 401, error: 'invalid_client' });
      expect(body.error_description).to.equal('client authentication failed');
    });
  }

  it('refuses a client that registered for it and shows nothing, or something else', async () => {
    const instance = await setting.instance();
    for (const parameters of [{ client_id: 'wallet' }, { client_id: 'wallet', client_secret: 'guess' }]) {
      const { status, body } = await instance.post('/token', { ...CREDENTIALS, ...parameters }, {});
      expect({ status, error: body.error }).to.deep.equal({ status: 401, error: 'invalid_client' });
    }
    const both = await instance.post('/token', CREDENTIALS, {
      ...(await instance.headers()),
      Authorization: `Basic ${Buffer.from('wallet:guess').toString('base64')}`,
    });
    expect({ status: both.status, error: both.body.error }).to.deep.equal({
      status: 400,
      error: 'invalid_request',
    });
  });

  it('takes a proof once of many times at once over two processes, and not after a restart', () =>
    expectSingleUse(setting));

  it('answers 503 while the attester’s keys cannot be had', async () => {
    const instance = await setting.instance('wallet', setting.lost);
    const { status, body } = await instance.post('/token', CREDENTIALS);
    expect({ status, error: body.error }).to.deep.equal({ status: 503, error: 'temporarily_unavailable' });
    expect(await (await setting.instance()).post('/token', CREDENTIALS)).to.include({ status: 200 });
  });

  it('leads by the reference to what was wrong', async () => {
    const instance = await setting.instance();
    const jti = randomUUID();
    const { headers } = await instance.post(
      '/token',
      CREDENTIALS,
      await instance.headers({
        attestation: { claims: { iss: 'https://x.example' } },
        proof: { claims: { jti } },
      }),
    );
    const reference = headers.get('latchkey-reference');
    expect(reference).to.be.a('string');
    await eventually('its line is there', () => setting.latchkey.output.includes(String(reference)), 60_000);
    const found = await setting.latchkey.command(
      ['doctor', 'error', String(reference), '--json'],
      setting.latchkey.output,
    );
    expect(found.stdout).to.contain('attestation_refused').and.to.not.contain(jti);
  });
});
