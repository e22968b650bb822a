/** A Latchkey that is put to the test: a process of its own, on https and a data directory of its own, in one variant. */
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import tls from 'node:tls';
import type { Fetch } from '../../lib/resource-server/fetch-json.ts';
import { type DemoProcess, startProcess } from '../demo/demo-process.ts';
import { createOperator, type Operator } from '../demo/operator.ts';
import { freePort } from '../demo/ports.ts';
import { startApprovalDesk } from './approval-desk.ts';
import { makeCertificate } from './certificate.ts';
import { API_SCOPE, startGuardedApi } from './guarded-api.ts';
import { makePerson, type Person } from './person.ts';
import { type Register, registrar, run } from './registration.ts';

const ALL_SCOPES = 'openid,profile,email,address,phone,offline_access';

/** What is switched on for the plans that need it. Settings not named are as they are by default. */
const VARIANTS = {
  openid: {
    LATCHKEY_FEATURES_RESPONSE_TYPES: 'all',
    LATCHKEY_FEATURES_CODE_CHALLENGES: 'optional',
    LATCHKEY_FEATURES_ASSERTION_AUDIENCES: 'endpoints',
    LATCHKEY_FEATURES_REQUEST_URIS: 'true',
    LATCHKEY_FEATURES_FRONTCHANNEL_LOGOUT: 'true',
    LATCHKEY_FEATURES_SESSION_MANAGEMENT: 'true',
    LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'tls',
    LATCHKEY_CLIENT_REGISTRATION_MODE: 'open',
    LATCHKEY_CLIENT_REGISTRATION_SCOPES: ALL_SCOPES,
    LATCHKEY_CLIENT_REGISTRATION_GRANT_TYPES: 'authorization_code,refresh_token,implicit',
    LATCHKEY_CLIENT_REGISTRATION_AUTHENTICATION_METHODS:
      'none,client_secret_basic,client_secret_post,client_secret_jwt,private_key_jwt,self_signed_tls_client_auth',
    LATCHKEY_CLIENT_REGISTRATION_LIMITS_PER_ADDRESS: '100000',
    LATCHKEY_CLIENT_REGISTRATION_LIMITS_TOTAL: '100000',
  },
  /** Each client names its own profile; what is more than the defaults is what FAPI 1.0 needs. */
  fapi: {
    LATCHKEY_FEATURES_RESPONSE_TYPES: 'all',
    LATCHKEY_FEATURES_ASSERTION_AUDIENCES: 'endpoints',
    LATCHKEY_KEYS_ALGORITHMS: 'PS256,ES256',
    LATCHKEY_FEATURES_MUTUAL_TLS_CERTIFICATES: 'tls',
    LATCHKEY_FEATURES_CIBA_ENABLED: 'true',
    LATCHKEY_FEATURES_TOKEN_STATUS_LIST_ENABLED: 'true',
  },
} as const;

export type ServerVariant = keyof typeof VARIANTS;

/** For every variant: the suite calls wrongly on purpose, from one address, and is itself on this machine. */
const COMMON = {
  LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback',
  // Longer than modules that go on with the keys they began with, short enough to wait for.
  LATCHKEY_KEYS_JWKS_MAX_AGE: '110',
  LATCHKEY_KEYS_ANNOUNCE_MARGIN: '10',
  LATCHKEY_THROTTLING_LOGIN_PER_ADDRESS: '1000000',
  LATCHKEY_THROTTLING_TOKEN_PER_CLIENT: '10000',
  LATCHKEY_THROTTLING_TOKEN_PER_ADDRESS: '1000000',
};

export interface Latchkey {
  issuer: string;
  person: Person;
  operator: Operator;
  register: Register;
  /** An API whose tokens it issues: its identifier, at which it answers. */
  api: string;
  /** The `kid` of each key that it publishes now. */
  publishedKeys(): Promise<string[]>;
  /** Makes a person whom nobody else asks anything, and answers with what is called when a sign-in of theirs is to be answered. */
  addAnsweringPerson(login: string): Promise<{ login: string; approvalUrl: string }>;
  stop(): Promise<void>;
}

