import { LoadingFolder } from './loading-folder.ts';

const ldap = {
  LATCHKEY_ACCOUNTS_ADAPTER: 'ldap',
  LATCHKEY_ACCOUNTS_LDAP_URLS: 'ldaps://directory.example',
  LATCHKEY_ACCOUNTS_LDAP_BASE_DN: 'ou=people,dc=example',
};

describe('settings of what the server is connected to', () => {
  const folder = LoadingFolder.open();

  folder.itRefuses([
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
  ]);
});
