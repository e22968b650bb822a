import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';

/** One row of the room table. */
export interface Room {
  /** Its folder, such as `lib/keys`; `lib` means the files that lie directly in it. */
  readonly name: string;
  /** Rooms it may import, or `everything`. */
  readonly mayImport: ReadonlySet<string> | 'everything';
  /** Third-party packages, and `node:` modules that some room owns, that it may import. */
  readonly packages: ReadonlySet<string> | 'everything';
}

/** One import as it is written in a file. */
interface Import {
  readonly from: string;
  readonly specifier: string;
}

/** Folders whose files obey the table. */
const governed = ['lib', 'config', 'views', 'scripts', 'examples'];

/**
 * Reads the table under the heading `## Rooms` of an ARCHITECTURE.md: the first column names a room, the third the
 * rooms and the fourth the packages that it may import, each in backticks, or the word `everything`.
 *
 * @throws {Error} when there is no such table, or it names a room that it does not define.
 */
export function parseRooms(markdown: string): Room[] {
  const chapter = markdown.split(/^## /m).find((part) => part.startsWith('Rooms\n')) ?? '';
  const rows = chapter.split('\n').filter((line) => line.startsWith('| `'));
  if (rows.length === 0) throw new Error('ARCHITECTURE.md has no room table under "## Rooms"');
  const rooms = rows.map((row): Room => {
    const [, first = '', , third = '', fourth = ''] = row.split('|');
    const [name] = quoted(first);
    if (name === undefined) throw new Error(`no room is named in: ${row}`);
    return { name, mayImport: namesIn(third), packages: namesIn(fourth) };
  });
  const defined = new Set(rooms.map((room) => room.name));
  for (const room of rooms) {
    if (room.mayImport === 'everything') continue;
    for (const name of room.mayImport) {
      if (!defined.has(name))
        throw new Error(`${room.name} may import ${name}, which is no room of the table`);
    }
  }
  return rooms;
}

function namesIn(cell: string): ReadonlySet<string> | 'everything' {
  return cell.trim() === 'everything' ? 'everything' : new Set(quoted(cell));
}

function quoted(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1] ?? '');
}

/**
 * Every way in which the sources under `root` break the table, one line each: a file in no room, an import of a room
 * that the table does not grant, of a file that does not exist, of a package outside the room that owns it, a reader of
 * the environment outside `config`, and a cycle of files. Type-only imports count like any other.
 */
export function architectureViolations(root: string, rooms: readonly Room[]): string[] {
  const files = governed.flatMap((folder) => sourcesIn(root, folder)).sort();
  const graph = new Map<string, string[]>();
  const violations: string[] = [];
  for (const file of files) {
    const room = roomOf(file, rooms);
    if (room === undefined) {
      violations.push(`${file}: lies in no room of the table`);
      continue;
    }
    const text = readFileSync(join(root, file), 'utf8');
    if (!mayReadEnvironment(room) && readsEnvironment(text)) {
      violations.push(`${file}: reads the environment, which only config may`);
    }
    const imports = importsOf(file, text);
    graph.set(file, imports.filter(isRelative).map(target));
    for (const one of imports) {
      const violation = isRelative(one)
        ? pathViolation(root, room, rooms, one)
        : packageViolation(room, rooms, one);
      if (violation !== undefined) violations.push(`${file}: ${violation}`);
    }
    if (/\bimport\s*\(\s*[^'"\s]/.test(withoutComments(text)) && room.mayImport !== 'everything') {
      violations.push(`${file}: imports a module whose name is computed`);
    }
  }
  return [...violations, ...cyclesIn(graph)];
}

function sourcesIn(root: string, folder: string): string[] {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(?:ts|js|mjs)$/.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .filter((file) => !file.includes('node_modules/'));
}

function roomOf(file: string, rooms: readonly Room[]): Room | undefined {
  const folder = dirname(file);
  return rooms
    .filter(({ name }) => folder === name || (name !== 'lib' && folder.startsWith(`${name}/`)))
    .sort((a, b) => b.name.length - a.name.length)[0];
}

function importsOf(file: string, text: string): Import[] {
  const code = withoutComments(text);
  const found = [
    ...code.matchAll(/^\s*(?:import|export)\s(?:[^'"`;]*?\sfrom\s*)?\s*['"]([^'"\n]+)['"]/gm),
    ...code.matchAll(/\bimport\s*\(\s*['"]([^'"\n]+)['"]/g),
  ];
  return found.map((match) => ({ from: file, specifier: match[1] ?? '' }));
}

/** Enough for import lines: blocks of comments, and lines that hold nothing else. */
function withoutComments(text: string): string {
  return text.replace(/^\s*\/\*[\s\S]*?\*\//gm, '').replace(/^\s*\/\/.*$/gm, '');
}

function isRelative({ specifier }: Import): boolean {
  return specifier.startsWith('.');
}

function target({ from, specifier }: Import): string {
  return posix.join(posix.dirname(from), specifier);
}

function pathViolation(root: string, room: Room, rooms: readonly Room[], one: Import): string | undefined {
  const imported = target(one);
  if (!existsSync(join(root, imported))) return `imports ${one.specifier}, which does not exist`;
  if (room.mayImport === 'everything') return undefined;
  const owner = roomOf(imported, rooms);
  if (owner === undefined) return `imports ${imported}, which lies in no room of the table`;
  if (owner.name === room.name || room.mayImport.has(owner.name)) return undefined;
  return `${room.name} may not import ${owner.name} (${imported})`;
}

function packageViolation(room: Room, rooms: readonly Room[], { specifier }: Import): string | undefined {
  if (room.packages === 'everything' || room.packages.has(specifier)) return undefined;
  const owned = rooms.some(({ packages }) => packages !== 'everything' && packages.has(specifier));
  if (specifier.startsWith('node:')) {
    return owned ? `${room.name} may not use ${specifier}` : undefined;
  }
  const name = specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
  return room.packages.has(name) ? undefined : `${room.name} may not use the package ${name}`;
}

function mayReadEnvironment(room: Room): boolean {
  return room.name === 'config' || !room.name.startsWith('lib');
}

function readsEnvironment(text: string): boolean {
  return /\bprocess\s*\.\s*env\b|\bprocess\s*\[|\benv\b[^;]*\bfrom\s+['"]node:process['"]/.test(
    withoutComments(text),
  );
}

/** Each cycle once, as `a → b → a`. */
function cyclesIn(graph: ReadonlyMap<string, readonly string[]>): string[] {
  const cycles: string[] = [];
  const finished = new Set<string>();
  const trail: string[] = [];
  const visit = (file: string): void => {
    const start = trail.indexOf(file);
    if (start >= 0) {
      cycles.push(`import cycle: ${[...trail.slice(start), file].join(' → ')}`);
      return;
    }
    if (finished.has(file)) return;
    trail.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    trail.pop();
    finished.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}
