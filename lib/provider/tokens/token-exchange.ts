import {
  type Configuration as EngineConfiguration,
  errors,
  type KoaContextWithOIDC,
  type Provider,
  type ResourceServerInstance,
  type TokenEndpointGrantContext,
} from 'oidc-provider';
import { findAccount, resolveRequestedResources } from 'oidc-provider/lib/helpers/grants.js';
import type { Configuration } from '../../../config/configuration.ts';
import type { Clients } from '../../clients/clients.ts';
import { type ExchangeRule, TOKEN_EXCHANGE_GRANT } from '../../clients/metadata/exchange-metadata.ts';
import { prototypesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';
import { answerWithAccessToken, presentedKeys } from './issued-access-token.ts';
import type { JwtAccessTokenReader } from './jwt-access-tokens.ts';
import { type ActorClaim, actorChain, exchangedScopes, mayAct, ruleFor } from './token-exchange-policy.ts';
import { EXCHANGE_PARAMETERS, type ExchangeRequest, readExchangeRequest } from './token-exchange-request.ts';
import { JWT_TYPE, type PresentedToken, readPresentedToken } from './token-exchange-tokens.ts';

/** What an exchange is decided with. */
export interface ExchangeRooms {
  clients: Pick<Clients, 'find'>;
  configuration: Configuration;
  readJwt: JwtAccessTokenReader;
}

/** What exchanged tokens say of their actors, until they are stored or signed. */
const claimsOfExchanged = new WeakMap<object, Record<string, unknown>>();

/** Claims that access tokens have for the sake of token exchange: `act`, and `may_act` of clients registered with it. */
export function exchangeClaims(
  clients: Pick<Clients, 'find'>,
): NonNullable<EngineConfiguration['extraTokenClaims']> {
  return async (_ctx, token) => {
    const exchanged = claimsOfExchanged.get(token);
    if (exchanged !== undefined) return exchanged;
    const { accountId, clientId } = token as { accountId?: string; clientId?: string };
    if (accountId === undefined) return undefined;
    const client = await whileAvailable(() => clients.find(String(clientId)));
    const actor = client?.metadata.may_act;
    return actor === undefined ? undefined : { may_act: { sub: actor, client_id: actor } };
  };
}

/** Who acts: the client, or whom its actor token is for. */
async function actorOf(
  ctx: KoaContextWithOIDC,
  given: ExchangeRequest['actor'],
  readJwt: JwtAccessTokenReader,
): Promise<ActorClaim> {
  const { clientId } = ctx.oidc.client as { clientId: string };
  if (given === undefined) return { sub: clientId, client_id: clientId };
  const actor = await readPresentedToken(ctx, { ...given, name: 'actor_token', readJwt });
  // Else a client could put on record that another one acted.
  if (actor.clientId !== clientId || actor.act !== undefined || actor.bound) {
    throw new errors.InvalidRequest('actor_token must be an unbound token of this client, for nobody else');
  }
  return { sub: actor.accountId ?? clientId, client_id: clientId };
}

/** The rule by which this client may exchange the token for one for `target`; RFC 8693 §2.2.2 for the refusals. */
function allowingRule(options: {
  rules: ReadonlyArray<ExchangeRule>;
  subject: PresentedToken;
  actor: ActorClaim;
  target: string;
}): ExchangeRule {
  const { rules, subject, actor, target } = options;
  const rule = ruleFor(rules, subject, target);
  if (rule === undefined) {
    throw new errors.InvalidTarget('the client may not exchange this token for one for that audience');
  }
  if (!mayAct(subject, actor)) {
    throw new errors.InvalidRequest('subject_token does not let this client act for its subject');
  }
  return rule;
}

/** The API and the scopes of the new token. */
async function grantedTo(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  { target, scopes, requestedType }: ExchangeRequest,
  decided: { subject: PresentedToken; rule: ExchangeRule },
): Promise<{ resourceServer: ResourceServerInstance; scope: string | undefined }> {
  ctx.oidc.params.resource = target;
  const [resourceServer] = await resolveRequestedResources(provider, ctx);
  if (resourceServer === undefined) throw new errors.InvalidTarget('one audience or resource must be named');
  if (requestedType === JWT_TYPE && resourceServer.accessTokenFormat !== 'jwt') {
    throw new errors.InvalidRequest('requested_token_type does not fit the API, whose tokens are opaque');
  }
  const ofApi = resourceServer.scopes;
  const granted = exchangedScopes({ ...decided, ofApi, requested: scopes });
  if ('excess' in granted) throw new errors.InvalidScope('requested scope is not allowed', granted.excess);
  return { resourceServer, scope: granted.scopes.join(' ') || undefined };
}

async function exchange(
  provider: Provider,
  ctx: TokenEndpointGrantContext,
  { clients, configuration, readJwt }: ExchangeRooms,
): Promise<void> {
  const { client } = ctx.oidc;
  const request = readExchangeRequest(ctx.oidc.params as Record<string, string | undefined>);

  const keys = await presentedKeys(provider, ctx);

  const subject = await readPresentedToken(ctx, { ...request.subject, name: 'subject_token', readJwt });
  if (subject.accountId === undefined) throw new errors.InvalidRequest('subject_token is not for a person');
  const actor = await actorOf(ctx, request.actor, readJwt);
  const stored = await whileAvailable(() => clients.find(client.clientId));
  const rules = stored?.metadata.token_exchange ?? [];
  const rule = allowingRule({ rules, subject, actor, target: request.target });
  // A token that a thief cannot use must not become one that they can.
  if (subject.bound && keys.proof === undefined && keys.certificate === undefined) {
    throw new errors.InvalidRequest(
      'subject_token is bound to a key, so the new token must be: a DPoP proof is missing',
    );
  }
  const act = actorChain(rule, subject, actor);
  if (act === 'too_long') throw new errors.InvalidRequest('subject_token has been delegated too often');
  const account = await findAccount(provider, ctx, subject.accountId);
  const remaining = subject.expiresAt - Math.floor(Date.now() / 1000);
  if (account === undefined || remaining < 1) {
    throw new errors.InvalidRequest('subject_token is not a valid access token');
  }
  ctx.oidc.entity('Account', account);
  const { resourceServer, scope } = await grantedTo(provider, ctx, request, { subject, rule });

  await answerWithAccessToken(provider, ctx, {
    grantType: TOKEN_EXCHANGE_GRANT,
    accountId: account.accountId,
    resourceServer,
    scope,
    lifetime: { usual: configuration.lifetimes.accessToken, remaining },
    keys,
    members: subject.grantId === undefined ? {} : { subjectGrantId: subject.grantId },
    issuedTokenType: request.requestedType,
    beforeSave: (token) => {
      claimsOfExchanged.set(token, {
        ...(act === undefined ? {} : { act }),
        ...(subject.mayAct === undefined ? {} : { may_act: subject.mayAct }),
      });
    },
  });
}

/**
 * Adds token exchange to an engine (RFC 8693). A client exchanges only what its registration allows, for a token that has
 * no scope, no lifetime and no freedom from proof of possession that the exchanged one had not, and that ends with the
 * grant of the exchanged one. To be called before the engine issues its first token.
 */
export function addTokenExchange(provider: Provider, rooms: ExchangeRooms): void {
  const { AccessToken } = prototypesOf(provider);
  const members = [...AccessToken.IN_PAYLOAD, 'subjectGrantId'];
  Object.defineProperty(AccessToken, 'IN_PAYLOAD', { get: () => members });
  provider.registerGrantType(
    TOKEN_EXCHANGE_GRANT,
    (ctx) => exchange(provider, ctx, rooms),
    EXCHANGE_PARAMETERS,
    ['resource', 'audience'],
  );
}
