import { timingSafeEqual } from 'node:crypto';
import type Koa from 'koa';
import type { Configuration } from '../../../config/configuration.ts';
import type { AddressThrottle } from '../../authentication/throttling/address-throttle.ts';
import { digestSecret, randomSecret } from '../../clients/client-secret.ts';
import type { Clients, StoredClient } from '../../clients/clients.ts';
import {
  checkMetadata,
  type MetadataRefusal,
  refuseMetadata,
} from '../../clients/metadata/client-metadata.ts';
import {
  type RegistrationPolicy,
  registrationPolicy,
  registrationProblem,
  requestedMetadata,
} from '../../clients/registration-policy.ts';
import { registrationResponse } from '../../clients/registration-response.ts';
import type { RegistrationTokens } from '../../clients/registration-tokens.ts';
import type { Grants } from '../../grants/grants.ts';
import type { Events } from '../../observability/events.ts';
import type { Log } from '../../observability/log.ts';
import type { SafeFetch } from '../../outbound/safe-fetch.ts';
import { sectorProblem } from '../claims/sector-identifiers.ts';
import { type ReadStatement, type StatementReader, statementReader } from './software-statements.ts';

/** Where clients are registered (RFC 7591 §3); below it each manages its registration (RFC 7592). */
export const REGISTRATION_PATH = '/reg';

/** What registrations are made with. */
export interface RegistrationRooms {
  configuration: Configuration;
  clients: Clients;
  registrationTokens: RegistrationTokens;
  registrationThrottle: AddressThrottle;
  grants: Pick<Grants, 'endClient'>;
  safeFetch: SafeFetch;
  events: Events;
  log: Log;
}

const NOT_AN_OBJECT = refuseMetadata('client metadata must be a JSON object, sent as application/json');

type Given = Record<string, unknown>;
type Refusal = MetadataRefusal | Exclude<ReadStatement, { outcome: 'read' }>;

/** RFC 7592 §2.2: what the provider says of a registration, and a client must not. */
const NEVER_SENT = [
  'registration_access_token',
  'registration_client_uri',
  'client_secret_expires_at',
  'client_id_issued_at',
];

/**
 * Applications register themselves and manage that (RFC 7591, RFC 7592, OpenID Connect Dynamic Client Registration), as far as the
 * operator's policy goes. The body must have been read as JSON. Answers nothing but its own paths, and none while it is off.
 */
