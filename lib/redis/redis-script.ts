import { createHash } from 'node:crypto';

/**
 * A Lua script and the digest that the server knows it by. It may run twice for one call (a Cluster re-sends what a closed
 * connection left unanswered), so running it again with the same arguments must change nothing more.
 */
export interface RedisScript {
  readonly source: string;
  readonly digest: string;
}

/** A script by its source. */
export function redisScript(source: string): RedisScript {
  return { source, digest: createHash('sha1').update(source).digest('hex') };
}
