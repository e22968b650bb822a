import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { loadConfiguration, loadWithSources } from '../../config/load.ts';
import { testCertificate } from './test-certificate.ts';

type Environment = Record<string, string>;

describe('loading the configuration', () => {
  let directory: string;

  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
    mkdirSync(join(directory, 'config'));
  });

  afterEach(() => {
    rmSync(directory, { recursive: true });
  });

  function write(name: string, text: string): string {
    const file = join(directory, name);
    writeFileSync(file, text);
    return file;
  }

  function problems(environment: Environment): readonly string[] {
    try {
      loadConfiguration({ environment, directory });
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems;
      throw error;
    }
    return [];
  }

  it('gives the documented defaults when nothing is set', () => {
    const configuration = loadConfiguration({ environment: { PATH: '/bin' }, directory });
    expect(configuration).to.deep.include({
      issuer: 'http://localhost:3000',
      host: '127.0.0.1',
      port: 3000,
      managementHost: '127.0.0.1',
      managementPort: 3001,
      dataDir: join(directory, 'data'),
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

  it('reads config/latchkey.yaml when it is there, and lets the environment win', () => {
    write('config/latchkey.yaml', 'port: 4000\nlog:\n  level: debug\nlifetimes:\n  # all defaults\n');
    const { configuration, sources } = loadWithSources({
      environment: { LATCHKEY_LOG_LEVEL: 'error' },
      directory,
    });
    expect(configuration.port).to.equal(4000);
    expect(configuration.log.level).to.equal('error');
    const kinds = new Map([...sources].map(([setting, source]) => [setting.key, source.kind]));
    expect(kinds.get('port')).to.equal('file');
    expect(kinds.get('log.level')).to.equal('environment');
    expect(kinds.get('host')).to.equal('default');
  });

  it('reads another file when LATCHKEY_CONFIG names one, and an empty file as no settings', () => {
    write('other.yaml', 'port: 4001');
    write('empty.yaml', '# nothing yet\n');
    expect(loadConfiguration({ environment: { LATCHKEY_CONFIG: 'other.yaml' }, directory }).port).to.equal(
      4001,
    );
    expect(loadConfiguration({ environment: { LATCHKEY_CONFIG: 'empty.yaml' }, directory }).port).to.equal(
      3000,
    );
  });

  it('takes a secret from the file that a *_FILE variable names, newest key first', () => {
    const keys = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64url')];
    write('keys', `${keys.join('\n')}\n`);
    const environment = { LATCHKEY_ENCRYPTION_KEY_FILE: 'keys' };
    expect(loadConfiguration({ environment, directory }).encryptionKey).to.deep.equal(keys);
  });

  it('reads lists, numbers and the word auto from variables', () => {
    const configuration = loadConfiguration({
      environment: {
        LATCHKEY_TRUSTED_PROXIES: '10.0.0.0/8, ::1',
        LATCHKEY_WORKERS: 'auto',
        LATCHKEY_PORT: '0',
      },
      directory,
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
      expect(loadConfiguration({ environment, directory }).issuer).to.equal(stored);
    });
  }

  it('makes paths absolute', () => {
    mkdirSync(join(directory, 'my-views'));
    const configuration = loadConfiguration({
      environment: { LATCHKEY_DATA_DIR: 'state', LATCHKEY_VIEWS_DIR: 'my-views' },
      directory,
    });
    expect(configuration.dataDir).to.equal(join(directory, 'state'));
    expect(configuration.viewsDir).to.equal(join(directory, 'my-views'));
  });

  it('accepts a matching certificate and key', () => {
    write('cert.pem', testCertificate.certificate);
    write('key.pem', testCertificate.key);
    const environment = {
      LATCHKEY_ISSUER: 'https://localhost:3000',
      LATCHKEY_TLS_CERT_FILE: 'cert.pem',
      LATCHKEY_TLS_KEY_FILE: 'key.pem',
      LATCHKEY_HOST: '0.0.0.0',
    };
    expect(loadConfiguration({ environment, directory }).tls.certFile).to.equal(join(directory, 'cert.pem'));
  });

  const tls = { LATCHKEY_ISSUER: 'https://localhost:3000' };
  const ldap = {
    LATCHKEY_ACCOUNTS_ADAPTER: 'ldap',
    LATCHKEY_ACCOUNTS_LDAP_URLS: 'ldaps://directory.example',
    LATCHKEY_ACCOUNTS_LDAP_BASE_DN: 'ou=people,dc=example',
  };
  const badEnvironments: [what: string, environment: Environment, line: RegExp][] = [
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
    [
      'client certificates without TLS',
      { LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'tls' },
      /^features\.mutual_tls\.certificates \(LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES\): .*no TLS of its own/,
    ],
    [
      'client certificates by nobody’s proxy',
      { LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'proxy' },
      /^features\.mutual_tls\.certificates .*trusted_proxies names none$/,
    ],
    [
      'authorities for certificates that nobody asks for',
      { LATCHKEY_FEATURES_MUTUAL_TLS_CA_FILE: 'absent' },
      /^features\.mutual_tls\.ca_file .*certificates is not tls$/,
    ],
    [
      'a proxy that verifies what it is not asked for',
      { LATCHKEY_FEATURES_MUTUAL_TLS_PROXY_VERIFIES: 'true' },
      /^features\.mutual_tls\.proxy_verifies .*certificates is not proxy$/,
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
      'a database of another kind',
      { LATCHKEY_DATABASE_URL: 'mysql://u:canary-secret@db/x' },
      /^database_url \(LATCHKEY_DATABASE_URL\): must be postgres:\/\/user/,
    ],
    [
      'a database URL without a user',
      { LATCHKEY_DATABASE_URL: 'postgres://db/x' },
      /^database_url .*names no user/,
    ],
    [
      'a database URL without a database',
      { LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db' },
      /^database_url .*names no database/,
    ],
    [
      'several database hosts',
      { LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@a,b/x' },
      /^database_url .*must name one host/,
    ],
    [
      'a database that is not verified without anybody saying so',
      { LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db/x?sslmode=require' },
      /^database_url .*has sslmode=require, which takes any server for the right one: write sslmode=verify-full/,
    ],
    [
      'certificates that the URL names',
      { LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db/x?sslrootcert=ca.pem' },
      /^database_url .*has the parameter sslrootcert; sslmode, host and options are known/,
    ],
    [
      'authorities of a database that is not asked for a certificate',
      {
        LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db/x?sslmode=disable',
        LATCHKEY_DATABASE_CA_FILE: 'ca.pem',
      },
      /^database\.ca_file \(LATCHKEY_DATABASE_CA_FILE\): is set, but the connection is not encrypted/,
    ],
    [
      'a name that is not verified against public authorities',
      { LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db/x?sslmode=verify-ca' },
      /^database\.ca_file .*is missing; sslmode=verify-ca/,
    ],
    [
      'authorities of a database that cannot be read',
      {
        LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db/x',
        LATCHKEY_DATABASE_CA_FILE: 'nowhere.pem',
      },
      /^database\.ca_file .*cannot read .*nowhere\.pem \(ENOENT\)$/,
    ],
    [
      'a certificate for the database without its key',
      {
        LATCHKEY_DATABASE_URL: 'postgres://u:canary-secret@db/x',
        LATCHKEY_DATABASE_CERT_FILE: 'certificate.pem',
      },
      /^database\.key_file .*is missing/,
    ],
    [
      'a Redis URL of no known form',
      { LATCHKEY_REDIS_URL: 'http://:canary-secret@cache' },
      /^redis_url \(LATCHKEY_REDIS_URL\): must be redis:\/\/, redis-sentinel:\/\/ or redis-cluster:\/\//,
    ],
    [
      'a file for TLS to a Redis without TLS',
      { LATCHKEY_REDIS_URL: 'redis://:canary-secret@cache', LATCHKEY_REDIS_CA_FILE: 'ca.pem' },
      /^redis\.ca_file \(LATCHKEY_REDIS_CA_FILE\): is set, but redis_url is not over TLS/,
    ],
    [
      'a Redis certificate without its key',
      { LATCHKEY_REDIS_URL: 'rediss://:canary-secret@cache', LATCHKEY_REDIS_CERT_FILE: 'absent.pem' },
      /^redis\.key_file \(LATCHKEY_REDIS_KEY_FILE\): is missing/,
    ],
    [
      'an authority of Redis that cannot be read',
      { LATCHKEY_REDIS_URL: 'rediss://:canary-secret@cache', LATCHKEY_REDIS_CA_FILE: 'absent.pem' },
      /^redis\.ca_file .*cannot read .*absent\.pem \(ENOENT\)/,
    ],
    [
      'a password for Sentinels where there are none',
      { LATCHKEY_REDIS_URL: 'redis://cache', LATCHKEY_REDIS_SENTINEL_PASSWORD: 'canary-secret' },
      /^redis\.sentinel_password .*names no Sentinels/,
    ],
    [
      'a Redis key prefix with braces',
      { LATCHKEY_REDIS_KEY_PREFIX: 'a{b}' },
      /^redis\.key_prefix \(LATCHKEY_REDIS_KEY_PREFIX\): .*letters, digits/,
    ],
    [
      'an SMTP URL',
      { LATCHKEY_SMTP_URL: 'smtp://:canary-secret@mail' },
      /^smtp_url \(LATCHKEY_SMTP_URL\): must have a user name and a password/,
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
      'a certificate without key',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'cert.pem' },
      /^tls.key_file \(LATCHKEY_TLS_KEY_FILE\): is missing/,
    ],
    [
      'a key without certificate',
      { ...tls, LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^tls.cert_file \(LATCHKEY_TLS_CERT_FILE\): is missing/,
    ],
    [
      'a missing certificate file',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'absent', LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^tls.cert_file .*absent \(ENOENT\)$/,
    ],
    [
      'a certificate that is none',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'key.pem', LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^tls.cert_file .*PEM certificate$/,
    ],
    [
      'a key that is none',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'cert.pem', LATCHKEY_TLS_KEY_FILE: 'cert.pem' },
      /^tls.key_file .*private key$/,
    ],
    [
      'a key of another certificate',
      { ...tls, LATCHKEY_TLS_CERT_FILE: 'cert.pem', LATCHKEY_TLS_KEY_FILE: 'other.pem' },
      /^tls.key_file .*is not the key of/,
    ],
    [
      'TLS under a plain-http issuer',
      { LATCHKEY_TLS_CERT_FILE: 'cert.pem', LATCHKEY_TLS_KEY_FILE: 'key.pem' },
      /^issuer .*must be https/,
    ],
    [
      'an unknown account adapter',
      { LATCHKEY_ACCOUNTS_ADAPTER: 'htp' },
      /^accounts.adapter .*"htp" must be one of sql, http, ldap; did you mean http\?$/,
    ],
    [
      'the http adapter without URL',
      { LATCHKEY_ACCOUNTS_ADAPTER: 'http' },
      /^accounts.http.url .*is missing/,
    ],
    [
      'a plain-http account service',
      { LATCHKEY_ACCOUNTS_HTTP_URL: 'http://people.example' },
      /^accounts.http.url .*https outside loopback$/,
    ],
    [
      'a short account token',
      { LATCHKEY_ACCOUNTS_HTTP_TOKEN: 'canary-secret' },
      /^accounts.http.token .*: must have at least 16 characters$/,
    ],
    [
      'an absurd account time-out',
      { LATCHKEY_ACCOUNTS_HTTP_TIMEOUT: '99999999' },
      /^accounts.http.timeout .*at most 60000$/,
    ],
    [
      'the ldap adapter without a server',
      { LATCHKEY_ACCOUNTS_ADAPTER: 'ldap', LATCHKEY_ACCOUNTS_LDAP_BASE_DN: 'dc=example' },
      /^accounts.ldap.urls .*missing/,
    ],
    [
      'a filter for people that ends too early',
      { ...ldap, LATCHKEY_ACCOUNTS_LDAP_USER_FILTER: '(objectClass=' },
      /^accounts.ldap.user_filter .*must be a filter such as/,
    ],
    [
      'a filter for groups without parentheses',
      { ...ldap, LATCHKEY_ACCOUNTS_LDAP_GROUPS_FILTER: 'objectClass=group' },
      /^accounts.ldap.groups.filter .*must be a filter such as/,
    ],
    [
      'the ldap adapter without a base',
      { LATCHKEY_ACCOUNTS_ADAPTER: 'ldap', LATCHKEY_ACCOUNTS_LDAP_URLS: 'ldaps://directory.example' },
      /^accounts.ldap.base_dn .*missing/,
    ],
    [
      'a name for the directory without its password',
      { ...ldap, LATCHKEY_ACCOUNTS_LDAP_BIND_DN: 'cn=latchkey' },
      /^accounts.ldap.bind_password .*missing/,
    ],
    [
      'authorities for a directory in the clear',
      {
        ...ldap,
        LATCHKEY_ACCOUNTS_LDAP_URLS: 'ldap://localhost',
        LATCHKEY_ACCOUNTS_LDAP_CA_FILE: 'cert.pem',
      },
      /^accounts.ldap.ca_file .*no connection is encrypted/,
    ],
    [
      'authorities of the directory that are none',
      { ...ldap, LATCHKEY_ACCOUNTS_LDAP_CA_FILE: 'key.pem' },
      /^accounts.ldap.ca_file .*PEM certificates$/,
    ],
    [
      'groups in groups that nobody searches for',
      { ...ldap, LATCHKEY_ACCOUNTS_LDAP_GROUPS_NESTING: 'walk' },
      /^accounts.ldap.groups.nesting \(LATCHKEY_ACCOUNTS_LDAP_GROUPS_NESTING\).*is not search$/,
    ],
    [
      'a directory with a password in its URL',
      { LATCHKEY_ACCOUNTS_LDAP_URLS: 'ldaps://ann:canary-secret@directory.example' },
      /^accounts.ldap.urls.*user name or password/,
    ],
    [
      'a directory that is asked in its URL',
      { LATCHKEY_ACCOUNTS_LDAP_URLS: 'ldaps://directory.example/dc=example?uid' },
      /^accounts.ldap.urls.*nothing after host and port/,
    ],
    [
      'a directory by http',
      { LATCHKEY_ACCOUNTS_LDAP_URLS: 'http://directory.example' },
      /^accounts.ldap.urls/,
    ],
    [
      'a login attribute that is a filter',
      { LATCHKEY_ACCOUNTS_LDAP_LOGIN_ATTRIBUTES: 'uid=*)(cn' },
      /^accounts.ldap.login_attributes.*name of an attribute/,
    ],
    [
      'a claim from nowhere',
      { LATCHKEY_ACCOUNTS_LDAP_CLAIMS: 'email' },
      /^accounts.ldap.claims.*claim=attribute/,
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
  ];

  for (const [what, environment, line] of badEnvironments) {
    it(`refuses ${what} with one line`, () => {
      write('cert.pem', testCertificate.certificate);
      write('key.pem', testCertificate.key);
      const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      write('other.pem', other.export({ format: 'pem', type: 'pkcs8' }).toString());
      expectOneLine(problems(environment), line);
    });
  }

  const badFiles: [what: string, yaml: string, line: RegExp][] = [
    ['a syntax error', 'log: {level: canary-secret', /latchkey.yaml:\d+:\d+: is not valid YAML/],
    ['a tab as indentation', 'log:\n\tlevel: canary-secret', /latchkey.yaml:2:\d+: is not valid YAML/],
    ['a key twice', 'port: 1\nport: 2', /latchkey.yaml:2:1: key port is set twice$/],
    ['two documents', 'port: 1\n---\nport: 2', /is not valid YAML/],
    ['a list at the top', '- port', /latchkey.yaml: must be a mapping of keys$/],
    ['a text at the top', 'canary-secret', /latchkey.yaml: must be a mapping of keys$/],
    ['an unknown key', 'isuer: x', /^isuer: is not a known key, in .*did you mean issuer\?$/],
    ['an unknown nested key', 'log:\n  levle: info', /^log.levle: .*did you mean log.level\?$/],
    ['a key spelt as in code', 'dataDir: x', /^dataDir: .*did you mean data_dir\?$/],
    ['a key that is a property of every object', '__proto__:\n  port: 1', /^__proto__: is not a known key/],
    ['a text where a section belongs', 'log: debug', /^log: must be a mapping of keys, in /],
    ['a mapping where a value belongs', 'issuer:\n  url: x', /^issuer \(LATCHKEY_ISSUER\): must be a text$/],
    ['a key without value', 'port:', /^port .*has no value/],
    ['a text where a list belongs', 'trusted_proxies: loopback', /^trusted_proxies .*must be a list$/],
    ['a number written as text', 'port: "3000"', /^port .*"3000" must be a number$/],
    ['an empty path', 'data_dir: ""', /^data_dir .*at least 1 character$/],
    ['an empty list of algorithms', 'keys:\n  algorithms: []', /^keys.algorithms .*at least 1 item$/],
    [
      'a number as secret',
      'accounts:\n  http:\n    token: 1234567890123456',
      /^accounts.http.token .*: must be a text$/,
    ],
    ['an alias without anchor', 'issuer: *canary-secret', /latchkey.yaml.*alias/],
    [
      'an unfinished quotation',
      'accounts:\n  http:\n    token: "canary-secret',
      /latchkey.yaml:3:\d+: is not valid YAML/,
    ],
    [
      'an unknown escape',
      'accounts:\n  http:\n    token: "\\qcanary-secret"',
      /latchkey.yaml:3:\d+: is not valid YAML/,
    ],
    [
      'text after a value',
      'accounts:\n  http:\n    token: "a" canary-secret',
      /latchkey.yaml:3:\d+: is not valid YAML/,
    ],
    ['a colon in a value', 'smtp_url: canary-secret: x', /latchkey.yaml:1:\d+: is not valid YAML/],
    [
      'a control character in the name',
      'branding:\n  name: "a\\u0007"',
      /^branding.name .*control characters$/,
    ],
  ];

  for (const [what, yaml, line] of badFiles) {
    it(`refuses ${what} in the file with one line`, () => {
      write('config/latchkey.yaml', yaml);
      expectOneLine(problems({}), line);
    });
  }

  it('reports every problem at once', () => {
    write('config/latchkey.yaml', 'isuer: x\nport: -1\nlog:\n  level: loud');
    const found = problems({ LATCHKEY_WORKERS: '0', LATCHKEY_NOPE: '1' });
    expect(found.map((line) => line.split(/[ :]/)[0])).to.have.members([
      'isuer',
      'port',
      'log.level',
      'workers',
      'LATCHKEY_NOPE',
    ]);
  });

  function expectOneLine(found: readonly string[], line: RegExp): void {
    expect(found, found.join('\n')).to.have.lengthOf(1);
    expect(found[0]).to.match(line);
    expect(found[0]).not.to.match(/[\r\n]|canary-secret/);
  }

  it('takes no addresses of signed requests where signed requests are off', () => {
    const on = { LATCHKEY_FEATURES_REQUEST_URIS: 'true' };
    expect(problems(on)).to.deep.equal([]);
    expect(problems({ ...on, LATCHKEY_FEATURES_REQUEST_OBJECTS: 'off' })).to.deep.equal([
      'features.request_uris (LATCHKEY_FEATURES_REQUEST_URIS): is on, but features.request_objects is off',
    ]);
  });
});
