/**
 * The rows of the table: what is measured, what it is compared with. Figures are microseconds of server processor time
 * for one operation. `limit` says which unavoidable pieces a row consists of; their prices are measured in the same run.
 */
import type { OperationName } from './operations.ts';

export type Piece = 'get' | 'post' | 'rs256' | 'es256' | 'argon2id';

export interface Row {
  id: OperationName;
  title: string;
  /** How often each unavoidable piece occurs in one operation. */
  limit: Partial<Record<Piece, number>>;
  /** Where Latchkey wants to be, on the reference machine. */
  wanted: number;
}

export const rows: Row[] = [
  {
    id: 'client-credentials-rs256',
    title: 'client credentials, JWT RS256',
    limit: { post: 1, rs256: 1 },
    wanted: 480,
  },
  {
    id: 'client-credentials-es256',
    title: 'client credentials, JWT ES256',
    limit: { post: 1, es256: 1 },
    wanted: 150,
  },
  { id: 'client-credentials-opaque', title: 'client credentials, opaque', limit: { post: 1 }, wanted: 139 },
  {
    id: 'code-with-session',
    title: 'code + PKCE with a session',
    limit: { get: 1, post: 1, rs256: 1, es256: 1 },
    wanted: 1500,
  },
  {
    id: 'code-with-login',
    title: 'code + PKCE, login and consent',
    limit: { get: 6, post: 3, rs256: 1, es256: 1, argon2id: 1 },
    wanted: 12_500,
  },
  {
    id: 'refresh',
    title: 'refresh with rotation, JWT + ID token',
    limit: { post: 1, rs256: 2 },
    wanted: 900,
  },
  { id: 'introspection', title: 'introspection', limit: { post: 1 }, wanted: 100 },
  { id: 'userinfo', title: 'userinfo', limit: { get: 1 }, wanted: 100 },
  { id: 'jwks', title: 'JWKS', limit: { get: 1 }, wanted: 28 },
  { id: 'discovery', title: 'discovery', limit: { get: 1 }, wanted: 28 },
];

/** The two rows that are not load: starting, and memory. They can be named in `--rows` as well. */
export const otherRows = ['start', 'memory'] as const;

/** What Latchkey must hold at the least: a ratio to the bare engine, and absolute bounds. */
export const bounds = {
  ratio: 1.2,
  startMilliseconds: 1000,
  memoryAfterLoadMebibytes: 160,
} as const;

/** Where Latchkey wants to be with the two other rows. */
export const wantedOtherwise = {
  startMilliseconds: 500,
  memoryIdleMebibytes: 90,
  memoryAfterLoadMebibytes: 130,
} as const;
