import { formatTime } from './table.ts';

/**
 * A record of lib/grants for scripts: members in snake_case, moments (members that end in `At`, Unix time in ms) in
 * ISO 8601. What that room adds to its records appears here by itself.
 */
export function presentRecord(record: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(record).map(([member, value]) => [
      member.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      member.endsWith('At') && typeof value === 'number' ? formatTime(value) : value,
    ]),
  );
}

/** The same for people, one cell for each member. */
export function recordCells(record: Record<string, unknown>, members: ReadonlyArray<string>): string[] {
  return members.map((member) => {
    const value = record[member];
    if (value === undefined || value === null) return '-';
    return Array.isArray(value) ? value.join(' ') : String(value);
  });
}
