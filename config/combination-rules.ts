import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { accountProblems } from './account-rules.ts';
import { assertionIssuerProblems } from './assertion-issuers.ts';
import { certificationProblems } from './certification-rules.ts';
import { clientAttesterProblems } from './client-attesters.ts';
import { clientRegistrationProblems } from './client-registration-rules.ts';
import type { Configuration } from './configuration.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { externalKeyProblems } from './external-key-rules.ts';
import { nameOfKey } from './given-value.ts';
import { isLoopbackHost } from './loopback.ts';
import { cibaProblems, outboundProblems, requestUriProblems } from './outbound-rules.ts';
import { readPem } from './read-pem.ts';
import { parseRedisUrl } from './redis-url.ts';
import { upstreamProblems } from './upstream-rules.ts';

/** OWASP's equivalent argon2id parameter sets (Password Storage Cheat Sheet): memory in KiB, and passes. */
const argon2Minimums: readonly (readonly [memory: number, iterations: number])[] = [
  [47_104, 1],
  [19_456, 2],
  [12_288, 3],
  [9216, 4],
  [7168, 5],
];

/** What is wrong with values that are each fine alone; one line each. Looks at the files and folders that are named. */
export function combinationProblems(configuration: Configuration): string[] {
  return [
    ...tlsProblems(configuration.tls),
    ...databaseProblems(configuration),
    ...redisProblems(configuration),
    ...transportProblems(configuration),
    ...accountProblems(configuration),
    ...argon2Problems(configuration.passwords.argon2),
    ...keyProblems(configuration.keys),
    ...externalKeyProblems(configuration),
    ...portProblems(configuration),
    ...mutualTlsProblems(configuration),
    ...outboundProblems(configuration),
    ...cibaProblems(configuration),
    ...requestUriProblems(configuration),
    ...clientRegistrationProblems(configuration),
    ...passkeyProblems(configuration),
    ...assertionIssuerProblems(configuration),
    ...clientAttesterProblems(configuration),
    ...certificationProblems(configuration),
    ...upstreamProblems(configuration),
    ...viewsProblems(configuration),
  ];
}

function tlsProblems({ certFile, keyFile }: Configuration['tls']): string[] {
  if (certFile === undefined && keyFile === undefined) return [];
  if (keyFile === undefined)
    return ['tls.key_file (LATCHKEY_TLS_KEY_FILE): is missing; tls.cert_file is set'];
  if (certFile === undefined)
    return ['tls.cert_file (LATCHKEY_TLS_CERT_FILE): is missing; tls.key_file is set'];
  const certificate = readPem(
    'tls.cert_file (LATCHKEY_TLS_CERT_FILE)',
    certFile,
    'a PEM certificate',
    (pem) => {
      return new X509Certificate(pem);
    },
  );
  const key = readPem(
    'tls.key_file (LATCHKEY_TLS_KEY_FILE)',
    keyFile,
    'an unencrypted PEM private key',
    (pem) => {
      return createPrivateKey(pem);
    },
  );
  const problems = [certificate, key].filter((result) => typeof result === 'string');
  if (typeof certificate !== 'string' && typeof key !== 'string' && !certificate.checkPrivateKey(key)) {
    problems.push(
      `tls.key_file (LATCHKEY_TLS_KEY_FILE): ${keyFile} is not the key of the certificate in ${certFile}`,
    );
  }
  return problems;
}

