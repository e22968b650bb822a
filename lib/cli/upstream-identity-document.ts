import { z } from 'zod';
import type { UpstreamIdentitiesTable } from '../database/tables/upstream-identities.ts';

const moment = z.iso.datetime({ precision: 3 }).transform((text) => Date.parse(text));

/** An account at another provider in a directory's document. */
export const upstreamIdentityDocument = z.strictObject({
  issuer: z.url(),
  subject: z.string().min(1).max(255),
  sub: z.string().min(1).max(255),
  provider: z.string(),
  label: z.string(),
  created_at: moment,
  last_used_at: moment.nullable(),
});

/** An identity as a document says it. */
export function writeUpstreamIdentity(
  row: UpstreamIdentitiesTable,
): z.input<typeof upstreamIdentityDocument> {
  const { last_used_at: usedAt } = row;
  return {
    ...row,
    created_at: new Date(row.created_at).toISOString(),
    last_used_at: usedAt === null ? null : new Date(usedAt).toISOString(),
  };
}
