import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { escapeHtml } from '../../lib/http/pages/html.ts';
import { loadCatalogues } from '../../lib/http/pages/messages.ts';
import { createPageLanguage } from '../../lib/http/pages/page-language.ts';
import { createRenderer } from '../../lib/http/pages/render.ts';
import { createStaticAssets, VIEWS_FOLDER } from '../../lib/http/pages/static-assets.ts';
import { PAGE_NAMES, type PageName } from '../../lib/http/pages/view-models.ts';
import { PAGE_SAMPLES } from '../../lib/http/samples/page-samples.ts';

const branding = {
  name: 'Latchkey',
  privacyUrl: 'https://id.example/privacy',
  termsUrl: 'https://id.example/terms',
};
const languageSwitch = { action: '/language', csrfToken: 'sample', returnTo: '/' };
const samples = PAGE_NAMES.flatMap((page) =>
  Object.entries(PAGE_SAMPLES[page]).map(([sample, model]) => ({ page, sample, model: model as object })),
);

function rendererWith(viewsDir?: string) {
  const renderer = createRenderer({ branding, viewsDir, assets: createStaticAssets({ branding, viewsDir }) });
  return {
    ...renderer,
    draw: (page: PageName, model: object, locale: string) =>
      renderer.render(page, model as never, { locale, languageSwitch }),
  };
}

/** What a page says: its text between tags, and the attributes that are read out. Names of languages are in each their own. */
function wordsOf(html: string): string[] {
  const page = html
    .replace(/<button class="quiet" type="submit" name="language"[^>]*>[^<]*<\/button>/g, '')
    .replace(/<(?:style|svg)[\s\S]*?<\/(?:style|svg)>/g, '');
  const attributes = Array.from(
    page.matchAll(/\s(?:aria-label|title|alt|placeholder|data-show|data-hide)="([^"]*)"/g),
    ([, text]) => text as string,
  );
  const texts = page.replace(/<[^>]*>/g, '\n').split('\n');
  return [...texts, ...attributes].map((text) => text.trim()).filter((text) => text !== '');
}

describe('pages in each language', () => {
  const catalogues = loadCatalogues(VIEWS_FOLDER);
  const english = catalogues.get('en') as Record<string, string>;
  const renderer = rendererWith();

  for (const locale of renderer.locales.filter((each) => each !== 'en')) {
    it(`say nothing in English where ${locale} has other words, on any page`, () => {
      const own = catalogues.get(locale) as Record<string, string>;
      const alike = new Set(Object.values(own).map(escapeHtml));
      // Messages without placeholders are found as they are; of the others, what is before the first placeholder.
      const foreign = new Set(
        Object.values(english)
          .map((message) => escapeHtml(message).split('{')[0]?.trim() as string)
          .filter((start) => start.length > 3 && ![...alike].some((text) => text.startsWith(start))),
      );
      for (const { page, sample, model } of samples) {
        const inEnglish = new Set(wordsOf(renderer.draw(page, model, 'en')));
        const words = wordsOf(renderer.draw(page, model, locale));
        expect(words.length, `${page} ${sample}`).to.be.above(2);
        expect(
          words.filter((text) => foreign.has(text)),
          `${page} ${sample}`,
        ).to.deep.equal([]);
        const same = words.filter((text) => inEnglish.has(text)).length;
        expect(same / words.length, `${page} ${sample}: mostly the sample’s own names`).to.be.below(0.75);
      }
    });
  }

  it('name each language in itself, and mark the present one', () => {
    const html = renderer.draw('home', PAGE_SAMPLES.home.plain as object, 'ja');
    for (const name of ['English', 'Deutsch', 'Español', 'Français', '日本語', '简体中文']) {
      expect(html).to.match(new RegExp(`<button[^>]* lang="[\\w-]+"[^>]*>${name}</button>`));
    }
    expect(html).to.match(/<button[^>]* lang="ja" aria-current="true">日本語/);
    expect(html.match(/aria-current/g)).to.have.length(1);
  });

  it('take the words of an API in the page’s language, by any tag of it, else in English', () => {
    const consent = PAGE_SAMPLES.consent.full as object;
    const said = (texts: Record<string, string>, locale: string) =>
      renderer.draw('consent', { ...consent, details: [{ api: 'Payments', texts: [texts] }] }, locale);
    const texts = { de: 'Zahlung', zh: '付款', en: 'Payment' };
    expect(said(texts, 'zh-Hans')).to.contain('付款');
    expect(said(texts, 'de')).to.contain('Zahlung');
    expect(said(texts, 'ja')).to.contain('>Payment<');
    expect(said({ sv: 'Betalning' }, 'ja')).to.contain('Betalning');
  });

  it('have no switch where there is one language', () => {
    const one = createRenderer({
      branding,
      languages: { default: 'ja', offered: ['ja'] },
      assets: createStaticAssets({ branding }),
    });
    expect(one.locales).to.deep.equal(['ja']);
    const html = one.render('home', PAGE_SAMPLES.home.plain as never, { locale: 'en', languageSwitch });
    expect(html).to.contain('<html lang="ja"').and.not.to.contain('name="language"');
  });

  it('fail at start for a language without texts, naming the setting', () => {
    const assets = createStaticAssets({ branding });
    for (const [languages, expected] of [
      [{ default: 'pt', offered: [] }, 'languages.default: there are no texts in pt; there are en, de'],
      [{ default: 'en', offered: ['fr', 'pt'] }, 'languages.offered: there are no texts in pt'],
    ] as const) {
      expect(() =>
        createRenderer({ branding, assets, languages: { ...languages, offered: [...languages.offered] } }),
      ).to.throw(expected);
    }
  });
});