/** Files of a connection that is not encrypted would be a promise that nobody keeps. */
function databaseProblems({ databaseUrl, database }: Configuration): string[] {
  if (databaseUrl === undefined) return [];
  const address = parseDatabaseUrl(databaseUrl);
  if (typeof address === 'string') return [];
  const { caFile, certFile, keyFile } = database;
  const files = [
    ['database.ca_file (LATCHKEY_DATABASE_CA_FILE)', caFile],
    ['database.cert_file (LATCHKEY_DATABASE_CERT_FILE)', certFile],
    ['database.key_file (LATCHKEY_DATABASE_KEY_FILE)', keyFile],
  ] as const;
  const given = files.filter(([, file]) => file !== undefined);
  if (address.tls === 'off') {
    return given.map(
      ([name]) => `${name}: is set, but the connection is not encrypted; add ?sslmode=verify-full`,
    );
  }
  if (address.tls === 'unverified' && caFile !== undefined) {
    return [`${files[0][0]}: is set, but sslmode=no-verify looks at no certificate`];
  }
  if (address.tls === 'verify-ca' && caFile === undefined) {
    return [
      `${files[0][0]}: is missing; sslmode=verify-ca with public authorities takes any server for yours`,
    ];
  }
  if ((certFile === undefined) !== (keyFile === undefined)) {
    return [`${files[certFile === undefined ? 1 : 2][0]}: is missing; the other of the pair is set`];
  }
  const forms = ['PEM certificates', 'a PEM certificate', 'an unencrypted PEM private key'];
  return files.flatMap(([name, file], index) => {
    if (file === undefined) return [];
    const read = readPem(name, file, forms[index] as string, (pem) =>
      index === 2 ? createPrivateKey(pem) : new X509Certificate(pem),
    );
    return typeof read === 'string' ? [read] : [];
  });
}

/** A setting of the connection to Redis that could have no effect is one that somebody relies on in vain. */
function redisProblems({ redisUrl, redis }: Configuration): string[] {
  const address = redisUrl === undefined ? undefined : parseRedisUrl(redisUrl);
  if (typeof address === 'string') return [];
  const name = (key: string): string => nameOfKey(`redis.${key}`);
  const files = [
    ['ca_file', redis.caFile, 'PEM certificates'],
    ['cert_file', redis.certFile, 'a PEM certificate'],
    ['key_file', redis.keyFile, 'an unencrypted PEM private key'],
  ] as const;
  const given = files.filter(([, file]) => file !== undefined);
  const ofSentinels = [
    ...(redis.sentinelUsername === undefined ? [] : ['sentinel_username']),
    ...(redis.sentinelPassword === undefined ? [] : ['sentinel_password']),
  ];
  const problems: string[] = [];
  if (address?.tls !== true) {
    problems.push(
      ...given.map(([key]) => `${name(key)}: is set, but redis_url is not over TLS (rediss…://)`),
    );
  }
  if (address?.topology !== 'sentinel') {
    problems.push(
      ...ofSentinels.map(
        (key) => `${name(key)}: is set, but redis_url names no Sentinels (redis-sentinel://)`,
      ),
    );
  } else if (redis.sentinelUsername !== undefined && redis.sentinelPassword === undefined) {
    problems.push(`${name('sentinel_password')}: is missing; redis.sentinel_username is set`);
  }
  if ((redis.certFile === undefined) !== (redis.keyFile === undefined)) {
    const missing = redis.certFile === undefined ? 'cert_file' : 'key_file';
    problems.push(`${name(missing)}: is missing; the other of the pair is set`);
  }
  if (problems.length > 0) return problems;
  for (const [key, file, kind] of given) {
    const parse = (pem: Buffer): unknown =>
      key === 'key_file' ? createPrivateKey(pem) : new X509Certificate(pem);
    const read = readPem(name(key), file as string, kind, parse);
    if (typeof read === 'string') problems.push(read);
  }
  return problems;
}

/** Nobody may reach the pages over a wire in plain text: TLS ends here, or at a proxy that the operator named. */
function transportProblems({ issuer, host, tls, trustedProxies }: Configuration): string[] {
  const ownTls = tls.certFile !== undefined || tls.keyFile !== undefined;
  const https = issuer.startsWith('https://');
  const problems: string[] = [];
  if (ownTls && !https) problems.push('issuer (LATCHKEY_ISSUER): must be https, since tls.cert_file is set');
  if (ownTls || trustedProxies.length > 0) return problems;
  if (https) {
    problems.push(
      'trusted_proxies (LATCHKEY_TRUSTED_PROXIES): the issuer is https, but nothing ends TLS; name your proxy here, or set tls.cert_file and tls.key_file',
    );
  } else if (!isLoopbackHost(host)) {
    problems.push(
      `host (LATCHKEY_HOST): ${JSON.stringify(host)} would serve plain http to other machines; set tls.cert_file and tls.key_file, or name your proxy in trusted_proxies`,
    );
  }
  return problems;
}