export function registrationEndpoint(rooms: RegistrationRooms): Koa.Middleware {
  const { configuration, clients, registrationTokens, registrationThrottle, safeFetch } = rooms;
  const { mode, statementIssuersFile: issuersFile } = configuration.clientRegistration;
  if (mode === 'off') return (_ctx, next) => next();
  const { issuer } = configuration;
  const policy = registrationPolicy(configuration);
  const readStatement = issuersFile === undefined ? undefined : statementReader(issuersFile, issuer);

  /** Counts what writes to the directory or asks others; answers the request itself when that is too much. */
  async function admits(ctx: Koa.Context): Promise<boolean> {
    const admittance = await registrationThrottle.admit(ctx.ip);
    if (admittance.outcome === 'admitted') return true;
    rooms.events.emit('attempt.throttled', { kind: 'client_registration', address: ctx.ip });
    ctx.set('Retry-After', String(admittance.retryAfter));
    const description = `too many registrations; try again in ${admittance.retryAfter} seconds`;
    answer(ctx, 429, { error: 'temporarily_unavailable', error_description: description });
    return false;
  }

  async function register(ctx: Koa.Context): Promise<void> {
    const initialToken = mode === 'initial_access_token' ? bearerToken(ctx) : undefined;
    if (mode === 'initial_access_token') {
      if (initialToken === undefined || !(await registrationTokens.isUsable(initialToken))) {
        return unauthorized(ctx, issuer, 'an initial access token of this provider’s operator is needed');
      }
    }
    // Not before: who has no token would use up what all together may.
    if (!(await admits(ctx))) return;
    const given = bodyOf(ctx);
    if (given === undefined) return refuse(ctx, NOT_AN_OBJECT);
    const asked = await askedFor(given, { mode, policy, readStatement });
    if (asked.outcome !== 'requested') return refuse(ctx, asked);
    const prepared = await prepare(asked.metadata);
    if (prepared !== undefined) return refuse(ctx, prepared);
    const token = randomSecret();
    const made = await clients.register(asked.metadata, {
      tokenDigest: digestSecret(token),
      admit:
        initialToken === undefined
          ? undefined
          : (transaction, now) => registrationTokens.use(transaction, initialToken, now),
    });
    if (made.outcome === 'refused') return refuse(ctx, made);
    if (made.outcome === 'not_admitted') {
      return unauthorized(ctx, issuer, 'the initial access token has been used as often as it may be');
    }
    rooms.log.info({ clientId: made.client.clientId, address: ctx.ip }, 'an application registered itself');
    // RFC 7591 §3.2.1: unmodified.
    const said = readStatement === undefined ? {} : { software_statement: given.software_statement };
    answer(ctx, 201, { ...response(made.client, token, made.clientSecret), ...said });
  }

  /** What must be asked of others, or is for the policy to say, before anything is stored. */
  async function prepare(metadata: Given, present?: StoredClient): Promise<MetadataRefusal | undefined> {
    const checked = checkMetadata(metadata, configuration, 'ignore');
    if (checked.outcome === 'refused') return checked;
    return (
      registrationProblem(checked.metadata, policy, present?.metadata) ??
      (await sectorProblem(checked.metadata, safeFetch))
    );
  }

  function response(client: StoredClient, token: string, clientSecret?: string): Given {
    return {
      ...registrationResponse(client, clientSecret),
      registration_access_token: token,
      registration_client_uri: `${issuer}${REGISTRATION_PATH}/${encodeURIComponent(client.clientId)}`,
    };
  }

  async function update(ctx: Koa.Context, present: StoredClient, token: string): Promise<void> {
    const given = bodyOf(ctx);
    if (given === undefined) return refuse(ctx, NOT_AN_OBJECT);
    const problem = await unfit(given, present, clients);
    if (problem !== undefined) {
      return answer(ctx, 400, { error: 'invalid_request', error_description: problem });
    }
    const asked = await askedFor(given, { mode, policy, readStatement, present });
    if (asked.outcome !== 'requested') return refuse(ctx, asked);
    const prepared = await prepare(asked.metadata, present);
    if (prepared !== undefined) return refuse(ctx, prepared);
    const revised = await clients.revise(present.clientId, (latest) => {
      if (!isManagedBy(latest, token)) return { outcome: 'not_found' };
      // What the operator has decided since counts.
      const now = requestedMetadata({ ...given, ...asked.stated }, policy, latest.metadata);
      return now.outcome === 'requested' ? { outcome: 'revised', metadata: now.metadata } : now;
    });
    if (revised.outcome === 'refused') return refuse(ctx, revised);
    if (revised.outcome === 'not_found') return unauthorized(ctx, issuer, 'there is no such registration');
    answer(ctx, 200, response(revised.client, token, revised.clientSecret));
  }

  async function manage(ctx: Koa.Context, clientId: string): Promise<void> {
    const token = bearerToken(ctx);
    const client = await clients.find(clientId);
    if (token === undefined || client === undefined || !isManagedBy(client, token)) {
      return unauthorized(ctx, issuer, 'the registration access token of this client is needed');
    }
    if (ctx.method === 'PUT') {
      if (await admits(ctx)) await update(ctx, client, token);
      return;
    }
    if (ctx.method === 'GET') return answer(ctx, 200, response(client, token));
    await clients.delete(clientId);
    await rooms.grants.endClient(clientId);
    rooms.log.info({ clientId }, 'an application ended its registration');
    ctx.set('Cache-Control', 'no-store');
    ctx.status = 204;
  }

  return async (ctx, next) => {
    const clientId = clientIdIn(ctx.path);
    if (ctx.path !== REGISTRATION_PATH && clientId === undefined) return next();
    const methods = clientId === undefined ? ['POST'] : ['GET', 'PUT', 'DELETE'];
    // No cookie and no person is involved: scripts of any origin may register the application that they are.
    ctx.set('Access-Control-Allow-Origin', '*');
    if (ctx.method === 'OPTIONS') {
      ctx.set('Access-Control-Allow-Methods', methods.join(', '));
      ctx.set('Access-Control-Allow-Headers', 'Authorization, Content-Type');
      ctx.set('Access-Control-Max-Age', '3600');
      ctx.status = 204;
      return undefined;
    }
    ctx.set('Access-Control-Expose-Headers', 'WWW-Authenticate');
    if (!methods.includes(ctx.method)) {
      ctx.set('Allow', methods.join(', '));
      const description = `${ctx.method} is not possible here`;
      return answer(ctx, 405, { error: 'method_not_allowed', error_description: description });
    }
    return clientId === undefined ? register(ctx) : manage(ctx, clientId);
  };
}

