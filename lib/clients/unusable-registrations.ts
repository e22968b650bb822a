import type { Kysely } from 'kysely';
import type { DatabaseSchema } from '../database/schema.ts';
import { configurationProblem, type MetadataPolicy } from './configuration-problem.ts';
import type { ClientMetadata } from './metadata/client-metadata.ts';

/** An application or API that cannot be used as the provider is configured now. */
export interface UnusableRegistration {
  kind: 'client' | 'api';
  name: string;
  problem: string;
}

/** Rows of one query: a directory may hold many applications. */
const ROWS_AT_ONCE = 500;

/** Finds what was registered under another configuration: with an algorithm that has no key any more, or a feature that is off. */
export async function* unusableRegistrations(
  query: Kysely<DatabaseSchema>,
  policy: MetadataPolicy,
): AsyncGenerator<UnusableRegistration> {
  const algorithms = policy.keys.algorithms as ReadonlyArray<string>;
  const apis = await query
    .selectFrom('apis')
    .select(['identifier', 'algorithm'])
    .where('token_format', '=', 'jwt')
    .where('algorithm', 'not in', algorithms)
    .orderBy('identifier')
    .execute();
  for (const { identifier, algorithm } of apis) {
    const problem = `its tokens are to be signed with ${algorithm}, which is not configured (keys.algorithms)`;
    yield { kind: 'api', name: identifier, problem };
  }
  for (let after = ''; ; ) {
    const rows = await query
      .selectFrom('clients')
      .select(['client_id', 'metadata'])
      .where('client_id', '>', after)
      .orderBy('client_id')
      .limit(ROWS_AT_ONCE)
      .execute();
    for (const { client_id: name, metadata } of rows) {
      const problem = configurationProblem(JSON.parse(metadata) as ClientMetadata, policy);
      if (problem !== undefined) yield { kind: 'client', name, problem };
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < ROWS_AT_ONCE) return;
    after = last.client_id;
  }
}
