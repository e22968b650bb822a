import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PAGE_NAMES } from './view-models.ts';

/** A template's text, and where it came from. */
export interface Template {
  /** Path in the folder without its ending: `layout`, `pages/login`, `partials/client`. */
  name: string;
  file: string;
  source: string;
  /** Whether the operator's folder supplied it. */
  override: boolean;
}

/**
 * Reads the shipped templates, file by file replaced by those of `overrideFolder`; it may add partials of its own.
 * @throws {Error} naming the file: the folder does not exist, a page is missing, or an override is no page's name
 */
export function readTemplates(viewsFolder: string, overrideFolder?: string): Template[] {
  const templates = new Map(readFolder(viewsFolder, false).map((template) => [template.name, template]));
  if (overrideFolder !== undefined) {
    if (!existsSync(overrideFolder)) throw new Error(`${overrideFolder}: there is no such folder`);
    for (const template of readFolder(overrideFolder, true)) {
      if (!templates.has(template.name) && !template.name.startsWith('partials/')) {
        throw new Error(`${template.file}: replaces no template; the pages are ${PAGE_NAMES.join(', ')}`);
      }
      templates.set(template.name, template);
    }
  }
  for (const page of PAGE_NAMES) {
    if (!templates.has(`pages/${page}`))
      throw new Error(`${join(viewsFolder, 'pages', page)}.eta is missing`);
  }
  return [...templates.values()];
}

function readFolder(folder: string, override: boolean): Template[] {
  const templates: Template[] = [];
  for (const prefix of ['', 'pages/', 'partials/']) {
    if (!existsSync(join(folder, prefix))) continue;
    for (const entry of readdirSync(join(folder, prefix)).sort()) {
      if (!entry.endsWith('.eta')) continue;
      const file = join(folder, prefix, entry);
      templates.push({
        name: `${prefix}${entry.slice(0, -'.eta'.length)}`,
        file,
        source: readFileSync(file, 'utf8'),
        override,
      });
    }
  }
  return templates;
}
