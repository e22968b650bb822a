/**
 * Rows under headings, in columns as wide as their widest cell. Control and direction characters, which could rewrite
 * the operator's screen, are shown as �.
 */
export function formatTable(
  headings: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<string>>,
): string {
  const lines = [headings, ...rows].map((row) => row.map(printable));
  const widths = headings.map((_, column) =>
    Math.max(...lines.map((line) => [...(line[column] ?? '')].length)),
  );
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** Names with their values, one a line. */
export function formatFields(fields: ReadonlyArray<readonly [string, string]>): string {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${printable(value)}`.trimEnd()).join('\n');
}

/** What a terminal acts on, or what changes the order in which text is read. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** `text` without what a terminal would act on. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '\ufffd');
}

/** `value` as JSON in which such characters are escaped: the same value to a parser, harmless to a terminal. */
export function escapedJson(value: unknown, indentation = 2): string {
  return JSON.stringify(value, null, indentation).replace(UNPRINTABLE, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A moment (Unix time, ms) in ISO 8601, `-` when there is none. */
export function formatTime(moment: number | null | undefined): string {
  return moment === null || moment === undefined ? '-' : new Date(moment).toISOString();
}
