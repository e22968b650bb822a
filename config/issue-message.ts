import type { z } from 'zod';
import { nearestName } from './nearest-name.ts';
import type { Setting } from './settings.ts';

const nouns: Record<string, string> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping of keys',
  record: 'a mapping of keys',
};

/**
 * Says in one line what is wrong with a setting's value. The value is repeated only where it is short, printable and
 * no secret.
 */
export function issueMessage(setting: Setting, issue: z.core.$ZodIssue, value: unknown): string {
  const index = issue.path[setting.path.length];
  const inside = issue.path.slice(setting.path.length).map(String).join('.');
  const place = typeof index === 'number' ? `item ${index + 1} ` : inside === '' ? '' : `${inside} `;
  if (setting.kind === 'mapping' && typeof value === 'string')
    return 'must be a mapping of keys, in a variable as JSON';
  if (
    issue.code === 'invalid_type' &&
    inside !== '' &&
    isMissing(value, issue.path.slice(setting.path.length))
  ) {
    return `${place}is missing`;
  }
  const shown = setting.traits.secret ? '' : show(typeof index === 'number' ? itemOf(value, index) : value);
  const required = requirement(issue, typeof index === 'number' ? itemOf(value, index) : value);
  // In YAML a list of one is easily written without its brackets.
  const asList = required === 'must be a list' && shown !== '' ? `: [${shown.trim()}]` : '';
  return `${place}${shown}${required}${asList}`;
}

function itemOf(value: unknown, index: number): unknown {
  return Array.isArray(value) ? value[index] : undefined;
}

/** Whether there is nothing at a path of a mapping. */
function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  let inner = value;
  for (const step of path) inner = (inner as Record<PropertyKey, unknown> | null | undefined)?.[step];
  return inner === undefined;
}

function show(value: unknown): string {
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean') return '';
  const text = JSON.stringify(value);
  // The user name, password and query of a URL are secrets wherever they turn up.
  return text.length <= 60 && !/:\/\/[^/]*@|:\/\/.*[?#]/.test(text) ? `${text} ` : '';
}

function requirement(issue: z.core.$ZodIssue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      return value === null
        ? 'has no value; remove the line to use the default'
        : `must be ${noun(issue.expected)}`;
    case 'too_small':
      return `must ${bound(issue.origin, issue.minimum, 'at least')}`;
    case 'too_big':
      return `must ${bound(issue.origin, issue.maximum, 'at most')}`;
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}${meant(value, issue.values.map(String))}`;
    case 'unrecognized_keys':
      return `has no key ${issue.keys.join(', ')}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? issue.message;
    case 'invalid_union':
      return unionRequirement(issue, value);
    default:
      return issue.message;
  }
}

function noun(expected: string): string {
  return nouns[expected] ?? expected;
}

function bound(origin: string, limit: number | bigint, words: string): string {
  if (origin === 'string') return `have ${words} ${limit} character${limit === 1 ? '' : 's'}`;
  if (origin === 'array') return `have ${words} ${limit} item${limit === 1 ? '' : 's'}`;
  return `be ${words} ${limit}`;
}

function meant(value: unknown, candidates: readonly string[]): string {
  const nearest = typeof value === 'string' ? nearestName(value, candidates) : undefined;
  return nearest === undefined ? '' : `; did you mean ${nearest}?`;
}

/** A value of the right type that breaks a branch's rule is told that rule; any other is told all the choices. */
function unionRequirement(issue: z.core.$ZodIssueInvalidUnion, value: unknown): string {
  const branches = issue.errors.map((branch) => branch[0]).filter((first) => first !== undefined);
  if (typeof value === 'number') {
    const numeric = branches.find((branch) => branch.code !== 'invalid_value');
    if (numeric !== undefined) return requirement(numeric, value);
  }
  const choices = branches.map((branch) =>
    branch.code === 'invalid_value' ? branch.values.join(', ') : 'a whole number',
  );
  return `must be ${[...new Set(choices)].join(' or ')}`;
}
