import type { Kysely } from 'kysely';
import type { Database } from '../database/database.ts';
import type { MaybePromise } from '../database/prepared-query.ts';
import type { DatabaseSchema } from '../database/schema.ts';
import type { DetailDefinition, DetailTypes } from './authorization-details.ts';

/** Reads every type of authorization details that an API defines. */
export async function readDetailTypes(query: Kysely<DatabaseSchema>): Promise<DetailTypes> {
  const rows = await query
    .selectFrom('apis')
    .select(['identifier', 'authorization_details_types'])
    .where('authorization_details_types', '<>', '{}')
    .execute();
  return new Map(
    rows.flatMap(({ identifier: api, authorization_details_types: types }) =>
      Object.entries(JSON.parse(types) as Record<string, DetailDefinition>).map(
        ([name, definition]) => [name, { api, definition }] as const,
      ),
    ),
  );
}

/** The same, kept until an API changes. */
export function detailTypesCache(database: Database): { all(): MaybePromise<DetailTypes> } {
  let known: { revision: number; types: DetailTypes } | undefined;
  return {
    all() {
      const revision = database.revisions.current('apis');
      if (known?.revision === revision) return known.types;
      return readDetailTypes(database.query).then((types) => {
        // Read after the revision was: what it holds is at least as new.
        known = { revision, types };
        return types;
      });
    },
  };
}