describe('pages right to left', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-views-'));
    mkdirSync(join(folder, 'messages'));
    // Every text between marks of the other direction, so that a page shows which of its words came from the catalogue.
    const english = JSON.parse(readFileSync(join(VIEWS_FOLDER, 'messages', 'en.json'), 'utf8'));
    const mirrored = Object.fromEntries(Object.entries(english).map(([key, text]) => [key, `א${text}ב`]));
    writeFileSync(join(folder, 'messages', 'he.json'), JSON.stringify(mirrored));
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it('say so, all of them, and take every word from the catalogue', () => {
    const renderer = rendererWith(folder);
    expect(renderer.locales).to.include('he');
    for (const { page, sample, model } of samples) {
      const html = renderer.draw(page, model, 'he');
      expect(html, page).to.contain('<html lang="he" dir="rtl">');
      expect(/<h1>([\s\S]*?)<\/h1>/.exec(html)?.[1]?.trim(), `${page} ${sample}`).to.match(/^א[\s\S]*ב$/);
      for (const [, button] of html.matchAll(/<button(?![^>]*name="language")[^>]*>([\s\S]*?)<\/button>/g)) {
        const text = (button as string).replace(/<[^>]*>/g, '').trim();
        expect(text, `${page} ${sample}`).to.match(/^א[\s\S]*/);
      }
    }
  });

  it('need nothing physical of the style sheet: no left and no right', () => {
    const rules = readFileSync(join(VIEWS_FOLDER, 'styles', 'latchkey.css'), 'utf8').replace(
      /\/\*[\s\S]*?\*\//g,
      '',
    );
    expect(rules).not.to.match(/\b(left|right)\b/);
    expect(rules, 'a shadow to one side').not.to.match(/box-shadow: inset -?[1-9]/);
    // Four different sides in one value are physical too.
    for (const [, value] of rules.matchAll(/(?:margin|padding|inset|border-radius):\s*([^;]+);/g)) {
      const [, right, , left] = (value as string).trim().split(/\s+/);
      expect(left ?? right, value).to.equal(right);
    }
  });
});

describe('the cookie of the chosen language', () => {
  it('is for this host alone on https, and nothing that is not offered is kept or believed', () => {
    for (const [issuer, name] of [
      ['https://id.example', '__Host-latchkey-language'],
      ['http://localhost:3000', 'latchkey-language'],
    ] as const) {
      const language = createPageLanguage(issuer, ['en', 'ja']);
      const set: unknown[] = [];
      let held: string | undefined = 'ja';
      const ctx = {
        path: '/',
        query: {},
        get: () => 'en',
        cookies: {
          secure: false,
          get: (asked: string) => (asked === name ? held : undefined),
          set: (...cookie: unknown[]) => set.push(cookie),
        },
      };
      expect(language.choose(ctx as never)).to.equal('ja');
      held = 'de';
      expect(language.choose(ctx as never)).to.equal('en');
      expect(language.keep(ctx as never, 'de')).to.equal(false);
      expect(set).to.deep.equal([]);
      expect(language.keep(ctx as never, 'ja')).to.equal(true);
      expect(set[0]).to.deep.equal([
        name,
        'ja',
        { httpOnly: true, sameSite: 'lax', signed: false, path: '/', maxAge: 31_536_000_000 },
      ]);
      expect(ctx.cookies.secure).to.equal(issuer.startsWith('https:'));
    }
  });
});
