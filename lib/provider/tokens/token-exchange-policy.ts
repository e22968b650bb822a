import type { ExchangeRule } from '../../clients/metadata/exchange-metadata.ts';

/** Actors in one token at most: more is a loop rather than a chain of services. */
const LONGEST_CHAIN = 5;

/** Who acts, and on whose behalf they in turn were acting (RFC 8693 §4.1). */
export interface ActorClaim {
  sub: string;
  client_id?: string;
  act?: ActorClaim;
  [claim: string]: unknown;
}

/** A token that is presented to be exchanged, as far as policy asks. */
export interface SubjectOfPolicy {
  clientId: string;
  audience: string | undefined;
  scopes: ReadonlySet<string>;
  act: ActorClaim | undefined;
  mayAct: { sub?: unknown; client_id?: unknown } | undefined;
}

/**
 * The rule by which a client may exchange this token for one for `target`; undefined when there is none. Of several, one
 * that says who acts goes before one that does not.
 */
export function ruleFor(
  rules: ReadonlyArray<ExchangeRule>,
  subject: SubjectOfPolicy,
  target: string,
): ExchangeRule | undefined {
  const fitting = rules.filter(
    (rule) =>
      rule.audience === target &&
      rule.subject_audience === subject.audience &&
      (rule.subject_clients === undefined || rule.subject_clients.includes(subject.clientId)),
  );
  return fitting.find(({ kind }) => kind === 'delegation') ?? fitting[0];
}

/**
 * RFC 8693 §4.4: a token that says who may act for its person may be used by nobody else. All that it says of them counts: somebody whose `sub`
 * is like the name of an application is not that application.
 */
export function mayAct(subject: SubjectOfPolicy, actor: ActorClaim): boolean {
  if (subject.mayAct === undefined) return true;
  const { sub, client_id: clientId } = subject.mayAct;
  return sub === actor.sub && (clientId === undefined || clientId === actor.client_id);
}

/**
 * The `act` claim of the new token: its actor, then those of the exchanged token, none of whom is ever left out. `too_long`
 * when that would be more than there may be.
 */
export function actorChain(
  rule: Pick<ExchangeRule, 'kind'>,
  subject: Pick<SubjectOfPolicy, 'act'>,
  actor: ActorClaim,
): ActorClaim | 'too_long' | undefined {
  if (rule.kind === 'impersonation') return subject.act;
  const chain = subject.act === undefined ? actor : { ...actor, act: subject.act };
  return lengthOf(chain) > LONGEST_CHAIN ? 'too_long' : chain;
}

function lengthOf(chain: ActorClaim | undefined): number {
  return chain === undefined ? 0 : 1 + lengthOf(chain.act);
}

/**
 * The scopes of the new token: what the exchanged one allows, the API has, the rule lets through and the request asks for
 * (all of that, when it asks for none). Answers the first scope asked for that is not among them, if there is one.
 */
export function exchangedScopes(options: {
  subject: Pick<SubjectOfPolicy, 'scopes'>;
  rule: Pick<ExchangeRule, 'scope'>;
  ofApi: ReadonlySet<string>;
  requested: ReadonlySet<string>;
}): { scopes: string[] } | { excess: string } {
  const { subject, rule, ofApi, requested } = options;
  const most = rule.scope === undefined ? undefined : new Set(rule.scope.split(' '));
  const possible = [...subject.scopes].filter(
    (scope) => ofApi.has(scope) && (most === undefined || most.has(scope)),
  );
  const excess = [...requested].find((scope) => !possible.includes(scope));
  if (excess !== undefined) return { excess };
  return { scopes: requested.size === 0 ? possible : possible.filter((scope) => requested.has(scope)) };
}
