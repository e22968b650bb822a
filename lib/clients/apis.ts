import type { Kysely } from 'kysely';
import { z } from 'zod';
import type { Configuration } from '../../config/configuration.ts';
import { suggestion } from '../../config/nearest-name.ts';
import { type Database, onClock } from '../database/database.ts';
import type { MaybePromise } from '../database/prepared-query.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { ApisTable } from '../database/tables/clients.ts';
import { type DetailDefinition, type DetailTypes, detailDefinitions } from './authorization-details.ts';
import { detailTypesCache, readDetailTypes } from './detail-types-cache.ts';
import { readableText } from './readable-text.ts';
import { webUriProblem } from './redirect-uri.ts';
import { RevisionCache } from './revision-cache.ts';
import { isScopeToken, OPENID_SCOPES } from './scope.ts';

/** The longest life (s) of an access token: a JWT may be beyond revocation, so a day is the most its theft may cost. */
export const LONGEST_API_TOKEN_LIFETIME = 86_400;
const SHORTEST_API_TOKEN_LIFETIME = 1;
const MOST_SCOPES = 200;
const LONGEST_DESCRIPTION = 200;

/** An API (resource server) that access tokens are meant for. */
export interface Api {
  /** Absolute URI without fragment (RFC 8707 §2); the audience of its tokens. */
  identifier: string;
  name?: string;
  scopes: string[];
  /** What scopes allow, in words for the consent page; by the scope's name, not for every one. */
  scopeDescriptions: Readonly<Record<string, string>>;
  /** What authorization details may say, by their type (RFC 9396). */
  detailTypes: Readonly<Record<string, DetailDefinition>>;
  tokenFormat: 'jwt' | 'opaque';
  /** JWS algorithm of its JWT access tokens. */
  algorithm: string;
  /** Of its access tokens, in seconds; undefined means the configured default. */
  lifetime?: number;
  /** Unix time, ms. */
  createdAt: number;
  updatedAt: number;
}

type Refused = { outcome: 'refused'; description: string };
type NotFound = { outcome: 'not_found' };

export interface Apis {
  /** The API, as `Clients.find` finds a client. */
  find(identifier: string): MaybePromise<Api | undefined>;
  /** All of them, oldest first. */
  list(): Promise<Api[]>;
  /** Every type of authorization details and the API that defines it; read anew when an API has changed. Errors as of `find`. */
  detailTypes(): MaybePromise<DetailTypes>;
  /** Registers an API: `identifier` and, if wanted, `name`, `scopes`, `scope_descriptions`, `authorization_details_types`, `token_format`, `algorithm`, `lifetime`. */
  create(given: unknown): Promise<{ outcome: 'created'; api: Api } | { outcome: 'conflict' } | Refused>;
  /** Changes the given members; null resets `name` and `lifetime`. */
  update(identifier: string, given: unknown): Promise<{ outcome: 'updated'; api: Api } | Refused | NotFound>;
  delete(identifier: string): Promise<{ outcome: 'deleted' } | NotFound>;
}

export interface ApisOptions {
  database: Database;
  configuration: Pick<Configuration, 'keys'>;
  /** Unix time, ms; by default the clock that all processes share. */
  clock?: () => number;
}

function identifierProblem(identifier: string): string | undefined {
  if (identifier.includes('#')) return 'must not have a fragment (RFC 8707 §2)';
  return webUriProblem(identifier);
}

function createApiSchema(algorithms: ReadonlyArray<string>) {
  return z.strictObject({
    identifier: z.string().superRefine((identifier, context) => {
      const problem = identifierProblem(identifier);
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
    }),
    name: readableText(100).nullish(),
    scopes: z
      .array(z.string().refine(isScopeToken, 'must be a scope token (RFC 6749 §3.3)'))
      .max(MOST_SCOPES)
      .refine(
        (scopes) => scopes.every((scope) => !OPENID_SCOPES.has(scope)),
        `must not contain the scopes of OpenID Connect (${[...OPENID_SCOPES].join(', ')})`,
      )
      .default([]),
    scope_descriptions: z.record(z.string(), readableText(LONGEST_DESCRIPTION)).default({}),
    authorization_details_types: detailDefinitions.default({}),
    token_format: z.enum(['jwt', 'opaque']).default('jwt'),
    // ES256 where there is a choice: a tenth of an RSA signature's cost.
    algorithm: z
      .enum(algorithms as [string, ...string[]])
      .default(algorithms.includes('ES256') ? 'ES256' : (algorithms[0] as string)),
    lifetime: z.int().min(SHORTEST_API_TOKEN_LIFETIME).max(LONGEST_API_TOKEN_LIFETIME).nullish(),
  });
}

