import { fileURLToPath } from 'node:url';
import { PAGE_NAMES, VIEW_MODEL_VERSION } from '../../lib/http/pages/view-models.ts';
import { PAGE_SAMPLES } from '../../lib/http/samples/page-samples.ts';
import { fieldsOf, type ViewDeclaration, viewDeclarations } from './view-declarations.ts';

/** Where the reference of the pages is kept, from the project's folder. */
export const pageReferenceFile = 'docs/pages.md';

const project = fileURLToPath(new URL('../..', import.meta.url));

const INTRODUCTION = `# Pages

The pages are templates (Eta) over view models. This is the reference for who replaces a template; it is made by \`scripts/generate-page-reference.ts\`.

## Replacing what there is

\`views_dir\` names a folder whose files take the place of those of the same name in \`views\`:

| file | what it replaces |
|---|---|
| \`pages/<page>.eta\` | one page |
| \`layout.eta\`, \`mail.eta\` | what all pages, and all mails, have around them |
| \`partials/<name>.eta\` | a part of pages; names of your own may be added |
| \`messages/<language>.json\` | single texts, or a whole language: its tag (BCP 47) is the file's name |
| \`styles/latchkey.css\`, \`browser/*.js\`, \`images/icon.svg\` | that file |
| \`assets/*\` | nothing: served under \`/assets/\` with its own name, for a logo or a font |

Name, logo, colour and links of the installation are settings (\`branding\`), and need no template. An application has its own
\`logo_uri\`, \`policy_uri\`, \`tos_uri\` and \`accent_color\`, and may name itself by language (\`client_name#de\`).
Languages are settings too (\`languages\`).

Every replaced page is rendered at start with samples that take each of its branches; one that does not compile, or prints what its
view model does not have, stops the start by its file's name. Templates are programs: a folder of templates is trusted as much
as the configuration.

Pages run under a policy without inline script and style. Images come from this origin, from \`branding.logo_url\`, and from the address of the
application's logo; put others into \`assets\`.

## Version

This is version **${VIEW_MODEL_VERSION}**, \`it.version\` in a template. A new page, a new optional field or a new value of a field leaves the number as it is. It rises when a field goes, changes
its name or its meaning, or when one becomes optional that was not, and the change is listed here.

| version | what changed |
|---|---|
| 1 | the first that is documented |

## What every template has

| name | what it is |
|---|---|
| \`it.page\` | the page's name, as in \`<body data-page>\` |
| \`it.model\` | the page's own fields, below |
| \`it.version\` | the version of all this |
| \`it.locale\`, \`it.direction\` | the page's language (BCP 47) and its direction, \`ltr\` or \`rtl\` |
| \`it.languages\` | the languages that are offered: \`locale\`, and \`name\` in the language itself |
| \`it.languageSwitch\` | the form by which one is chosen (\`LanguageSwitchView\`); absent where a page answers a form or tells an error |
| \`it.branding\` | \`name\`, \`logoUrl\`, \`accentColor\`, \`termsUrl\`, \`privacyUrl\` |
| \`it.t(key, values)\` | a text of the catalogue, escaped; \`values\` fill its placeholders |
| \`it.text(key)\` | one without placeholders, for attributes and titles |
| \`it.plural(key, count)\` | a text in the form that \`count\` needs |
| \`it.translated(texts)\` | of texts by language the one for this page; English, or the first, where there is none |
| \`it.minutes(seconds)\` | a duration in words |
| \`it.scope(name)\`, \`it.claim(name)\` | what a scope or a claim is, in words |
| \`it.isolated(text)\` | text that somebody else chose: it cannot turn the words around it |
| \`it.link(url)\` | the URL if it is http or https, else undefined |
| \`it.moment(ms, zone)\`, \`it.day(ms, zone)\`, \`it.instant(ms)\` | a moment, a day, and either for \`<time datetime>\` |
| \`it.device(userAgent)\`, \`it.activity(kind)\`, \`it.languageName(tag)\` | what a browser is, what happened, how a language is called |
| \`it.destination(uri)\` | the host that a redirect URI leads to; undefined for an app on the device |
| \`it.monogram(name)\` | a name's first letter, in place of a logo |
| \`it.asset(name)\`, \`it.accentSheet(colour)\` | the address of a shipped file, and of the style sheet for a colour |

\`<%= … %>\` escapes what it prints, and throws for \`undefined\`. Names that scripts and tests rely on: \`<body data-page>\`; \`#login\`, \`#password\`, \`#submit\`;
\`#approve\`, \`#deny\`; \`#confirm\`.
`;

const cell = (text: string): string => text.replaceAll('|', '\\|');

function table(declarations: ReadonlyMap<string, ViewDeclaration>, name: string): string {
  const rows = fieldsOf(declarations, name).map(
    ({ name: field, optional, type, description }) =>
      `| \`${field}\` | ${optional ? 'optional' : 'always'} | \`${cell(type)}\` | ${cell(description)} |`,
  );
  return rows.length === 0 ? '' : `| field | | type | what it is |\n|---|---|---|---|\n${rows.join('\n')}\n`;
}

/** The text of the reference of the pages, made of the view models as they are declared. */
export function pageReference(): string {
  const declarations = viewDeclarations(project);
  const viewOf = new Map(fieldsOf(declarations, 'ViewModels').map(({ name, type }) => [name, type]));
  const pages = PAGE_NAMES.map((page) => {
    const view = viewOf.get(page) as string;
    const { description = '' } = declarations.get(view) ?? {};
    const samples = Object.keys(PAGE_SAMPLES[page]).map((sample) => `\`${sample}\``);
    return `### ${page}\n\n${description}\n\n${table(declarations, view)}\nSamples: ${samples.join(', ')}.\n`;
  });
  const isPage = new Set(viewOf.values());
  const inner = new Set(['ViewModels', 'PageName', 'MailView', ...isPage]);
  const parts = [...declarations.values()]
    .filter(({ name }) => !inner.has(name))
    .sort((one, other) => one.name.localeCompare(other.name, 'en'))
    .map(({ name, description, type }) => {
      const body = type === undefined ? table(declarations, name) : `\`\`\`ts\n${type}\n\`\`\`\n`;
      return `### ${name}\n\n${description}\n\n${body}`;
    });
  return [
    INTRODUCTION,
    '## The pages\n',
    ...pages,
    '## The template of mails\n',
    table(declarations, 'MailView'),
    '## What the fields are made of\n',
    ...parts,
  ]
    .join('\n')
    .replace(/\n{3,}/g, '\n\n');
}
