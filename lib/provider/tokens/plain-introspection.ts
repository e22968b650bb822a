import type { IncomingMessage } from 'node:http';
import { parse } from 'node:querystring';
import { buffer } from 'node:stream/consumers';
import type Koa from 'koa';
import type Provider from 'oidc-provider';
import { type Client, errors } from 'oidc-provider';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { ClientThrottle } from '../../authentication/throttling/client-throttle.ts';
import type { Clients } from '../../clients/clients.ts';
import { type EngineToken, prototypesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { introspectionPolicy } from './introspection-policy.ts';

const PATH = '/introspection';
/** A token and its hint are far shorter; what is longer (bytes) the engine judges. */
const LONGEST_BODY = 1024;
const FORM = /^application\/x-www-form-urlencoded(?:; ?charset=utf-8)?$/i;
/** Credentials as most clients send them: nothing in them was escaped (RFC 6749 §2.3.1), and there is one colon. */
const CREDENTIALS = /^([\w.~-]{1,255}):([\w.~-]{1,255})$/;
/** An answer is chosen by weight, or may be a JWT (RFC 9701 §4). */
const NEGOTIATED = /jwt|;/i;
/** With one of these a request is more than a secret and a token. */
const SPECIAL_HEADERS = [
  'origin',
  'oauth-client-attestation',
  'oauth-client-attestation-pop',
  'transfer-encoding',
];

/**
 * Answers the introspection that APIs ask for with each of their requests: a client with its secret in the header and an opaque
 * access token (RFC 7662 §2). The engine answers it too, and the same, at twice the cost: for it this is one of many
 * requests, with any of nine ways to authenticate. Whatever is not plain, is refused, or has more to it than one line of
 * claims is left to the engine, which never hears that it was looked at before: this decides nothing that it would not.
 */
export function answerPlainIntrospection(
  engine: Koa.Middleware,
  provider: Provider,
  rooms: { clients: Clients; accounts: AccountAdapter; clientThrottle: ClientThrottle },
): Koa.Middleware {
  const { clients, clientThrottle } = rooms;
  const { Client: EngineClient, AccessToken, ClientCredentials } = prototypesOf(provider);
  const policy = introspectionPolicy(rooms);

  /** The client, if its secret is right and nothing more is to be asked of it. */
  async function authenticated(ctx: Koa.Context): Promise<Client | undefined> {
    const [scheme, encoded = '', ...others] = (ctx.req.headers.authorization ?? '').split(' ');
    const credentials = Buffer.from(encoded, 'base64');
    // Node reads what is no Base64 as well, which the engine refuses.
    if (scheme !== 'Basic' || others.length > 0 || credentials.toString('base64') !== encoded)
      return undefined;
    const [, clientId, secret] = CREDENTIALS.exec(credentials.toString('latin1')) ?? [];
    if (clientId === undefined || secret === undefined) return undefined;
    const client = await EngineClient.find(clientId);
    if (client === undefined || !answersInClear(client)) return undefined;
    if (clientThrottle.admit(clientId, ctx.ip).outcome !== 'admitted') return undefined;
    const matches = await whileAvailable(() => clients.verifySecret(clientId, secret));
    return matches ? client : undefined;
  }

  async function found(value: string): Promise<EngineToken | undefined> {
    const [ofPerson, ofClient] = await Promise.all([AccessToken.find(value), ClientCredentials.find(value)]);
    const token = ofPerson ?? ofClient;
    if (token === undefined || token.rar !== undefined || !token.isValid) return undefined;
    if (token.grantId === undefined) return token;
    const grant = await provider.Grant.find(token.grantId);
    return grant?.clientId === token.clientId && grant.accountId === token.accountId ? token : undefined;
  }

  /** What is said of a token; undefined where that is not plain. */
  async function answerFor(client: Client, body: Buffer): Promise<object | undefined> {
    const value = plainToken(body);
    if (value === undefined) return undefined;
    const token = await found(value);
    if (token === undefined || !(await policy(client, token))) return undefined;
    if (token.accountId !== undefined && (await isPairwise(client, token.clientId))) return undefined;
    return claimsOf(token, provider.issuer);
  }

  /** Whether the person has another name at the client that the token was issued to (OpenID Connect Core §8.1). */
  async function isPairwise(client: Client, issuedTo: string): Promise<boolean> {
    const owner = client.clientId === issuedTo ? client : await EngineClient.find(issuedTo);
    return owner?.subjectType === 'pairwise';
  }

  return async (ctx, next) => {
    if (ctx.path !== PATH || !isPlain(ctx.req)) return engine(ctx, next);
    const client = await unlessRefused(authenticated(ctx));
    if (client === undefined) return engine(ctx, next);
    // What broke off is shorter than announced, as which the engine refuses it.
    const body = await buffer(ctx.req).catch(() => Buffer.alloc(0));
    const answer = await unlessRefused(answerFor(client, body));
    if (answer === undefined) {
      handOn(ctx.req, body);
      return engine(ctx, next);
    }
    clientThrottle.succeeded(client.clientId, ctx.ip);
    (ctx as { routerName?: string }).routerName = 'introspection';
    ctx.vary('Origin');
    ctx.body = answer;
  };
}

/** A refusal is the engine's to tell, and so is a store in trouble; a bug is thrown. */
async function unlessRefused<Value>(looked: Promise<Value>): Promise<Value | undefined> {
  try {
    return await looked;
  } catch (error) {
    if (error instanceof errors.OIDCProviderError) return undefined;
    throw error;
  }
}

/** Whether a request might be a plain one, as far as its head tells. */
function isPlain({ method, headers, url }: IncomingMessage): boolean {
  const length = Number(headers['content-length']);
  return (
    method === 'POST' &&
    url === PATH &&
    FORM.test(headers['content-type'] ?? '') &&
    length > 0 &&
    length <= LONGEST_BODY &&
    !NEGOTIATED.test(headers.accept ?? '') &&
    SPECIAL_HEADERS.every((name) => headers[name] === undefined)
  );
}

/** Whether a client authenticates with a secret, and is not to be answered in an encrypted JWT (RFC 9701 §6). */
function answersInClear({ clientAuthMethod, introspectionEncryptedResponseAlg }: Client): boolean {
  return (
    (clientAuthMethod === 'client_secret_basic' || clientAuthMethod === 'client_secret_post') &&
    introspectionEncryptedResponseAlg === undefined
  );
}

/** The opaque token that a form asks about, when it asks nothing else; JWTs have dots. */
function plainToken(body: Buffer): string | undefined {
  const { token, token_type_hint: hint, ...others } = parse(body.toString());
  if (typeof token !== 'string' || token === '' || token.includes('.')) return undefined;
  if (hint !== undefined && hint !== 'access_token') return undefined;
  return Object.keys(others).length === 0 ? token : undefined;
}

/** In the order in which the engine says it: what is of the token itself takes the place of extra claims of that name. */
function claimsOf(token: EngineToken, issuer: string): Record<string, unknown> {
  const { jkt, 'x5t#S256': x5t } = token;
  const confirmation = { ...(x5t ? { 'x5t#S256': x5t } : {}), ...(jkt ? { jkt } : {}) };
  const person = token.accountId === undefined ? {} : { sub: token.accountId };
  return Object.assign({ active: true }, person, token.extra, {
    active: true,
    client_id: token.clientId,
    exp: token.exp,
    iat: token.iat,
    sid: token.sid,
    iss: issuer,
    jti: undefined,
    aud: token.aud,
    authorization_details: undefined,
    scope: token.scope || undefined,
    cnf: jkt || x5t ? confirmation : undefined,
    token_type: token.tokenType,
  });
}

/** Lets the engine read a body that was read already, as if it had not been. */
function handOn(request: IncomingMessage, body: Buffer): void {
  Object.defineProperty(request, 'readable', { value: true, writable: true, configurable: true });
  request.iterator = async function* unread() {
    yield body;
  } as IncomingMessage['iterator'];
}
