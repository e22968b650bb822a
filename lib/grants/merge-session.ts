type Json = Record<string, unknown>;

const MERGED_BY_MEMBER = ['accountId', 'state', 'acr', 'amr', 'loginTs', 'transient'];

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

function mergeAuthorizations(base: Json, ours: Json, theirs: Json): Json {
  const merged: Json = { ...theirs };
  for (const clientId of new Set([...Object.keys(base), ...Object.keys(ours)])) {
    if (same(ours[clientId], base[clientId])) continue;
    if (ours[clientId] === undefined) delete merged[clientId];
    else merged[clientId] = { ...(theirs[clientId] as Json | undefined), ...(ours[clientId] as Json) };
  }
  return merged;
}

/**
 * Joins what a request did to a session (`base` to `ours`) with what others did to it meanwhile (`base` to `theirs`): each
 * application's place is kept, and the later of two changes to one member wins. Undefined when somebody else signed in
 * meanwhile: two people cannot be merged.
 */
export function mergeSession(baseText: string, oursText: string, theirsText: string): string | undefined {
  const base = JSON.parse(baseText) as Json;
  const ours = JSON.parse(oursText) as Json;
  const theirs = JSON.parse(theirsText) as Json;
  if (theirs.accountId !== base.accountId && ours.accountId !== theirs.accountId) return undefined;
  const merged: Json = { ...ours };
  for (const member of MERGED_BY_MEMBER) {
    if (same(ours[member], base[member])) merged[member] = theirs[member];
  }
  // The newest identifier: ours if this request made one, else the one that replaced ours meanwhile.
  if (ours.jti === base.jti) merged.jti = theirs.jti;
  merged.exp = Math.max(Number(ours.exp ?? 0), Number(theirs.exp ?? 0));
  const authorizations = mergeAuthorizations(
    (base.authorizations ?? {}) as Json,
    (ours.authorizations ?? {}) as Json,
    (theirs.authorizations ?? {}) as Json,
  );
  if (Object.keys(authorizations).length > 0) merged.authorizations = authorizations;
  else delete merged.authorizations;
  return JSON.stringify(merged);
}
