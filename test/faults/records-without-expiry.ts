import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { RedisServer } from '../redis/redis-servers.ts';

/** Nothing is remembered for longer than this (s): docs/storage.md. */
const LONGEST_SECONDS = 801 * 86_400;
const PAGE = 500;

export interface Scan {
  /** How many records there are. */
  records: number;
  /** Names of those that have no time at which they expire, or one that is too far away. */
  lasting: string[];
}

/** Looks at every key of these servers. */
export async function scanRedis(servers: readonly RedisServer[]): Promise<Scan> {
  const scan: Scan = { records: 0, lasting: [] };
  for (const server of servers) {
    const client = server.connect();
    try {
      await client.connect();
      let cursor = '0';
      do {
        const [next, names] = await client.scanBuffer(cursor, 'COUNT', PAGE);
        cursor = String(next);
        const pipeline = client.pipeline();
        for (const name of names) pipeline.ttl(name);
        for (const [index, [, ttl]] of ((await pipeline.exec()) ?? []).entries()) {
          // Gone between the two.
          if (ttl === -2) continue;
          scan.records += 1;
          if (Number(ttl) < 0 || Number(ttl) > LONGEST_SECONDS) scan.lasting.push(String(names[index]));
        }
      } while (cursor !== '0');
    } finally {
      client.disconnect();
    }
  }
  return scan;
}

/** What there is to expire, and by which column: Unix time in seconds, but ms where it is the library's. */
const TABLES = {
  engine_records: 'expires_at',
  grants: 'expires_at',
  sessions: 'expires_at',
  session_identifiers: 'expires_at',
  account_endings: 'expires_at',
  throttle: 'expire / 1000',
};

/** Looks at every row of the embedded database in a data directory. */
export function scanSqlite(dataDir: string): Scan {
  const database = new DatabaseSync(path.join(dataDir, 'latchkey.db'), { readOnly: true });
  try {
    const scan: Scan = { records: 0, lasting: [] };
    const longest = Math.floor(Date.now() / 1000) + LONGEST_SECONDS;
    for (const [table, expiry] of Object.entries(TABLES)) {
      const count = (condition: string): number =>
        Number(database.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${condition}`).get()?.n);
      scan.records += count('true');
      const lasting = count(`${expiry} IS NULL OR ${expiry} <= 0 OR ${expiry} > ${longest}`);
      if (lasting > 0) scan.lasting.push(`${lasting} of ${table}`);
    }
    return scan;
  } finally {
    database.close();
  }
}
