import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { readableText } from './readable-text.ts';

/** Limits of what an API may define, and of what a request may say. */
const LIMITS = { types: 50, fields: 50, values: 100, characters: 500, depth: 3, languages: 20 } as const;

const word = z.string().min(1).max(100);
const words = z.array(word).min(1).max(LIMITS.values);

/** One member of a detail. What it does not name is refused. */
interface FieldDefinition {
  type: 'string' | 'number' | 'integer' | 'boolean' | 'object';
  required?: boolean | undefined;
  /** The only values that a string may have. */
  values?: string[] | undefined;
  /** Members of an object. */
  fields?: Record<string, FieldDefinition> | undefined;
}

const fieldName = z.string().regex(/^[A-Za-z_][\w-]{0,63}$/, 'must be a name of letters, digits, _ and -');
const field: z.ZodType<FieldDefinition> = z.strictObject({
  type: z.enum(['string', 'number', 'integer', 'boolean', 'object']),
  required: z.boolean().optional(),
  values: words.optional(),
  fields: z.lazy(() => fields).optional(),
});
const fields: z.ZodType<Record<string, FieldDefinition>> = z
  .record(fieldName, field)
  .refine(
    (members) => Object.keys(members).length <= LIMITS.fields,
    `may have ${LIMITS.fields} fields at most`,
  );

/** Members that every type may have (RFC 9396 §2.2); `type` and `locations` are always the same for one API. */
const LISTS = ['actions', 'datatypes', 'privileges'] as const;
const COMMON = ['type', 'locations', 'identifier', ...LISTS] as const;

const definition = z
  .strictObject({
    /** What `actions`, `datatypes` and `privileges` may hold; without it there is no such member. */
    actions: words.optional(),
    datatypes: words.optional(),
    privileges: words.optional(),
    /** Whether a detail may name one resource at the API. */
    identifier: z.boolean().optional(),
    fields: fields.default({}),
    /** What it allows, in words for the consent page, by language; `{creditor.name}` stands for a value. */
    description: z.record(z.string().regex(/^[a-z]{2,3}$/), readableText(LIMITS.characters)),
  })
  .superRefine((type, context) => {
    const refuse = (message: string) => context.addIssue({ code: 'custom', message });
    const taken = Object.keys(type.fields).find((name) => (COMMON as readonly string[]).includes(name));
    if (taken !== undefined) refuse(`fields: ${taken} has a meaning of its own (RFC 9396 §2.2)`);
    const languages = Object.keys(type.description);
    if (languages.length === 0 || languages.length > LIMITS.languages)
      refuse('description: one language at least');
    if (depthOf(type.fields) > LIMITS.depth) refuse(`fields: may be ${LIMITS.depth} deep at most`);
    for (const text of Object.values(type.description)) {
      for (const [, path = ''] of text.matchAll(PLACEHOLDER)) {
        if (!isKnown(type, path)) refuse(`description: {${path}} is not a field`);
      }
    }
  });

/** What details of one type may say (RFC 9396 §2), as an API defines it. */
export type DetailDefinition = z.infer<typeof definition>;

/** Types of authorization details by their names, with the API that defines each. */
export type DetailTypes = ReadonlyMap<string, { api: string; definition: DetailDefinition }>;

/** The types that one API defines, by their names. */
export const detailDefinitions = z
  .record(z.string().regex(/^[\w.:/-]{1,200}$/, 'must be a name or a URI'), definition)
  .refine((types) => Object.keys(types).length <= LIMITS.types, `may have ${LIMITS.types} types at most`);

/** One element of `authorization_details`. */
export type AuthorizationDetail = Readonly<Record<string, unknown>> & { readonly type: string };

const PLACEHOLDER = /\{([\w.-]+)\}/g;

function depthOf(members: Record<string, FieldDefinition>): number {
  return 1 + Math.max(0, ...Object.values(members).map(({ fields: inner }) => (inner ? depthOf(inner) : 0)));
}

function isKnown(type: DetailDefinition, path: string): boolean {
  if (path === 'identifier') return type.identifier === true;
  const list = LISTS.find((name) => name === path);
  if (list !== undefined) return type[list] !== undefined;
  let members: Record<string, FieldDefinition> | undefined = type.fields;
  let found: FieldDefinition | undefined;
  for (const name of path.split('.')) {
    found = members !== undefined && Object.hasOwn(members, name) ? members[name] : undefined;
    members = found?.fields;
  }
  return found !== undefined && found.type !== 'object';
}

