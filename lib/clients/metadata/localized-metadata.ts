import { METADATA_MEMBERS, metadataSchema } from './metadata-schema.ts';

/** Members that people see, and that may be told for each language apart (OpenID Connect Registration §2.1, RFC 7591 §2.2). */
const LOCALIZABLE = ['client_name', 'client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const;
type Localizable = (typeof LOCALIZABLE)[number];

/** Of one registration: more languages than anybody offers, times the members. */
const MAXIMUM = 100;

/** Whether a member is one of another with a language, such as `client_name#de`. */
export function isLocalized(member: string): boolean {
  return LOCALIZABLE.some((name) => member.startsWith(`${name}#`));
}

/**
 * Checks members such as `client_name#de` as the member itself is checked, and spells their tags as BCP 47 does.
 * @returns them, or why they are refused
 */
export function localizedMembers(
  members: ReadonlyArray<readonly [string, unknown]>,
): { members: Record<string, string> } | { problem: string } {
  if (members.length > MAXIMUM) return { problem: `there are more than ${MAXIMUM} members for languages` };
  const checked: Record<string, string> = {};
  for (const [member, value] of members) {
    const name = member.slice(0, member.indexOf('#')) as Localizable;
    const tag = canonicalTag(member.slice(name.length + 1));
    if (tag === undefined)
      return { problem: `${name}: what follows the # must be a language tag such as de` };
    const parsed = metadataSchema.shape[name].safeParse(value);
    if (!parsed.success || parsed.data === undefined) {
      const { message = 'is not valid' } = parsed.success ? {} : (parsed.error.issues[0] ?? {});
      return { problem: `${name}#${tag}: ${message}` };
    }
    checked[`${name}#${tag}`] = parsed.data;
  }
  return { members: checked };
}

function canonicalTag(tag: string): string | undefined {
  try {
    return tag.length > 35 ? undefined : Intl.getCanonicalLocales(tag)[0];
  } catch {
    return undefined;
  }
}

/** Whether a member may be part of a registration at all. */
export function isKnownMember(member: string): boolean {
  return METADATA_MEMBERS.includes(member) || isLocalized(member);
}
