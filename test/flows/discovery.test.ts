import { expect } from 'chai';
import { decodeProtectedHeader } from 'jose';
import { ADA, Application, answerIn } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

type Metadata = Record<string, string & string[]>;

const OPENID = '/.well-known/openid-configuration';
const OAUTH = '/.well-known/oauth-authorization-server';

describe('what the server says about itself, and what it does', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let openid: Metadata;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
    openid = (await (await fetch(latchkey.issuer + OPENID)).json()) as Metadata;
  });
  after(() => latchkey.stop());

  it('both documents say the same, for the configured issuer', async () => {
    const oauth = (await (await fetch(latchkey.issuer + OAUTH)).json()) as Metadata;
    for (const [name, value] of Object.entries(oauth)) {
      if (name in openid) expect(value, name).to.deep.equal(openid[name]);
    }
    for (const name of ['issuer', 'token_endpoint', 'jwks_uri', 'code_challenge_methods_supported']) {
      expect(oauth, name).to.have.property(name);
    }
    expect(openid.issuer).to.equal(latchkey.issuer);
  });

  it('a Host header, forwarded or not, changes nothing', async () => {
    const { port } = new URL(latchkey.issuer);
    const told = await fetch(`http://127.0.0.1:${port}${OPENID}`, {
      headers: { 'X-Forwarded-Host': 'attacker.example', Forwarded: 'host=attacker.example;proto=https' },
    });
    expect(await told.json()).to.deep.equal(openid);
  });

  it('is what a client needs to know, and no more than is on', () => {
    expect(openid).to.deep.include({
      response_types_supported: ['code'],
      code_challenge_methods_supported: ['S256'],
      authorization_response_iss_parameter_supported: true,
      claims_parameter_supported: true,
      request_uri_parameter_supported: false,
      subject_types_supported: ['public', 'pairwise'],
    });
    expect(openid.id_token_signing_alg_values_supported).to.have.members(['RS256', 'ES256']);
    expect(openid.grant_types_supported).to.have.members([
      'authorization_code',
      'client_credentials',
      'refresh_token',
      'urn:ietf:params:oauth:grant-type:device_code',
    ]);
    expect(openid.device_authorization_endpoint).to.equal(`${latchkey.issuer}/device/auth`);
    expect(openid.token_endpoint_auth_methods_supported).to.have.members([
      'client_secret_basic',
      'client_secret_jwt',
      'client_secret_post',
      'none',
      'private_key_jwt',
    ]);
    for (const name of ['registration_endpoint', 'check_session_iframe']) {
      expect(openid, name).to.not.have.property(name);
    }
  });

  it('each endpoint is there, and says what is missing rather than that it failed', async () => {
    const endpoints = Object.entries(openid).filter(([name]) => /_endpoint$|_uri$/.test(name));
    expect(endpoints.length).to.be.at.least(8);
    for (const [name, url] of endpoints) {
      expect(url.startsWith(`${latchkey.issuer}/`), `${name} ${url}`).to.equal(true);
      const isPage = ['authorization_endpoint', 'end_session_endpoint', 'jwks_uri'].includes(name);
      const { status } = await fetch(url, { method: isPage ? 'GET' : 'POST', redirect: 'manual' });
      expect(status, name).to.be.oneOf([200, 400, 401]);
    }
  });

  it('each advertised way to authenticate, algorithm, grant type and response mode can be registered', async () => {
    const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo' }] };
    const modes: string[] = openid.response_modes_supported as string[];
    const algorithms = openid.id_token_signing_alg_values_supported as string[];
    const signing = openid.token_endpoint_auth_signing_alg_values_supported as string[];
    const authentication: Record<string, unknown>[] = [
      ...signing.map((alg) => ({
        token_endpoint_auth_method: alg === 'HS256' ? 'client_secret_jwt' : 'private_key_jwt',
        token_endpoint_auth_signing_alg: alg,
        ...(alg === 'HS256' ? {} : { jwks }),
      })),
      ...(openid.token_endpoint_auth_methods_supported as string[])
        .filter((method) => !method.endsWith('_jwt'))
        .map((method) => ({ token_endpoint_auth_method: method })),
    ];
    const registrations = authentication.map((metadata, index) => ({
      ...metadata,
      id_token_signed_response_alg: algorithms[index % algorithms.length],
      response_modes: [modes[index % modes.length]],
      ...(metadata.token_endpoint_auth_method === 'none'
        ? {}
        : { grant_types: openid.grant_types_supported }),
    }));
    expect(registrations.length).to.be.at.least(Math.max(modes.length, algorithms.length));
    await Promise.all(
      registrations.map(async (metadata) => {
        const app = await Application.register(latchkey, metadata);
        const { url } = app.authorizationRequest({ response_mode: String(metadata.response_modes[0]) });
        const landing = await new FormBrowser(latchkey.issuer).visit(url);
        expect(landing.pageName, `${JSON.stringify(metadata)} ${answerIn(landing).error}`).to.equal('login');
      }),
    );
  });

  it('each advertised ID token algorithm signs', async () => {
    for (const algorithm of openid.id_token_signing_alg_values_supported as string[]) {
      const app = await Application.register(latchkey, { id_token_signed_response_alg: algorithm });
      const { id_token } = await app.signIn();
      expect(decodeProtectedHeader(id_token).alg).to.equal(algorithm);
    }
  });

  for (const [what, metadata] of Object.entries({
    'implicit response types': { response_types: ['id_token token'], grant_types: ['implicit'] },
    'hybrid response types': {
      response_types: ['code id_token'],
      grant_types: ['authorization_code', 'implicit'],
    },
    'the password grant': { grant_types: ['password'] },
    'unsigned ID tokens': { id_token_signed_response_alg: 'none' },
    'ID tokens signed with the secret': { id_token_signed_response_alg: 'HS256' },
    'TLS client authentication': { token_endpoint_auth_method: 'tls_client_auth' },
  })) {
    it(`${what} cannot be registered`, async () => {
      const problem = await Application.register(latchkey, metadata).catch(String);
      expect(problem).to.contain('invalid_client_metadata');
    });
  }
});
