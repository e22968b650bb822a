/** Two costs compared. */
export interface Comparison {
  /** How often a sample of the first is above one of the second: 0.5 when both cost the same, 0 or 1 when they never overlap. */
  above: number;
  medians: [number, number];
}

/** The middle of a list. */
export function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] as number;
}

/** How often a sample of the first list is above one of the second (Mann and Whitney's U as a share of all pairs). */
export function rankOf(one: readonly number[], other: readonly number[]): number {
  let wins = 0;
  for (const a of one) for (const b of other) wins += a > b ? 1 : a === b ? 0.5 : 0;
  return wins / (one.length * other.length);
}

/**
 * Times (ms) several kinds of work in turn; which goes first changes from round to round, so that a slow moment meets all of them
 * alike. Two rounds before the first warm up. `seldom` are timed in every fourth round alone: enough for a difference that is plain.
 */
export async function timeInTurn<Kind extends string>(
  works: Readonly<Record<Kind, () => Promise<unknown>>>,
  samples: number,
  seldom: readonly NoInfer<Kind>[] = [],
): Promise<Record<Kind, number[]>> {
  const kinds = Object.keys(works) as Kind[];
  const times = Object.fromEntries(kinds.map((kind) => [kind, []])) as unknown as Record<Kind, number[]>;
  for (let round = -2; round < samples; round += 1) {
    for (let place = 0; place < kinds.length; place += 1) {
      const kind = kinds[(round + 2 + place) % kinds.length] as Kind;
      if (round % 4 !== 0 && seldom.includes(kind)) continue;
      const began = performance.now();
      await works[kind]();
      if (round >= 0) times[kind].push(performance.now() - began);
    }
  }
  return times;
}

/**
 * Compares the ranks of two kinds of work, so that neither a slow moment nor an outlier decides. With 80 samples each and equal
 * costs `above` strays from 0.5 by 0.3 less than once in a thousand million.
 */
export async function compareTimes(
  first: () => Promise<unknown>,
  second: () => Promise<unknown>,
  samples: number,
): Promise<Comparison> {
  const times = await timeInTurn({ first, second }, samples);
  return {
    above: rankOf(times.first, times.second),
    medians: [median(times.first), median(times.second)],
  };
}
