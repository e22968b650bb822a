import { z } from 'zod';
import { sealingContext } from '../authentication/second-factors/totp.ts';
import type { SecondFactorRows } from '../database/backup/second-factor-transfer.ts';
import { SealError, type Sealer } from '../database/sealer.ts';

const moment = z.iso.datetime({ precision: 3 }).transform((text) => Date.parse(text));
const sub = z.string().min(1).max(255);

/** Second factors in a directory's document. A secret is in base64url, and there only when secrets were asked for. */
export const secondFactorDocument = z.strictObject({
  totp: z.array(
    z.strictObject({
      sub,
      secret: z.base64url().min(1).optional(),
      last_step: z.int().min(0),
      created_at: moment,
    }),
  ),
  recovery_codes: z.array(z.strictObject({ sub, digest: z.base64url().length(43), created_at: moment })),
});

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** Second factors as a document says them. `unreadable`: whose secret does not open. */
export function writeSecondFactors(
  { totp, recoveryCodes }: SecondFactorRows,
  sealer: Sealer | undefined,
): { document: z.input<typeof secondFactorDocument>; unreadable: string[] } {
  const unreadable: string[] = [];
  const secretOf = (row: SecondFactorRows['totp'][number]): { secret?: string } => {
    if (sealer === undefined) return {};
    try {
      return { secret: sealer.open(row.sealed, sealingContext(row.sub)).toString('base64url') };
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      unreadable.push(row.sub);
      return {};
    }
  };
  const document = {
    totp: totp.map((row) => ({
      sub: row.sub,
      ...secretOf(row),
      last_step: row.last_step,
      created_at: iso(row.created_at),
    })),
    recovery_codes: recoveryCodes.map((row) => ({ ...row, created_at: iso(row.created_at) })),
  };
  return { document, unreadable };
}

/** The rows that a document says, sealed for this installation; an app without its secret is left out. */
export function readSecondFactors(
  { totp, recovery_codes: recoveryCodes }: z.output<typeof secondFactorDocument>,
  sealer: Sealer,
): SecondFactorRows {
  return {
    totp: totp.flatMap(({ secret, ...row }) =>
      secret === undefined
        ? []
        : [{ ...row, sealed: sealer.seal(Buffer.from(secret, 'base64url'), sealingContext(row.sub)) }],
    ),
    recoveryCodes,
  };
}
