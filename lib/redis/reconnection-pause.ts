/** The longest pause (ms) between two attempts to connect. */
const LONGEST_PAUSE_MILLISECONDS = 500;

/** The pause (ms) before the `times`th attempt: doubling, and random, so that many processes do not come back at one moment. */
export function reconnectionPause(times: number): number {
  const longest = Math.min(25 * 2 ** Math.min(times, 10), LONGEST_PAUSE_MILLISECONDS);
  return Math.round(longest * (0.5 + Math.random() / 2));
}
