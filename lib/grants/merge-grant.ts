interface GrantDocument {
  exp?: number;
  openid?: { scope?: string; claims?: string[] };
  resources?: Record<string, string>;
  rar?: unknown[];
  rejected?: Omit<GrantDocument, 'exp' | 'rejected'>;
  tokenStatuses?: { list: string; index: number }[];
  [member: string]: unknown;
}

function unitedScope(one: string | undefined, other: string | undefined): string | undefined {
  const scopes = new Set([one, other].flatMap((scope) => scope?.split(' ') ?? []));
  scopes.delete('');
  return scopes.size === 0 ? undefined : [...scopes].join(' ');
}

function unitedRar(one: unknown[], other: unknown[]): unknown[] {
  const known = new Set(one.map((detail) => JSON.stringify(detail)));
  return [...one, ...other.filter((detail) => !known.has(JSON.stringify(detail)))];
}

/** Every place where a token's status is published: one that is lost could not be revoked any more. */
function unitedPlaces<Place extends { list: string; index: number }>(one: Place[], other: Place[]): Place[] {
  const known = new Set(one.map(({ list, index }) => `${list} ${index}`));
  return [...one, ...other.filter(({ list, index }) => !known.has(`${list} ${index}`))];
}

function unite<Document extends GrantDocument>(ours: Document, theirs: GrantDocument): Document {
  const united: Document = { ...ours };
  const scope = unitedScope(theirs.openid?.scope, ours.openid?.scope);
  const claims = [...new Set([...(theirs.openid?.claims ?? []), ...(ours.openid?.claims ?? [])])];
  if (scope !== undefined || claims.length > 0) {
    united.openid = { ...(scope === undefined ? {} : { scope }), ...(claims.length === 0 ? {} : { claims }) };
  }
  const resources = { ...theirs.resources };
  for (const [resource, scopes] of Object.entries(ours.resources ?? {})) {
    resources[resource] = unitedScope(resources[resource], scopes) ?? '';
  }
  if (Object.keys(resources).length > 0) united.resources = resources;
  if (ours.rar !== undefined || theirs.rar !== undefined)
    united.rar = unitedRar(theirs.rar ?? [], ours.rar ?? []);
  return united;
}

/**
 * Joins a grant with what was added to it meanwhile: a person who says yes in two tabs has said yes twice. What was
 * rejected in either stays rejected.
 */
export function mergeGrant(oursText: string, theirsText: string): string {
  const ours = JSON.parse(oursText) as GrantDocument;
  const theirs = JSON.parse(theirsText) as GrantDocument;
  const merged = unite(ours, theirs);
  if (ours.rejected !== undefined || theirs.rejected !== undefined) {
    merged.rejected = unite(ours.rejected ?? {}, theirs.rejected ?? {});
  }
  if (ours.tokenStatuses !== undefined || theirs.tokenStatuses !== undefined)
    merged.tokenStatuses = unitedPlaces(theirs.tokenStatuses ?? [], ours.tokenStatuses ?? []);
  merged.exp = Math.max(ours.exp ?? 0, theirs.exp ?? 0);
  return JSON.stringify(merged);
}
