import { type OpenPayload, type PayloadSealer, type SealedTable, stampOf } from '../payload-sealer.ts';
import type { RecordKey } from '../storage.ts';

/** A payload in clear, from this process's memory when it is the one that was sealed there. Throws SealError. */
export function openPayload(
  sealer: PayloadSealer,
  table: SealedTable,
  key: RecordKey,
  sealed: Buffer,
  ground: Omit<OpenPayload, 'payload'> = {},
): OpenPayload {
  return sealer.recall(table, key, stampOf(sealed)) ?? sealer.open(table, key, sealed, ground);
}

/** The payload of a grant or a session in clear. Throws SealError. */
export function openDocument(
  sealer: PayloadSealer,
  table: 'grant' | 'session',
  key: RecordKey,
  sealed: Buffer,
): string {
  return openPayload(sealer, table, key, sealed).payload;
}