function argon2Problems({ memory, iterations, parallelism }: Configuration['passwords']['argon2']): string[] {
  const problems: string[] = [];
  if (!argon2Minimums.some(([leastMemory, least]) => memory >= leastMemory && iterations >= least)) {
    problems.push(
      `passwords.argon2.iterations (LATCHKEY_PASSWORDS_ARGON2_ITERATIONS): ${iterations} with ${memory} KiB of memory is weaker than OWASP’s minimum (19456 KiB with 2)`,
    );
  }
  // RFC 9106 section 3.1: at least 8 KiB a lane.
  if (memory < 8 * parallelism) {
    problems.push(
      `passwords.argon2.parallelism (LATCHKEY_PASSWORDS_ARGON2_PARALLELISM): needs at least ${8 * parallelism} KiB of memory`,
    );
  }
  return problems;
}

function keyProblems({
  algorithms,
  rotationInterval,
  jwksMaxAge,
  announceMargin,
}: Configuration['keys']): string[] {
  const problems: string[] = [];
  if (new Set(algorithms).size < algorithms.length) {
    problems.push('keys.algorithms (LATCHKEY_KEYS_ALGORITHMS): names an algorithm twice');
  }
  if (rotationInterval <= jwksMaxAge + announceMargin) {
    problems.push(
      `keys.rotation_interval (LATCHKEY_KEYS_ROTATION_INTERVAL): ${rotationInterval} must be more than keys.jwks_max_age and keys.announce_margin together (${jwksMaxAge + announceMargin})`,
    );
  }
  return problems;
}

function portProblems({ port, managementPort }: Configuration): string[] {
  if (port === 0 || port !== managementPort) return [];
  return [
    `management_port (LATCHKEY_MANAGEMENT_PORT): ${managementPort} is also the public port; it must be its own`,
  ];
}

function viewsProblems({ viewsDir }: Configuration): string[] {
  if (viewsDir === undefined || (existsSync(viewsDir) && statSync(viewsDir).isDirectory())) return [];
  return [`views_dir (LATCHKEY_VIEWS_DIR): ${viewsDir} is no folder`];
}

/** A list of models, or of makers, that nothing is held against would be relied on in vain. */
function passkeyProblems({ passkeys }: Configuration): string[] {
  const { attestation, attestationRootsFile, allowedAaguids } = passkeys;
  const name = (key: string): string => nameOfKey(`passkeys.${key}`);
  if (attestation === 'required') {
    if (attestationRootsFile === undefined) {
      return [`${name('attestation_roots_file')}: is missing; passkeys.attestation is required`];
    }
    const read = readPem(
      name('attestation_roots_file'),
      attestationRootsFile,
      'PEM certificates',
      (pem) => new X509Certificate(pem),
    );
    return typeof read === 'string' ? [read] : [];
  }
  return [
    ...(attestationRootsFile === undefined ? [] : ['attestation_roots_file']),
    ...(allowedAaguids.length === 0 ? [] : ['allowed_aaguids']),
  ].map((key) => `${name(key)}: is set, but passkeys.attestation is not required`);
}

/** A certificate that nobody vouches for would be a way in. */
function mutualTlsProblems({ features, tls, trustedProxies }: Configuration): string[] {
  const { certificates, caFile, proxyVerifies } = features.mutualTls;
  const name = (key: string): string => nameOfKey(`features.mutual_tls.${key}`);
  const problems: string[] = [];
  if (certificates === 'tls' && tls.certFile === undefined) {
    problems.push(`${name('certificates')}: is tls, but Latchkey has no TLS of its own; set tls.cert_file`);
  }
  if (certificates === 'proxy' && trustedProxies.length === 0) {
    problems.push(`${name('certificates')}: is proxy, but trusted_proxies names none`);
  }
  if (caFile !== undefined && certificates !== 'tls') {
    problems.push(`${name('ca_file')}: is set, but features.mutual_tls.certificates is not tls`);
  } else if (caFile !== undefined) {
    const read = readPem(name('ca_file'), caFile, 'PEM certificates', (pem) => new X509Certificate(pem));
    if (typeof read === 'string') problems.push(read);
  }
  if (proxyVerifies && certificates !== 'proxy') {
    problems.push(`${name('proxy_verifies')}: is set, but features.mutual_tls.certificates is not proxy`);
  }
  return problems;
}
