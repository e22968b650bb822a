import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { LineCounter, YAMLError } from 'yaml';
import type { Given, GivenValue } from './given-value.ts';
import { suggestion } from './nearest-name.ts';
import { type Setting, settings } from './settings.ts';

const nothing: Given = { values: [], problems: [] };

/**
 * Reads what a YAML file sets. A missing file is a problem only when `required` names the variable that asked for it.
 * Messages hold the place and the parser's words, never the text of the file, which may be a secret.
 */
export function readYamlFile(file: string, required: string | undefined): Given {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (required === undefined && code === 'ENOENT') return nothing;
    return { values: [], problems: [`${required ?? file}: cannot read ${file} (${code})`] };
  }
  // Loaded here: who has no such file is spared the parser, and this is read before anything can wait.
  const yaml = createRequire(import.meta.url)('yaml') as typeof import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      values: [],
      problems: tellingErrors(document.errors).map((error) => syntaxProblem(file, text, lines, error)),
    };
  }
  try {
    return flatten(document.toJS(), file);
  } catch {
    // An alias without its anchor, or so many of them that expanding them would exhaust memory.
    return { values: [], problems: [`${file}: has YAML aliases that cannot be resolved`] };
  }
}

/** After the first syntax error the parser guesses, and what it then complains of is not in the file. */
function tellingErrors(errors: readonly YAMLError[]): readonly YAMLError[] {
  const first = errors.find((error) => error.code !== 'DUPLICATE_KEY');
  return first === undefined ? errors : [first];
}

function syntaxProblem(file: string, text: string, lines: LineCounter, error: YAMLError): string {
  const { line, col } = lines.linePos(error.pos[0]);
  const place = `${file}:${line}:${col}`;
  // After a colon or a backslash the parser quotes the text that it could not read.
  const [words] = error.message.split(/[:\\\n]/);
  if (error.code !== 'DUPLICATE_KEY') return `${place}: is not valid YAML (${words})`;
  const key = /^["']?([\w.-]+)/.exec(text.slice(error.pos[0]))?.[1] ?? '';
  return `${place}: key ${key} is set twice`;
}

function flatten(root: unknown, file: string): Given {
  if (root === null || root === undefined) return nothing;
  const values: GivenValue[] = [];
  const problems: string[] = [];
  const visit = (node: unknown, prefix: string): void => {
    if (node === null) return;
    if (!isMapping(node)) {
      problems.push(
        `${prefix === '' ? file : prefix}: must be a mapping of keys${prefix === '' ? '' : `, in ${file}`}`,
      );
      return;
    }
    for (const [name, value] of Object.entries(node)) {
      const key = prefix === '' ? name : `${prefix}.${name}`;
      const setting = settings.find((candidate) => candidate.key === key);
      if (setting !== undefined) values.push(given(setting, value, file));
      else if (settings.some((candidate) => candidate.key.startsWith(`${key}.`))) visit(value, key);
      else problems.push(`${key}: is not a known key, in ${file}${suggestion(key, keyCandidates(prefix))}`);
    }
  };
  visit(root, '');
  return { values, problems };
}

function given(setting: Setting, value: unknown, file: string): GivenValue {
  return { setting, value, source: { kind: 'file', name: file } };
}

function isMapping(node: unknown): node is Record<string, unknown> {
  return typeof node === 'object' && node !== null && !Array.isArray(node);
}

/** Names a mistyped key may stand for: its would-be siblings first, since `closest` prefers the earlier of two equals. */
function keyCandidates(prefix: string): string[] {
  const depth = prefix === '' ? 1 : prefix.split('.').length + 1;
  const siblings = settings
    .filter((setting) => prefix === '' || setting.key.startsWith(`${prefix}.`))
    .map((setting) => setting.key.split('.').slice(0, depth).join('.'));
  return [...new Set([...siblings, ...settings.map((setting) => setting.key)])];
}
