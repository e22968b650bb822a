import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'ldapts';
import { findSlapd, installSlapd } from '../../scripts/test-parts/find-slapd.ts';
import { eventually, freePort } from '../flows/latchkey-process.ts';
import { forget, guard } from '../redis/process-guardian.ts';
import type { CertificateFiles } from '../redis/test-certificates.ts';

const START_MILLISECONDS = 60_000;
/** Where packages put the schemas and the modules of OpenLDAP. */
const SCHEMAS = ['/etc/ldap/schema', '/etc/openldap/schema'];
const MODULES = ['/usr/lib/ldap', '/usr/lib64/openldap', '/usr/libexec/openldap'];

export const ROOT = 'dc=example,dc=com';
const ADMINISTRATOR = { dn: `cn=admin,${ROOT}`, password: 'secret-of-the-administrator' };
/** Whom Latchkey signs in as; it reads everything but passwords. */
export const READER = { dn: `cn=latchkey,${ROOT}`, password: 'secret-of-the-reader' };

/** Attributes of Active Directory and of 389 Directory Server. */
const OTHER_MAKES = [
  "( 1.2.840.113556.1.4.2 NAME 'objectGUID' EQUALITY octetStringMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.40 SINGLE-VALUE )",
  "( 1.2.840.113556.1.4.8 NAME 'userAccountControl' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
  "( 1.2.840.113556.1.4.159 NAME 'accountExpires' EQUALITY integerMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.27 SINGLE-VALUE )",
  "( 1.2.840.113556.1.4.221 NAME 'sAMAccountName' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )",
  "( 2.16.840.1.113730.3.1.610 NAME 'nsAccountLock' EQUALITY caseIgnoreMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )",
].map((type) => `attributetype ${type}`);

const BASE = `
dn: ${ROOT}
objectClass: dcObject
objectClass: organization
o: Example

dn: ${READER.dn}
objectClass: organizationalRole
objectClass: simpleSecurityObject
userPassword: ${READER.password}

dn: cn=strict,${ROOT}
objectClass: organizationalRole
objectClass: pwdPolicy
pwdAttribute: 2.5.4.35
pwdLockout: TRUE
pwdMaxFailure: 2
pwdMaxAge: 86400
pwdMustChange: TRUE
`;

function folderOf(folders: readonly string[]): string {
  const folder = folders.find(existsSync);
  if (folder === undefined) throw new Error(`slapd is incomplete: ${installSlapd}`);
  return folder;
}

function configuration(folder: string, certificates: CertificateFiles): string {
  const schemas = folderOf(SCHEMAS);
  return [
    ...['core', 'cosine', 'inetorgperson', 'nis'].map((name) => `include ${schemas}/${name}.schema`),
    ...OTHER_MAKES,
    `modulepath ${folderOf(MODULES)}`,
    ...['back_mdb', 'memberof', 'ppolicy', 'argon2'].map((name) => `moduleload ${name}`),
    `pidfile ${folder}/pid`,
    `TLSCACertificateFile ${certificates.authority}`,
    `TLSCertificateFile ${certificates.serverCertificate}`,
    `TLSCertificateKeyFile ${certificates.serverKey}`,
    // As many directories do by default (RFC 4513 section 5.1.2), and OpenLDAP does not.
    'allow bind_anon_cred bind_anon_dn',
    'threads 4',
    'database mdb',
    `suffix "${ROOT}"`,
    `rootdn "${ADMINISTRATOR.dn}"`,
    `rootpw ${ADMINISTRATOR.password}`,
    `directory ${folder}/data`,
    'maxsize 33554432',
    'dbnosync',
    'index objectClass,uid,mail,entryUUID,member eq',
    'access to attrs=userPassword by anonymous auth by * none',
    `access to * by dn.exact="${READER.dn}" read by * none`,
    'overlay memberof',
    'memberof-group-oc groupOfNames',
    'overlay ppolicy',
    'ppolicy_use_lockout',
    '',
  ].join('\n');
}

/** An OpenLDAP server of its own on the loopback, with TLS, whose process may be stopped and started again on the same data. */
export class SlapdServer {
  readonly folder: string;
  readonly port: number;
  readonly tlsPort: number;
  #child: ChildProcess | undefined;
  #bases = 0;

  private constructor(port: number, tlsPort: number) {
    this.folder = mkdtempSync(join(tmpdir(), 'latchkey-slapd-'));
    guard(this.folder);
    this.port = port;
    this.tlsPort = tlsPort;
  }

  /** Makes a server with nobody in it but whoever `ldif` adds, starts it and waits until it answers. */
  static async start(certificates: CertificateFiles, ldif = ''): Promise<SlapdServer> {
    const server = new SlapdServer(await freePort(), await freePort());
    try {
      mkdirSync(join(server.folder, 'data'));
      writeFileSync(server.#configuration, configuration(server.folder, certificates));
      // Some systems (AppArmor) let the program of the package read its own folders alone.
      copyFileSync(program(), server.#program);
      const added = spawnSync(server.#program, ['-T', 'add', '-q', '-f', server.#configuration], {
        input: `${BASE}\n${ldif}`,
        encoding: 'utf8',
      });
      if (added.status !== 0) throw new Error(`slapadd: ${added.stderr || added.error}`);
      await server.restart();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  get url(): string {
    return `ldap://127.0.0.1:${this.port}`;
  }

  get tlsUrl(): string {
    return `ldaps://127.0.0.1:${this.tlsPort}`;
  }

  /** Does something as the administrator. */
  async administer<T>(work: (client: Client) => Promise<T>): Promise<T> {
    const client = new Client({
      url: this.url,
      timeout: START_MILLISECONDS,
      connectTimeout: START_MILLISECONDS,
    });
    try {
      await client.bind(ADMINISTRATOR.dn, ADMINISTRATOR.password);
      return await work(client);
    } finally {
      await client.unbind();
    }
  }

  /** An empty place for people; answers its name. */
  async addBase(): Promise<string> {
    this.#bases += 1;
    const ou = `people-${this.#bases}`;
    await this.administer((client) =>
      client.add(`ou=${ou},${ROOT}`, { objectClass: 'organizationalUnit', ou }),
    );
    return `ou=${ou},${ROOT}`;
  }

  async restart(): Promise<void> {
    const log = openSync(join(this.folder, 'log'), 'a');
    const child = spawn(
      this.#program,
      ['-d', '0', '-f', this.#configuration, '-h', `${this.url} ${this.tlsUrl}`],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    const { pid } = child;
    if (pid === undefined) throw new Error(`slapd cannot be started: ${installSlapd}`);
    guard(pid);
    child.once('exit', () => forget(pid));
    this.#child = child;
    await eventually(
      `slapd answers on port ${this.port}`,
      () => {
        if (child.exitCode !== null) throw new Error(readFileSync(join(this.folder, 'log'), 'utf8'));
        return answers(this.port);
      },
      START_MILLISECONDS,
    );
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
    forget(this.folder);
  }

  get #program(): string {
    return join(this.folder, 'slapd');
  }

  get #configuration(): string {
    return join(this.folder, 'slapd.conf');
  }
}

function program(): string {
  const found = findSlapd();
  if (found === undefined) throw new Error(`slapd is missing: ${installSlapd}`);
  return found;
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