/** The environment of a variant, without what is particular to one machine and run. */
export function settingsOf(variant: ServerVariant): Record<string, string> {
  return { ...COMMON, ...VARIANTS[variant] };
}

/**
 * Starts a variant in a folder below `folder`, with one person who can sign in. `authorities` is a PEM file of certificates
 * that it trusts besides the usual ones: the suite's own.
 */
export async function startLatchkey(
  variant: ServerVariant,
  folder: string,
  authorities: string | undefined,
): Promise<Latchkey> {
  const own = join(folder, variant);
  mkdirSync(own, { recursive: true, mode: 0o700 });
  const files = await makeCertificate(own, 'localhost', 'DNS:localhost,IP:127.0.0.1');
  const { certificate, key } = files;
  const port = await freePort();
  const issuer = `https://localhost:${port}`;
  const environment: Record<string, string> = {
    ...settingsOf(variant),
    LATCHKEY_ISSUER: issuer,
    LATCHKEY_PORT: String(port),
    LATCHKEY_MANAGEMENT_PORT: '0',
    LATCHKEY_DATA_DIR: join(own, 'data'),
    LATCHKEY_TLS_CERT_FILE: certificate,
    LATCHKEY_TLS_KEY_FILE: key,
    ...(authorities === undefined ? {} : { NODE_EXTRA_CA_CERTS: authorities }),
  };
  const { process, ready } = startProcess({
    name: `provider (${variant})`,
    command: ['lib/main.ts', 'serve'],
    environment,
    logFile: join(own, 'latchkey.log'),
    readyWords: '"msg":"listening"',
  });
  const api = await startGuardedApi(files);
  try {
    await ready;
    const operator = createOperator(environment);
    const person = makePerson();
    await createPerson(operator, person);
    await run(operator, ['apis', 'create', '--identifier', api.identifier, '--scopes', API_SCOPE]);
    const fetch = fetchFrom(certificate);
    api.trust(issuer, fetch);
    const publishedKeys = async () => {
      const answer = await fetch(`${issuer}/jwks`, {});
      const { keys } = (await answer.json()) as { keys: { kid: string }[] };
      return keys.map(({ kid }) => kid);
    };
    tls.setDefaultCACertificates([...tls.getCACertificates('default'), readFileSync(certificate, 'utf8')]);
    const desk = await startApprovalDesk(issuer);
    const addAnsweringPerson = async (login: string) => {
      const answering = { ...makePerson(), login };
      await createPerson(operator, answering);
      return { login, approvalUrl: desk.addressFor(answering) };
    };
    const stop = async () => {
      await desk.stop();
      await api.stop();
      await process.stop();
    };
    const register = registrar(operator);
    const { identifier } = api;
    return { issuer, person, operator, register, api: identifier, publishedKeys, addAnsweringPerson, stop };
  } catch (error) {
    await api.stop();
    await stopQuietly(process);
    throw error;
  }
}

/** Asks servers whose certificate is the one in `certificateFile`. */
function fetchFrom(certificateFile: string): Fetch {
  const ca = readFileSync(certificateFile);
  return async (address, { headers }) => {
    const sent = get(address, { ca, agent: false, headers: Object.fromEntries(new Headers(headers)) });
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    const { 'content-type': type = '' } = response.headers;
    const body = await text(response);
    return new Response(body, { status: response.statusCode ?? 500, headers: { 'content-type': type } });
  };
}

/** The first error is the one to tell. */
async function stopQuietly(process: DemoProcess): Promise<void> {
  await process.stop().catch(() => {});
}

async function createPerson(operator: Operator, { login, password, claims }: Person): Promise<void> {
  const words = Object.entries(claims).flatMap(([name, value]) => [
    '--claim',
    `${name}:=${JSON.stringify(value)}`,
  ]);
  await run(operator, ['users', 'create', '--login', login, ...words, '--password-stdin'], password);
}
