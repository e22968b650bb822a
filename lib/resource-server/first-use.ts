/**
 * Says whether `id` is used for the first time, and remembers it until `until` (Unix time, s) at least. Of calls at the same
 * moment one is told so.
 */
export type FirstUse = (id: string, until: number) => boolean | Promise<boolean>;

/** Proofs of the busiest minute that one process remembers. */
const MOST_REMEMBERED = 200_000;

/** A memory of this process alone. When it is full of what still counts, nothing is a first use: a replay must not pass. */
export function createFirstUses(most: number = MOST_REMEMBERED): FirstUse {
  const until = new Map<string, number>();
  return (id, end) => {
    const now = Date.now() / 1000;
    // Roughly in the order in which they end.
    for (const [known, over] of until) {
      if (over >= now) break;
      until.delete(known);
    }
    if (until.has(id) || until.size >= most) return false;
    until.set(id, end);
    return true;
  };
}
