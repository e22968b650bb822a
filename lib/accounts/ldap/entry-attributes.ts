import type { Entry } from 'ldapts';

/** What an entry has, by the names of attributes in lower case (RFC 4512 section 2.5: their case means nothing). */
export type EntryAttributes = ReadonlyMap<string, ReadonlyArray<string | Buffer>>;

/** What an entry has, without its name. */
export function attributesOf({ dn: _, ...attributes }: Entry): EntryAttributes {
  return new Map(
    Object.entries(attributes).map(([name, value]) => [
      name.toLowerCase(),
      Array.isArray(value) ? value : [value],
    ]),
  );
}

/** The values that are text; empty ones are none. */
export function textsOf(attributes: EntryAttributes, name: string): string[] {
  const values = attributes.get(name.toLowerCase()) ?? [];
  return values.filter((value) => typeof value === 'string' && value !== '') as string[];
}

/** A value as bytes, when there is exactly one. */
export function bytesOf(attributes: EntryAttributes, name: string): Buffer | undefined {
  const [value, ...others] = attributes.get(name.toLowerCase()) ?? [];
  return value === undefined || others.length > 0 ? undefined : Buffer.from(value as string);
}
