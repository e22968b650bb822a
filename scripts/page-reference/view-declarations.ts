import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One field of what a page is told. */
export interface ViewField {
  name: string;
  optional: boolean;
  /** As it is written in the source, on one line. */
  type: string;
  description: string;
}

/** An interface or a type of the view models. */
export interface ViewDeclaration {
  name: string;
  description: string;
  /** The interfaces whose fields it has as well. */
  extended: string[];
  /** Of an interface. */
  fields: ViewField[];
  /** Of a type that is no interface, on one line. */
  type?: string;
}

/** The files that hold view models. */
const SOURCES = /^(view-models|view-parts|qr-code|[a-z-]+-views)\.ts$/;
/** What a view model takes from elsewhere. */
const OTHERS = ['lib/provider/devices/device-page-contract.ts', 'lib/interactions/mail-link-outcomes.ts'];
const COMMENT = String.raw`(?:/\*\*(?<comment>(?:[^*]|\*(?!/))*)\*/\s*)?`;
const INTERFACE = new RegExp(
  String.raw`^${COMMENT}^(?:export )?interface (?<name>\w+)(?: extends (?<extended>[\w, ]+))? \{\n(?<body>[\s\S]*?)^\}`,
  'gm',
);
const TYPE = new RegExp(
  String.raw`^${COMMENT}^(?:export )?type (?<name>\w+) =(?<type>[\s\S]*?);\n(?=\n|$)`,
  'gm',
);
/** A field begins two spaces in and ends before the next that does; only a closing bracket of its own type stands there too. */
const FIELD = new RegExp(
  String.raw`^ {2}${COMMENT}(?:readonly )?'?(?<name>[\w-]+)'?(?<optional>\?)?:\s(?<type>[\s\S]*?);\n(?= {2}[^\s}]|$(?!\n))`,
  'gm',
);

const plain = (comment: string | undefined): string =>
  (comment ?? '')
    .replace(/^\s*\*? ?/gm, ' ')
    .replace(/\s+/g, ' ')
    .trim();
const oneLine = (type: string): string =>
  type
    .replace(/\/\*\*?[\s\S]*?\*\//g, '')
    .replace(/\s+/g, ' ')
    .replace(/ \| undefined\b/g, '')
    .replace(/^ ?\| /, '')
    .replace(/; \}/g, ' }')
    .trim();

/** Every interface and type of the view models of a project, by name. */
export function viewDeclarations(project: string): Map<string, ViewDeclaration> {
  const found = new Map<string, ViewDeclaration>();
  const views = readdirSync(join(project, 'lib/http/pages')).filter((name) => SOURCES.test(name));
  for (const file of [...views.map((name) => `lib/http/pages/${name}`), ...OTHERS]) {
    const source = readFileSync(join(project, file), 'utf8');
    for (const { groups = {} } of source.matchAll(INTERFACE)) {
      const { name = '', comment, extended, body = '' } = groups;
      found.set(name, {
        name,
        description: plain(comment),
        extended: extended?.split(/,\s*/) ?? [],
        fields: Array.from(body.matchAll(FIELD), ({ groups: field = {} }) => ({
          name: field.name ?? '',
          optional: field.optional === '?',
          type: oneLine(field.type ?? ''),
          description: plain(field.comment),
        })),
      });
    }
    for (const { groups = {} } of source.matchAll(TYPE)) {
      const { name = '', comment, type = '' } = groups;
      found.set(name, { name, description: plain(comment), extended: [], fields: [], type: oneLine(type) });
    }
  }
  return found;
}

/** All fields of an interface, those of what it extends first. */
export function fieldsOf(declarations: ReadonlyMap<string, ViewDeclaration>, name: string): ViewField[] {
  const declaration = declarations.get(name);
  if (declaration === undefined) throw new Error(`there is no view ${name}`);
  // Another name for one.
  if (declarations.has(declaration.type ?? '')) return fieldsOf(declarations, declaration.type as string);
  return [...declaration.extended.flatMap((parent) => fieldsOf(declarations, parent)), ...declaration.fields];
}
