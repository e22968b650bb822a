import { type FormState, mergeForms } from './session-forms.ts';

type Json = Record<string, unknown>;

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/**
 * Member by member: what we changed is ours, the rest is theirs. `join` decides where both may have changed one.
 * Entries, not objects: a member may be named `__proto__`.
 */
function mergeMembers(
  base: Json,
  ours: Json,
  theirs: Json,
  join: (ours: unknown, theirs: unknown) => unknown,
): Json {
  const [before, mine, merged] = [base, ours, theirs].map((document) => new Map(Object.entries(document)));
  for (const member of new Set([...(before?.keys() ?? []), ...(mine?.keys() ?? [])])) {
    const own = mine?.get(member);
    if (same(own, before?.get(member))) continue;
    if (own === undefined) merged?.delete(member);
    else merged?.set(member, join(own, merged.get(member)));
  }
  return Object.fromEntries(merged ?? []);
}

/**
 * Joins what a request did to a session (`base` to `ours`) with what others did to it meanwhile (`base` to `theirs`): each
 * application's place is kept, and each form that was opened, and the later of two changes to one member wins. Undefined when somebody else signed in
 * meanwhile: two people cannot be merged.
 */
export function mergeSession(baseText: string, oursText: string, theirsText: string): string | undefined {
  const base = JSON.parse(baseText) as Json;
  const ours = JSON.parse(oursText) as Json;
  const theirs = JSON.parse(theirsText) as Json;
  if (theirs.accountId !== base.accountId && ours.accountId !== theirs.accountId) return undefined;
  // The identifier too: ours if this request made one, else the one that replaced ours meanwhile.
  const merged = mergeMembers(base, ours, theirs, (own) => own);
  merged.exp = Math.max(Number(ours.exp ?? 0), Number(theirs.exp ?? 0));
  const authorizations = mergeMembers(
    (base.authorizations ?? {}) as Json,
    (ours.authorizations ?? {}) as Json,
    (theirs.authorizations ?? {}) as Json,
    (own, their) => ({ ...(their as Json | undefined), ...(own as Json) }),
  );
  if (Object.keys(authorizations).length > 0) merged.authorizations = authorizations;
  else delete merged.authorizations;
  if (!same(ours.state, base.state)) {
    const [before, mine, others] = [base, ours, theirs].map(({ state }) => state as FormState | undefined);
    merged.state = mergeForms(before, mine, others);
  }
  return JSON.stringify(merged);
}
