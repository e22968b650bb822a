/** Null removes a claim. A verified mark belongs to the value it was given for: a new value starts unverified. */
export function mergeClaims(
  present: Record<string, unknown>,
  change: Record<string, unknown>,
): Record<string, unknown> {
  const merged = new Map(Object.entries(present));
  for (const [claim, value] of Object.entries(change)) {
    if (value === null) merged.delete(claim);
    else merged.set(claim, value);
  }
  for (const [value, mark] of [
    ['email', 'email_verified'],
    ['phone_number', 'phone_number_verified'],
  ] as const) {
    if (!merged.has(value)) merged.delete(mark);
    else if (merged.get(value) !== present[value] && change[mark] === undefined) merged.set(mark, false);
  }
  return Object.fromEntries(merged);
}
