import type Provider from 'oidc-provider';
import { errors, interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { ACR_VALUES } from '../../../config/acr-values.ts';
import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import { acrOf, MULTI_FACTOR, satisfies } from '../../authentication/assurance.ts';
import { type SecondFactors, waysToReach } from '../../authentication/second-factors/second-factors.ts';
import { wordsOf } from '../../clients/scope.ts';
import { entitiesOf, prototypesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';

/** The one reason for a login prompt that a second step answers by itself. */
export const ASSURANCE_REASON = 'assurance';

/** What an authorization request demands of the sign-in. */
export interface AssuranceDemand {
  /** One value of each list must have been reached before anything is issued. */
  required: ReadonlyArray<readonly string[]>;
  /** One of these is to be reached if the person can (OpenID Connect Core §3.1.2.1: a voluntary claim). Empty: none. */
  wanted: readonly string[];
}

/** Where demands come from, as a request and its client have them. */
export interface DemandSources {
  params: Readonly<Record<string, unknown>>;
  /** The client's own `required_acr`. */
  requiredAcr: unknown;
}

type Settings = {
  secondFactor: Pick<Configuration['secondFactor'], 'scopes'>;
  features: Pick<Configuration['features'], 'claimsParameter'>;
};

/** The `acr` claim that the `claims` parameter asks for in ID tokens (OpenID Connect Core §5.5.1.1). */
function claimedAcr(claims: unknown): { essential: boolean; values: string[] } | undefined {
  const parsed = (typeof claims === 'string' ? JSON.parse(claims) : claims) as
    | { id_token?: { acr?: { essential?: unknown; value?: unknown; values?: unknown } | null } }
    | undefined;
  const acr = parsed?.id_token?.acr;
  if (acr === undefined || acr === null) return undefined;
  if (acr.values !== undefined && !Array.isArray(acr.values)) {
    throw new errors.InvalidRequest('invalid claims.id_token.acr.values type');
  }
  const values = [...((acr.values as unknown[] | undefined) ?? []), acr.value];
  return {
    essential: acr.essential === true,
    values: values.filter((value): value is string => typeof value === 'string'),
  };
}

/** What a request demands, by its parameters, by its client and by the scopes that it asks for. */
export function demandOf({ params, requiredAcr }: DemandSources, settings: Settings): AssuranceDemand {
  const { secondFactor, features } = settings;
  const claimed = features.claimsParameter ? claimedAcr(params.claims) : undefined;
  const required: string[][] = [];
  if (typeof requiredAcr === 'string') required.push([requiredAcr]);
  if (wordsOf(params.scope).some((scope) => secondFactor.scopes.includes(scope)))
    required.push([MULTI_FACTOR]);
  if (claimed?.essential === true && claimed.values.length > 0) required.push(claimed.values);
  const wanted = [...wordsOf(params.acr_values), ...(claimed?.essential === false ? claimed.values : [])];
  return { required, wanted };
}

/** The lists of a demand that are not reached by these methods. */
export function missing(demanded: AssuranceDemand['required'], methods: readonly string[]) {
  return demanded.filter((acrs) => !acrs.some((acr) => satisfies(methods, acr)));
}

/** Whether a wanted value is left that these methods do not reach. */
export function isWanting({ wanted }: AssuranceDemand, methods: readonly string[]): boolean {
  const known = wanted.filter((acr) => (ACR_VALUES as readonly string[]).includes(acr));
  return known.length > 0 && !known.some((acr) => satisfies(methods, acr));
}

function demandIn({ oidc }: KoaContextWithOIDC, settings: Settings): AssuranceDemand {
  return demandOf({ params: { ...oidc.params }, requiredAcr: oidc.client?.required_acr }, settings);
}

/**
 * Adds to the login prompt that the session be worth what is demanded (OpenID Connect Core §5.5.1.1, RFC 9470 §5), in place of
 * the engine's comparison of names. What nobody can reach here is refused at once.
 */
export function addAssuranceCheck(
  policy: ReturnType<typeof interactionPolicy.base>,
  rooms: {
    configuration: Settings;
    accounts: Pick<AccountAdapter, 'findBySub'>;
    secondFactors: SecondFactors;
  },
): void {
  const { Check } = interactionPolicy;
  const login = policy.get('login');
  login?.checks.remove('essential_acrs');
  login?.checks.remove('essential_acr');
  login?.checks.add(
    new Check(
      ASSURANCE_REASON,
      'a further authentication factor is required',
      'login_required',
      async (ctx) => {
        const demand = demandIn(ctx, rooms.configuration);
        refuseUnknown(demand);
        const { session, account, result } = ctx.oidc;
        if (session?.accountId === undefined || account === undefined) return Check.NO_NEED_TO_PROMPT;
        const methods = session.amr ?? [];
        if (missing(demand.required, methods).length > 0) return Check.REQUEST_PROMPT;
        if (!isWanting(demand, methods)) return Check.NO_NEED_TO_PROMPT;
        // A wish is asked for once, and never makes an answer without a page fail.
        if (result?.login !== undefined || ctx.oidc.prompts.has('none')) return Check.NO_NEED_TO_PROMPT;
        const person = await whileAvailable(() => rooms.accounts.findBySub(account.accountId));
        if (person === undefined) return Check.NO_NEED_TO_PROMPT;
        const factors = await whileAvailable(() => rooms.secondFactors.of(person));
        return waysToReach(factors, methods, [demand.wanted]).length > 0
          ? Check.REQUEST_PROMPT
          : Check.NO_NEED_TO_PROMPT;
      },
    ),
  );
}

/**
 * Refuses a request whose demand cannot be read, or reached by anybody here, where no login prompt of the engine's comes to look at it. Throws
 * InvalidRequest and UnmetAuthenticationRequirements.
 */
export function assertReachable(ctx: KoaContextWithOIDC, settings: Settings): void {
  refuseUnknown(demandIn(ctx, settings));
}

function refuseUnknown({ required }: AssuranceDemand): void {
  const unknown = required.find((acrs) =>
    acrs.every((acr) => !(ACR_VALUES as readonly string[]).includes(acr)),
  );
  if (unknown === undefined) return;
  throw new errors.UnmetAuthenticationRequirements('none of the requested acr values is known here');
}

/**
 * Has the engine tell what happened in the session: the strongest `acr` that its methods are worth, or the one that was
 * asked for when they are worth that much.
 */
export function tellAssurance(provider: Provider, settings: Settings): void {
  const { OIDCContext } = prototypesOf(provider);
  Object.defineProperty(OIDCContext.prototype, 'acr', {
    get(this: KoaContextWithOIDC['oidc']) {
      const methods = this.session?.amr;
      if (methods === undefined || methods.length === 0) return undefined;
      const { required, wanted } = demandIn({ oidc: this } as KoaContextWithOIDC, settings);
      return [...required.flat(), ...wanted].find((acr) => satisfies(methods, acr)) ?? acrOf(methods);
    },
  });
}

/**
 * What access tokens say of the sign-in that they come from, in JWTs and in introspection (RFC 9068 §2.2.1, RFC 9470 §6). A
 * refreshed token says what the first one said.
 */
export function assuranceClaims(ctx: KoaContextWithOIDC, token: object): Record<string, unknown> | undefined {
  if ((token as { accountId?: string }).accountId === undefined) return undefined;
  const { RotatedRefreshToken: rotated } = entitiesOf(ctx);
  const {
    RefreshToken: refreshed,
    AuthorizationCode: code,
    DeviceCode: device,
    BackchannelAuthenticationRequest: confirmed,
  } = ctx.oidc.entities;
  const source = (rotated ?? refreshed ?? code ?? device ?? confirmed) as
    | { acr?: string; amr?: string[]; authTime?: number }
    | undefined;
  const session = ctx.oidc.entities.Session;
  const told =
    source === undefined
      ? { acr: ctx.oidc.acr, amr: session?.amr, auth_time: session?.loginTs }
      : { acr: source.acr, amr: source.amr, auth_time: source.authTime };
  const known = Object.entries(told).filter(([, value]) => value !== undefined);
  return known.length === 0 ? undefined : Object.fromEntries(known);
}
