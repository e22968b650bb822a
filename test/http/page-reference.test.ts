import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { PAGE_NAMES, VIEW_MODEL_VERSION } from '../../lib/http/pages/view-models.ts';
import { PAGE_SAMPLES } from '../../lib/http/samples/page-samples.ts';
import { pageReference, pageReferenceFile } from '../../scripts/page-reference/page-reference.ts';
import { fieldsOf, viewDeclarations } from '../../scripts/page-reference/view-declarations.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const written = readFileSync(`${project}${pageReferenceFile}`, 'utf8');

describe('the reference of the pages', () => {
  it('is what the view models say: scripts/generate-page-reference.ts was run', () => {
    expect(written).to.equal(pageReference());
  });

  it('has each page with each field that a sample has, and none that no view model has', () => {
    const declarations = viewDeclarations(project);
    const views = fieldsOf(declarations, 'ViewModels');
    expect(views.map(({ name }) => name)).to.have.members([...PAGE_NAMES]);
    for (const { name: page, type } of views) {
      const section = written.split(`\n### ${page}\n`)[1]?.split(/\n##+ /)[0] ?? '';
      const documented = Array.from(section.matchAll(/^\| `([\w-]+)` \| (always|optional) \|/gm));
      const names = documented.map(([, name]) => name);
      const samples = Object.values(PAGE_SAMPLES[page as keyof typeof PAGE_SAMPLES]) as object[];
      for (const sample of samples) expect(names, page).to.include.members(Object.keys(sample));
      for (const [, name, presence] of documented) {
        if (presence !== 'always') continue;
        for (const sample of samples) expect(sample, `${page}.${name}`).to.have.property(name as string);
      }
      expect(names, page).to.deep.equal(fieldsOf(declarations, type).map(({ name }) => name));
    }
  });

  it('tells the version, and what each one changed', () => {
    expect(written).to.contain(`This is version **${VIEW_MODEL_VERSION}**`);
    const changes = Array.from(written.matchAll(/^\| (\d+) \| \S/gm), ([, version]) => Number(version));
    expect(changes).to.deep.equal(Array.from({ length: VIEW_MODEL_VERSION }, (_, index) => index + 1));
  });

  it('tells every helper that the shipped templates use', () => {
    const used = new Set<string>();
    for (const page of PAGE_NAMES) {
      const source = readFileSync(`${project}views/pages/${page}.eta`, 'utf8');
      for (const [, name] of source.matchAll(/\bit\.(\w+)/g)) used.add(name as string);
    }
    const told = new Set(Array.from(written.matchAll(/`it\.(\w+)/g), ([, name]) => name as string));
    // Words that one page alone needs.
    for (const own of [
      'errorKey',
      'returnUrl',
      'passwordProblem',
      'title',
      'label',
      'body',
      'client',
      'account',
    ])
      used.delete(own);
    expect([...used].filter((name) => !told.has(name))).to.deep.equal([]);
  });
});
