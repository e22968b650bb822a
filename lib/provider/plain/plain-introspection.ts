import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { Client } from 'oidc-provider';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { ClientThrottle } from '../../authentication/throttling/client-throttle.ts';
import type { Clients } from '../../clients/clients.ts';
import { type EngineToken, prototypesOf } from '../engine/engine-context.ts';
import { inEngineContext } from '../engine/engine-steps.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { introspectionPolicy } from '../tokens/introspection-policy.ts';
import { plainFields } from './plain-request.ts';

/** Credentials as most clients send them: nothing in them was escaped (RFC 6749 §2.3.1), and there is one colon. */
const CREDENTIALS = /^([\w.~-]{1,255}):([\w.~-]{1,255})$/;
/** An answer is chosen by weight, or may be a JWT (RFC 9701 §4). */
const NEGOTIATED = /jwt|;/i;
const FIELDS: ReadonlySet<string> = new Set(['token', 'token_type_hint']);

/**
 * Answers the introspection that APIs ask for with each of their requests: a client with its secret in the header and an opaque
 * access token (RFC 7662 §2). The engine answers it too, and the same, at twice the cost: for it this is one of many
 * requests, with any of nine ways to authenticate. Whatever is not plain, is refused, or has more to it than one line of
 * claims is left to the engine: this decides nothing that it would not.
 */
export function plainIntrospection(
  provider: Provider,
  rooms: { clients: Clients; accounts: AccountAdapter; clientThrottle: ClientThrottle },
): (ctx: Koa.Context, body: Buffer) => Promise<unknown> {
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
    ctx.state.clientId = clientId;
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
    const value = opaqueTokenIn(body);
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

  return async (ctx, body) => {
    if (NEGOTIATED.test(ctx.req.headers.accept ?? '')) return undefined;
    return inEngineContext(ctx, async () => {
      const client = await authenticated(ctx);
      const answer = client === undefined ? undefined : await answerFor(client, body);
      if (client !== undefined && answer !== undefined) clientThrottle.succeeded(client.clientId, ctx.ip);
      return answer;
    });
  };
}

/** Whether a client authenticates with a secret, and is not to be answered in an encrypted JWT (RFC 9701 §6). */
function answersInClear({ clientAuthMethod, introspectionEncryptedResponseAlg }: Client): boolean {
  return (
    (clientAuthMethod === 'client_secret_basic' || clientAuthMethod === 'client_secret_post') &&
    introspectionEncryptedResponseAlg === undefined
  );
}

/** The opaque token that a form asks about, when it asks nothing else; JWTs have dots. */
function opaqueTokenIn(body: Buffer): string | undefined {
  const fields = plainFields(body, () => FIELDS);
  if (fields?.token === undefined || fields.token.includes('.')) return undefined;
  return (fields.token_type_hint ?? 'access_token') === 'access_token' ? fields.token : undefined;
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