/** Why a detail is not what its type allows, for its developer; undefined when it is. `api`: the identifier of the type's API. */
export function detailProblem(
  type: DetailDefinition,
  detail: AuthorizationDetail,
  api: string,
): string | undefined {
  const { locations, identifier } = detail;
  if (locations !== undefined && !(locations as unknown[]).every((location) => location === api)) {
    return `locations may name ${api} alone`;
  }
  if (identifier !== undefined && type.identifier !== true) return 'identifier is not a member of this type';
  for (const list of LISTS) {
    const given = detail[list] as string[] | undefined;
    const other = given?.find((value) => type[list]?.includes(value) !== true);
    if (other !== undefined) return `${list} must be of ${type[list]?.join(', ') ?? 'none'}`;
  }
  const own = Object.fromEntries(
    Object.entries(detail).filter(([name]) => !(COMMON as readonly string[]).includes(name)),
  );
  const text = identifier === undefined ? undefined : textProblem(identifier);
  return text === undefined ? membersProblem(type.fields, own, '') : `identifier ${text}`;
}

function membersProblem(
  known: Record<string, FieldDefinition>,
  given: Record<string, unknown>,
  place: string,
): string | undefined {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) {
    // The characters of RFC 6749 §5.2, and nothing else, go into a description.
    const shown = /^[\w-]{1,64}$/.test(unknown) ? unknown : '(a member)';
    return `${place}${shown} is not a member of this type`;
  }
  for (const [name, wanted] of Object.entries(known)) {
    const value = given[name];
    if (value === undefined) {
      if (wanted.required === true) return `${place}${name} is missing`;
      continue;
    }
    const problem = valueProblem(wanted, value, `${place}${name}`);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function valueProblem(wanted: FieldDefinition, value: unknown, place: string): string | undefined {
  switch (wanted.type) {
    case 'object': {
      if (typeof value !== 'object' || value === null || Array.isArray(value))
        return `${place} must be an object`;
      return membersProblem(wanted.fields ?? {}, value as Record<string, unknown>, `${place}.`);
    }
    case 'string': {
      const problem = textProblem(value);
      if (problem !== undefined) return `${place} ${problem}`;
      return wanted.values?.includes(value as string) === false
        ? `${place} must be one of ${wanted.values.join(', ')}`
        : undefined;
    }
    case 'integer':
      return Number.isSafeInteger(value) ? undefined : `${place} must be an integer`;
    default:
      // JSON has no number that is none.
      return typeof value === wanted.type ? undefined : `${place} must be a ${wanted.type}`;
  }
}

const readable = readableText(LIMITS.characters);

/** It is shown to people: what reads otherwise than it is written is refused. */
function textProblem(value: unknown): string | undefined {
  return readable.safeParse(value).success
    ? undefined
    : `must be a line of text of ${LIMITS.characters} characters at most`;
}

/** What a detail allows, in words, by language. Values that are not there leave a dash. */
export function describeDetail(type: DetailDefinition, detail: AuthorizationDetail): Record<string, string> {
  const valueAt = (path: string): string => {
    const value = path
      .split('.')
      .reduce<unknown>(
        (inner, name) =>
          typeof inner === 'object' && inner !== null && Object.hasOwn(inner, name)
            ? (inner as Record<string, unknown>)[name]
            : undefined,
        detail,
      );
    if (value === undefined) return '–';
    return Array.isArray(value) ? value.join(', ') : String(value);
  };
  return Object.fromEntries(
    Object.entries(type.description).map(([language, text]) => [
      language,
      text.replace(PLACEHOLDER, (_whole, path: string) => valueAt(path)),
    ]),
  );
}

/** Whether `wanted` allows nothing that `granted` does not: lists may be shorter, everything else is the same (RFC 9396 §6). */
export function isWithin(wanted: AuthorizationDetail, granted: AuthorizationDetail): boolean {
  const names = new Set([...Object.keys(wanted), ...Object.keys(granted)]);
  return [...names].every((name) => {
    const [one, other] = [wanted[name], granted[name]];
    const isList = name === 'locations' || (LISTS as readonly string[]).includes(name);
    if (!isList || !Array.isArray(other)) return isDeepStrictEqual(one, other);
    // Without the list the detail would be as wide as its type.
    return Array.isArray(one) && one.length > 0 && one.every((value) => other.includes(value));
  });
}