/** The registration that is asked for: what the application says, under what a trusted issuer says of it (RFC 7591 §2.3). */
async function askedFor(
  given: Given,
  by: {
    mode: string;
    policy: RegistrationPolicy;
    readStatement: StatementReader | undefined;
    present?: StoredClient;
  },
): Promise<{ outcome: 'requested'; metadata: Given; stated: Given } | Refusal> {
  const { software_statement: statement } = given;
  if (statement === undefined && by.mode === 'software_statement') {
    const description = 'a software statement of an issuer that is trusted here is needed';
    return { outcome: 'invalid_software_statement', description };
  }
  let stated: Given = {};
  if (statement !== undefined && by.readStatement !== undefined) {
    const read = await by.readStatement(statement);
    if (read.outcome !== 'read') return read;
    stated = read.metadata;
  }
  const asked = requestedMetadata({ ...given, ...stated }, by.policy, by.present?.metadata);
  return asked.outcome === 'requested' ? { ...asked, stated } : asked;
}

/** Why a request to change a registration is none of that client. */
async function unfit(given: Given, present: StoredClient, clients: Clients): Promise<string | undefined> {
  const forbidden = NEVER_SENT.find((member) => given[member] !== undefined);
  if (forbidden !== undefined) return `${forbidden} must not be sent (RFC 7592 §2.2)`;
  if (given.client_id !== present.clientId) return 'client_id must be that of this registration';
  const { client_secret: secret } = given;
  if (secret === undefined) return undefined;
  const matches = typeof secret === 'string' && (await clients.verifySecret(present.clientId, secret));
  return matches ? undefined : 'client_secret is not that of this registration; it is chosen by the provider';
}

/** Constant-time. */
function isManagedBy({ registrationTokenDigest: digest }: StoredClient, token: string): boolean {
  return digest !== null && timingSafeEqual(Buffer.from(digest), Buffer.from(digestSecret(token)));
}

function clientIdIn(path: string): string | undefined {
  const [, encoded] = /^\/reg\/([^/]+)$/.exec(path) ?? [];
  try {
    return encoded === undefined ? undefined : decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
}

/** RFC 6750 §2.1. */
function bearerToken(ctx: Koa.Context): string | undefined {
  return /^bearer ([\w~+/.-]+=*)$/i.exec(ctx.get('Authorization'))?.[1];
}

function bodyOf(ctx: Koa.Context): Given | undefined {
  const { body } = ctx.request as { body?: unknown };
  const isObject = typeof body === 'object' && body !== null && !Array.isArray(body);
  return isObject && ctx.is('json') ? (body as Given) : undefined;
}

function answer(ctx: Koa.Context, status: number, body: Given): void {
  ctx.status = status;
  ctx.set('Cache-Control', 'no-store');
  ctx.body = body;
}

function refuse(ctx: Koa.Context, refusal: Refusal): void {
  const error = refusal.outcome === 'refused' ? refusal.error : refusal.outcome;
  answer(ctx, 400, { error, error_description: refusal.description });
}

function unauthorized(ctx: Koa.Context, realm: string, description: string): void {
  const error = ctx.get('Authorization') === '' ? '' : ', error="invalid_token"';
  ctx.set('WWW-Authenticate', `Bearer realm="${realm}"${error}`);
  answer(ctx, 401, { error: 'invalid_token', error_description: description });
}