function readApi(row: ApisTable): Api {
  return {
    identifier: row.identifier,
    ...(row.name === null ? {} : { name: row.name }),
    scopes: JSON.parse(row.scopes) as string[],
    scopeDescriptions: JSON.parse(row.scope_descriptions) as Record<string, string>,
    detailTypes: JSON.parse(row.authorization_details_types) as Api['detailTypes'],
    tokenFormat: row.token_format as Api['tokenFormat'],
    algorithm: row.algorithm,
    ...(row.lifetime === null ? {} : { lifetime: row.lifetime }),
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

/** The descriptions that an update leaves in place: those of scopes that it does not take away. */
function descriptionsOfRemaining(row: ApisTable, given: unknown): Record<string, string> {
  const present = JSON.parse(row.scope_descriptions) as Record<string, string>;
  const { scopes } = given as { scopes?: unknown };
  if (!Array.isArray(scopes)) return present;
  return Object.fromEntries(Object.entries(present).filter(([scope]) => scopes.includes(scope)));
}

/** Opens the directory of APIs. */
export function openApis({ configuration, ...options }: ApisOptions): Apis {
  const database = onClock(options.database, options.clock);
  const schema = createApiSchema(configuration.keys.algorithms);
  const members = Object.keys(schema.shape);
  const cache = new RevisionCache<ApisTable, Api>(
    database,
    'apis',
    database.prepare((query, { key }) => query.selectFrom('apis').selectAll().where('identifier', '=', key)),
    readApi,
  );

  const types = detailTypesCache(database);

  function check(given: unknown): z.infer<typeof schema> | Refused {
    const unknown = Object.keys(given ?? {}).find((name) => !members.includes(name));
    if (unknown !== undefined) {
      return { outcome: 'refused', description: `${unknown} is not known${suggestion(unknown, members)}` };
    }
    const parsed = schema.safeParse(given);
    if (parsed.success) {
      const scopes = [...new Set(parsed.data.scopes)];
      const other = Object.keys(parsed.data.scope_descriptions).find((scope) => !scopes.includes(scope));
      if (other === undefined) return { ...parsed.data, scopes };
      return { outcome: 'refused', description: `scope_descriptions: ${other} is not one of the scopes` };
    }
    const issue = parsed.error.issues[0];
    const place = issue?.path.length ? issue.path.join('.') : 'an API';
    const reason =
      issue?.code === 'invalid_value'
        ? `must be one of ${issue.values.join(', ')}`
        : (issue?.message ?? 'is not valid');
    return { outcome: 'refused', description: `${place}: ${reason}` };
  }

  function columns(api: z.infer<typeof schema>) {
    return {
      name: api.name ?? null,
      scopes: JSON.stringify(api.scopes),
      scope_descriptions: JSON.stringify(api.scope_descriptions),
      authorization_details_types: JSON.stringify(api.authorization_details_types),
      token_format: api.token_format,
      algorithm: api.algorithm,
      lifetime: api.lifetime ?? null,
    };
  }

  const rowOf = (transaction: Kysely<DatabaseSchema>, identifier: string) =>
    transaction.selectFrom('apis').selectAll().where('identifier', '=', identifier).executeTakeFirst();

  return {
    find: (identifier) => cache.find(identifier),

    async list() {
      const rows = await database.query
        .selectFrom('apis')
        .selectAll()
        .orderBy('created_at')
        .orderBy('identifier')
        .execute();
      return rows.map(readApi);
    },

    detailTypes: () => types.all(),

    async create(given) {
      const api = check(given);
      if ('outcome' in api) return api;
      return database.transaction(async (transaction, now) => {
        if ((await rowOf(transaction, api.identifier)) !== undefined) return { outcome: 'conflict' };
        const taken = await typeTaken(transaction, api);
        if (taken !== undefined) return taken;
        const row = { identifier: api.identifier, ...columns(api), created_at: now, updated_at: now };
        await transaction.insertInto('apis').values(row).execute();
        await database.revisions.move(transaction, 'apis');
        return { outcome: 'created', api: readApi(row) };
      });
    },

    update(identifier, given) {
      return database.transaction(async (transaction, now) => {
        const row = await rowOf(transaction, identifier);
        if (row === undefined) return { outcome: 'not_found' };
        const { name, token_format, algorithm, lifetime } = row;
        const present = {
          identifier,
          name,
          scopes: JSON.parse(row.scopes),
          scope_descriptions: descriptionsOfRemaining(row, given),
          authorization_details_types: JSON.parse(row.authorization_details_types),
          token_format,
          algorithm,
          lifetime,
        };
        const api = check({ ...present, ...(given as object) });
        if ('outcome' in api) return api;
        if (api.identifier !== identifier)
          return { outcome: 'refused', description: 'identifier cannot be changed' };
        const taken = await typeTaken(transaction, api);
        if (taken !== undefined) return taken;
        const next = { ...row, ...columns(api), updated_at: now };
        await transaction.updateTable('apis').set(next).where('identifier', '=', identifier).execute();
        await database.revisions.move(transaction, 'apis');
        return { outcome: 'updated', api: readApi(next) };
      });
    },

    delete(identifier) {
      return database.transaction(async (transaction) => {
        const { numDeletedRows } = await transaction
          .deleteFrom('apis')
          .where('identifier', '=', identifier)
          .executeTakeFirst();
        if (numDeletedRows === 0n) return { outcome: 'not_found' };
        await database.revisions.move(transaction, 'apis');
        return { outcome: 'deleted' };
      });
    },
  };
}

/** A type has one meaning, whichever API a request is about. */
async function typeTaken(
  transaction: Kysely<DatabaseSchema>,
  {
    identifier,
    authorization_details_types: types,
  }: { identifier: string; authorization_details_types: object },
): Promise<Refused | undefined> {
  const names = Object.keys(types);
  if (names.length === 0) return undefined;
  const others = await readDetailTypes(transaction);
  const name = names.find((one) => (others.get(one)?.api ?? identifier) !== identifier);
  if (name === undefined) return undefined;
  const description = `authorization_details_types: ${name} is defined by ${others.get(name)?.api}`;
  return { outcome: 'refused', description };
}
