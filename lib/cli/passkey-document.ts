import { z } from 'zod';
import type { PasskeysTable } from '../database/tables/passkeys.ts';

const moment = z.iso.datetime({ precision: 3 }).transform((text) => Date.parse(text));

/** A passkey in a directory's document. Bytes are in base64url. */
export const passkeyDocument = z.strictObject({
  credential_id: z.base64url().min(1).max(1364),
  sub: z.string().min(1).max(255),
  user_handle: z.base64url(),
  public_key: z.base64url(),
  counter: z.int().min(0),
  transports: z.array(z.string()),
  aaguid: z.string(),
  backup_eligible: z.boolean(),
  backed_up: z.boolean(),
  attested: z.boolean(),
  name: z.string(),
  created_at: moment,
  last_used_at: moment.nullable(),
  copy_suspected_at: moment.nullable(),
});

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
const optional = (milliseconds: number | null): string | null =>
  milliseconds === null ? null : iso(milliseconds);

/** A passkey as a document says it. */
export function writePasskey(row: PasskeysTable): z.input<typeof passkeyDocument> {
  return {
    ...row,
    public_key: Buffer.from(row.public_key).toString('base64url'),
    transports: JSON.parse(row.transports) as string[],
    backup_eligible: row.backup_eligible !== 0,
    backed_up: row.backed_up !== 0,
    attested: row.attested !== 0,
    created_at: iso(row.created_at),
    last_used_at: optional(row.last_used_at),
    copy_suspected_at: optional(row.copy_suspected_at),
  };
}

/** The row that a document says. */
export function readPasskey(passkey: z.output<typeof passkeyDocument>): PasskeysTable {
  return {
    ...passkey,
    public_key: Buffer.from(passkey.public_key, 'base64url'),
    transports: JSON.stringify(passkey.transports),
    backup_eligible: Number(passkey.backup_eligible),
    backed_up: Number(passkey.backed_up),
    attested: Number(passkey.attested),
  };
}
