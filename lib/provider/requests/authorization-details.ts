import { isDeepStrictEqual } from 'node:util';
import {
  errors,
  type KoaContextWithOIDC,
  type RichAuthorizationRequestsActiveConfiguration,
} from 'oidc-provider';
import type { Apis } from '../../clients/apis.ts';
import { type AuthorizationDetail, detailProblem, isWithin } from '../../clients/authorization-details.ts';
import { whileAvailable } from '../engine/engine-storage.ts';

/** As the engine takes it beside introspection. */
type Feature = RichAuthorizationRequestsActiveConfiguration & {
  authorizationDetailsForIntrospection: NonNullable<
    RichAuthorizationRequestsActiveConfiguration['authorizationDetailsForIntrospection']
  >;
};

interface DetailRooms {
  apis: Pick<Apis, 'detailTypes'>;
  /** The names, by which the engine tells an unknown type; what they mean is looked up for each request. */
  detailTypes: Iterable<string>;
}

/** The most that a grant remembers: a person who pays every day does not make it grow. */
const REMEMBERED = 50;

/** The most that one request may ask for: a person reads each, and all of them are remembered. */
const LARGEST_REQUEST = 20;

/** What the request asks for; checked before by `validate`. */
function asked(ctx: KoaContextWithOIDC): AuthorizationDetail[] | undefined {
  const given = ctx.oidc.params?.authorization_details;
  return given === undefined ? undefined : (JSON.parse(String(given)) as AuthorizationDetail[]);
}

/**
 * Rich authorization requests (RFC 9396). A type belongs to the API that defines it: a request names that API as a resource,
 * its tokens alone carry the details, and only a client that registered for the type may ask for it. A person is asked each
 * time. At the token endpoint a client may ask for less than was granted, never for more (§6).
 */
export function richAuthorizationRequests(enabled: boolean, rooms: DetailRooms): Feature {
  return {
    enabled,
    types: Object.fromEntries(
      [...rooms.detailTypes].map((name) => [name, { validate: validateWith(rooms) }]),
    ),
    // What the person said yes to, and nothing that another authorization left in the grant.
    authorizationDetailsForGrantSource: (ctx: KoaContextWithOIDC) => {
      const granted = (ctx.oidc.grant as { rar?: unknown[] } | undefined)?.rar ?? [];
      return asked(ctx)?.filter((detail) => granted.some((one) => isDeepStrictEqual(one, detail)));
    },
    authorizationDetailsForAccessToken: async (
      ctx: KoaContextWithOIDC,
      token: { resourceServer?: { identifier(): string } },
      source: { rar?: AuthorizationDetail[] } | undefined,
    ) => {
      const wanted = asked(ctx);
      const granted = source === undefined ? (wanted ?? []) : (source.rar ?? []);
      if (wanted?.some((detail) => !granted.some((one) => isWithin(detail, one)))) {
        throw new errors.InvalidAuthorizationDetails('authorization_details go beyond what was granted');
      }
      const known = await whileAvailable(() => rooms.apis.detailTypes());
      const api = token.resourceServer?.identifier();
      const ofApi = (wanted ?? granted).filter(({ type }) => known.get(type)?.api === api);
      return ofApi.length === 0 ? undefined : ofApi;
    },
    authorizationDetailsForIntrospection: (_ctx: unknown, { rar }: { rar?: unknown }) => rar,
  } as unknown as Feature;
}

function validateWith({ apis }: DetailRooms) {
  return async (ctx: KoaContextWithOIDC, detail: AuthorizationDetail) => {
    const refuse = (words: string) => {
      throw new errors.InvalidAuthorizationDetails(`authorization details of type ${detail.type}: ${words}`);
    };
    if ((asked(ctx)?.length ?? 0) > LARGEST_REQUEST) {
      throw new errors.InvalidAuthorizationDetails(
        `authorization_details may have ${LARGEST_REQUEST} elements at most`,
      );
    }
    const known = (await whileAvailable(() => apis.detailTypes())).get(detail.type);
    if (known === undefined) return refuse('no API defines it');
    const resource = [ctx.oidc.params?.resource].flat();
    if (!resource.includes(known.api)) return refuse(`resource must name ${known.api}`);
    const problem = detailProblem(known.definition, detail, known.api);
    return problem === undefined ? undefined : refuse(problem);
  };
}

/** What a grant remembers with what a person has said yes to now. */
export function rememberedDetails(before: unknown[], added: ReadonlyArray<unknown>): unknown[] {
  const others = before.filter((known) => !added.some((detail) => isDeepStrictEqual(known, detail)));
  return [...others, ...added].slice(-REMEMBERED);
}
