import { closest, distance } from 'fastest-levenshtein';

/** The candidate that `name` was probably meant to be; none when even the nearest is another word altogether. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  if (candidates.length === 0) return undefined;
  const nearest = closest(name, candidates);
  return distance(name, nearest) <= Math.max(2, Math.ceil(nearest.length / 3)) ? nearest : undefined;
}

/** `; did you mean …?`, or nothing. */
export function suggestion(name: string, candidates: readonly string[]): string {
  const nearest = nearestName(name, candidates);
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}
