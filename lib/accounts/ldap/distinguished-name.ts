/**
 * The relative names of a distinguished name as RFC 4514 writes it, the entry's own first. A comma that is escaped is part of a
 * name and no border: otherwise whoever names a group could put it below another entry.
 */
function relativeNames(dn: string): string[] {
  return (dn.match(/(?:\\.|[^\\,])+/gs) ?? []).map((name) => name.trim());
}

/** Case and spaces around separators mean nothing in the names of entries that hold people and groups. */
const folded = (name: string): string => name.replace(/\s*([=+])\s*/g, '$1').toLowerCase();

/** Whether an entry is below another one. */
export function isBelow(dn: string, base: string): boolean {
  const names = relativeNames(dn).map(folded);
  const ofBase = relativeNames(base).map(folded);
  return (
    names.length > ofBase.length && ofBase.every((name, index) => name === names.at(index - ofBase.length))
  );
}

/** The value of the first attribute of an entry's own name: `cn=Staff\, Berlin,ou=groups` is called `Staff, Berlin`. */
export function ownName(dn: string): string | undefined {
  const [, escaped] = /^[^=]+=((?:\\.|[^\\+])*)/s.exec(relativeNames(dn)[0] ?? '') ?? [];
  if (escaped === undefined || escaped.startsWith('#')) return undefined;
  const bytes = escaped.replace(/(?:\\[0-9a-f]{2})+/gi, (pairs) =>
    Buffer.from(pairs.replaceAll('\\', ''), 'hex').toString('utf8'),
  );
  return bytes.replace(/\\(.)/gs, '$1').trim() || undefined;
}
