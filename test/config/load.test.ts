import { randomBytes } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { LoadingFolder } from './loading-folder.ts';

describe('loading the configuration', () => {
  const folder = LoadingFolder.open();

  it('gives the documented defaults when nothing is set', () => {
    const configuration = folder.load({ PATH: '/bin' });
    expect(configuration).to.deep.include({
      issuer: 'http://localhost:3000',
      host: '127.0.0.1',
      port: 3000,
      managementHost: '127.0.0.1',
      managementPort: 3001,
      dataDir: join(folder.directory, 'data'),
      encryptionKey: [],
      workers: 1,
      trustedProxies: [],
      tls: {},
    });
    expect(configuration.lifetimes).to.deep.equal({
      accessToken: 600,
      authorizationCode: 60,
      idToken: 600,
      refreshToken: 1_209_600,
      session: 1_209_600,
      interaction: 3600,
      mailLink: 1800,
      invitation: 604_800,
      deviceCode: 600,
      clientCredentials: 600,
      refreshTokenGrace: 10,
    });
    expect(configuration).not.to.have.any.keys('databaseUrl', 'redisUrl', 'smtpUrl', 'viewsDir');
  });

  it('is data alone, which a worker process gets from its primary as JSON', () => {
    folder.write('key', randomBytes(32).toString('base64'));
    for (const environment of [
      {},
      {
        LATCHKEY_ENCRYPTION_KEY_FILE: 'key',
        LATCHKEY_REDIS_URL: 'rediss://user:word@localhost:6380/2',
        LATCHKEY_DATABASE_URL: 'postgres://user:word@localhost/latchkey',
        LATCHKEY_SMTP_URL: 'smtp://localhost',
        LATCHKEY_MAIL_FROM: 'a@example.com',
        LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8',
        LATCHKEY_WORKERS: 'auto',
      },
    ]) {
      const configuration = folder.load(environment);
      expect(JSON.parse(JSON.stringify(configuration))).to.deep.equal(configuration);
    }
  });

  it('takes a secret from the file that a *_FILE variable names, newest key first', () => {
    const keys = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64url')];
    folder.write('keys', `${keys.join('\n')}\n`);
    const environment = { LATCHKEY_ENCRYPTION_KEY_FILE: 'keys' };
    expect(folder.load(environment).encryptionKey).to.deep.equal(keys);
  });

  it('reads lists, numbers and the word auto from variables', () => {
    const configuration = folder.load({
      LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
      LATCHKEY_WORKERS: 'auto',
      LATCHKEY_PORT: '0',
    });
    expect(configuration.trustedProxies).to.deep.equal(['10.0.0.0/8', '::1']);
    expect(configuration.workers).to.equal('auto');
    expect(configuration.port).to.equal(0);
  });

  for (const [given, stored] of [
    ['https://ID.Example.com/', 'https://id.example.com'],
    ['https://id.example.com:443', 'https://id.example.com'],
    ['http://127.8.9.1:8080', 'http://127.8.9.1:8080'],
    ['http://[::1]:8080', 'http://[::1]:8080'],
  ] as const) {
    it(`stores the issuer ${given} as ${stored}`, () => {
      const environment = { LATCHKEY_ISSUER: given, LATCHKEY_TRUSTED_PROXIES: 'loopback' };
      expect(folder.load(environment).issuer).to.equal(stored);
    });
  }

  it('makes paths absolute', () => {
    mkdirSync(join(folder.directory, 'my-views'));
    const configuration = folder.load({ LATCHKEY_DATA_DIR: 'state', LATCHKEY_VIEWS_DIR: 'my-views' });
    expect(configuration.dataDir).to.equal(join(folder.directory, 'state'));
    expect(configuration.viewsDir).to.equal(join(folder.directory, 'my-views'));
  });

  folder.itRefuses([
    ['an unknown variable', { LATCHKEY_ISUER: 'x' }, /^LATCHKEY_ISUER: .*did you mean LATCHKEY_ISSUER\?$/],
    [
      'a variable like nothing at all',
      { LATCHKEY_ZZZZZZZZZZZZZ: 'x' },
      /^LATCHKEY_ZZZZZZZZZZZZZ: is not a known variable$/,
    ],
    ['an empty variable', { LATCHKEY_DATA_DIR: ' ' }, /^LATCHKEY_DATA_DIR: is set but empty/],
    ['an issuer that is no URL', { LATCHKEY_ISSUER: 'id.example.com' }, /^issuer \(LATCHKEY_ISSUER\): .*URL/],
    ['an issuer of another scheme', { LATCHKEY_ISSUER: 'ftp://localhost' }, /^issuer .*https/],
    [
      'a plain-http issuer outside loopback',
      { LATCHKEY_ISSUER: 'http://id.example.com' },
      /^issuer .*must be https outside loopback$/,
    ],
    [
      'an issuer whose name only looks like loopback',
      { LATCHKEY_ISSUER: 'http://127.0.0.1.example.com' },
      /^issuer .*https outside loopback$/,
    ],
    ['an issuer with a path', { LATCHKEY_ISSUER: 'https://example.com/id' }, /^issuer .*path/],
    ['an issuer with a query', { LATCHKEY_ISSUER: 'https://example.com/?canary-secret' }, /^issuer .*query/],
    ['an issuer with an empty query', { LATCHKEY_ISSUER: 'https://example.com/?' }, /^issuer .*query/],
    ['an issuer with a fragment', { LATCHKEY_ISSUER: 'https://example.com/#a' }, /^issuer .*fragment/],
    [
      'an issuer with user information',
      { LATCHKEY_ISSUER: 'https://u:canary-secret@example.com' },
      /^issuer .*user name/,
    ],
    [
      'an https issuer with nothing to end TLS',
      { LATCHKEY_ISSUER: 'https://example.com' },
      /^trusted_proxies \(LATCHKEY_TRUSTED_PROXIES\): .*TLS/,
    ],
    [
      'a port that is no number',
      { LATCHKEY_PORT: 'http' },
      /^port \(LATCHKEY_PORT\): "http" must be a number$/,
    ],
    ['a port out of range', { LATCHKEY_PORT: '70000' }, /^port .*70000 must be at most 65535$/],
    ['a fractional port', { LATCHKEY_PORT: '80.5' }, /^port .*whole number$/],
    ['one port for both listeners', { LATCHKEY_MANAGEMENT_PORT: '3000' }, /^management_port .*public port/],
    ['a host with a scheme', { LATCHKEY_HOST: 'http://0.0.0.0' }, /^host .*IP address or a host name/],
    ['a mistyped address', { LATCHKEY_HOST: '127.0.0' }, /^host .*IP address/],
    ['plain http for other machines', { LATCHKEY_HOST: '0.0.0.0' }, /^host .*plain http/],
    [
      'a folder of templates that is not there',
      { LATCHKEY_VIEWS_DIR: 'absent' },
      /^views_dir .*absent is no folder$/,
    ],
    [
      'a switch in words',
      { LATCHKEY_FEATURES_ENCRYPTION: 'yes' },
      /^features\.encryption \(LATCHKEY_FEATURES_ENCRYPTION\): "yes" must be true or false$/,
    ],
    [
      'attestation without makers to trust',
      { LATCHKEY_PASSKEYS_ATTESTATION: 'required' },
      /^passkeys\.attestation_roots_file \(LATCHKEY_PASSKEYS_ATTESTATION_ROOTS_FILE\): is missing/,
    ],
    [
      'models of authenticators that nothing is held against',
      { LATCHKEY_PASSKEYS_ALLOWED_AAGUIDS: '01020304-0506-0708-0102-030405060708' },
      /^passkeys\.allowed_aaguids .*attestation is not required$/,
    ],
    [
      'a model that is none',
      { LATCHKEY_PASSKEYS_ALLOWED_AAGUIDS: 'my-key' },
      /^passkeys\.allowed_aaguids.*must be an AAGUID/,
    ],
    ['no workers', { LATCHKEY_WORKERS: '0' }, /^workers .*0 must be at least 1$/],
    ['workers in words', { LATCHKEY_WORKERS: 'many' }, /^workers .*"many" must be auto or a whole number$/],
    [
      'a short encryption key',
      { LATCHKEY_ENCRYPTION_KEY: 'canary-secret' },
      /^encryption_key .*item 1 must be 32 bytes/,
    ],
    [
      'a second encryption key that is bad',
      { LATCHKEY_ENCRYPTION_KEY: `${'A'.repeat(43)}=,canary-secret` },
      /^encryption_key .*item 2/,
    ],
    [
      'a missing secret file',
      { LATCHKEY_ENCRYPTION_KEY_FILE: 'absent' },
      /^LATCHKEY_ENCRYPTION_KEY_FILE: cannot read .*absent \(ENOENT\)$/,
    ],
    [
      'a secret twice',
      { LATCHKEY_ENCRYPTION_KEY: 'canary-secret', LATCHKEY_ENCRYPTION_KEY_FILE: 'x' },
      /^encryption_key .*both/,
    ],
    [
      'a *_FILE variable of a setting that is no secret',
      { LATCHKEY_PORT_FILE: 'x' },
      /^LATCHKEY_PORT_FILE: is not a known/,
    ],
    [
      'a proxy that is no address',
      { LATCHKEY_TRUSTED_PROXIES: 'proxy.example' },
      /^trusted_proxies .*"proxy.example" must be/,
    ],
    [
      'a proxy range too wide',
      { LATCHKEY_TRUSTED_PROXIES: '0.0.0.0/0' },
      /^trusted_proxies .*must not trust every address$/,
    ],
    [
      'a proxy prefix too long',
      { LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/33' },
      /^trusted_proxies .*prefix length/,
    ],
    [
      'a minimum password length below eight',
      { LATCHKEY_PASSWORDS_MINIMUM_LENGTH: '4' },
      /^passwords.minimum_length .*4 must be at least 8$/,
    ],
    [
      'too cheap a password hash',
      { LATCHKEY_PASSWORDS_ARGON2_ITERATIONS: '1' },
      /^passwords.argon2.iterations .*weaker than OWASP/,
    ],
    [
      'a negative lifetime',
      { LATCHKEY_LIFETIMES_ACCESS_TOKEN: '-1' },
      /^lifetimes.access_token .*-1 must be at least 1$/,
    ],
    [
      'a code that lives for an hour',
      { LATCHKEY_LIFETIMES_AUTHORIZATION_CODE: '3600' },
      /^lifetimes.authorization_code .*at most 600$/,
    ],
    [
      'a lifetime with a unit',
      { LATCHKEY_LIFETIMES_SESSION: '14d' },
      /^lifetimes.session .*"14d" must be a number$/,
    ],
    [
      'an unknown algorithm',
      { LATCHKEY_KEYS_ALGORITHMS: 'RS256,HS256' },
      /^keys.algorithms .*item 2 "HS256" must be one of RS256/,
    ],
    [
      'no PKCE for public clients on a public issuer',
      {
        LATCHKEY_ISSUER: 'https://id.example.com',
        LATCHKEY_TRUSTED_PROXIES: 'loopback',
        LATCHKEY_FEATURES_CODE_CHALLENGES: 'optional',
      },
      /^features.code_challenges .*only an issuer on loopback/,
    ],
    ['an algorithm twice', { LATCHKEY_KEYS_ALGORITHMS: 'RS256,RS256' }, /^keys.algorithms .*twice$/],
    [
      'rotation faster than the caches',
      { LATCHKEY_KEYS_ROTATION_INTERVAL: '300' },
      /^keys.rotation_interval .*must be more than/,
    ],
    ['a misspelt log level', { LATCHKEY_LOG_LEVEL: 'inof' }, /^log.level .*did you mean info\?$/],
    ['a colour in words', { LATCHKEY_BRANDING_ACCENT_COLOR: 'blue' }, /^branding.accent_color .*#1d4ed8$/],
    [
      'a script as logo',
      { LATCHKEY_BRANDING_LOGO_URL: 'javascript:alert(1)' },
      /^branding.logo_url .*https URL/,
    ],
    [
      'unknown response types',
      { LATCHKEY_FEATURES_RESPONSE_TYPES: 'implicit' },
      /^features.response_types .*one of code, all$/,
    ],
    [
      'a missing configuration file',
      { LATCHKEY_CONFIG: 'absent.yaml' },
      /^LATCHKEY_CONFIG: cannot read .*absent.yaml \(ENOENT\)$/,
    ],
    [
      'a directory as configuration file',
      { LATCHKEY_CONFIG: '.' },
      /^LATCHKEY_CONFIG: cannot read .* \(EISDIR\)$/,
    ],
  ]);

  it('takes no addresses of signed requests where signed requests are off', () => {
    const on = { LATCHKEY_FEATURES_REQUEST_URIS: 'true' };
    expect(folder.problems(on)).to.deep.equal([]);
    expect(folder.problems({ ...on, LATCHKEY_FEATURES_REQUEST_OBJECTS: 'off' })).to.deep.equal([
      'features.request_uris (LATCHKEY_FEATURES_REQUEST_URIS): is on, but features.request_objects is off',
    ]);
  });
});
