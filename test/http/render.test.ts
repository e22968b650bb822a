import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { createRenderer, type Renderer } from '../../lib/http/pages/render.ts';
import { createStaticAssets } from '../../lib/http/pages/static-assets.ts';
import { PAGE_NAMES, type PageName } from '../../lib/http/pages/view-models.ts';
import { PAGE_SAMPLES } from '../../lib/http/samples/page-samples.ts';

const branding = { name: 'Latchkey' };

function rendererFor(viewsDir?: string): Renderer {
  return createRenderer({ branding, viewsDir, assets: createStaticAssets({ branding, viewsDir }) });
}

/** Every page with every sample, as one flat list. */
const samples = PAGE_NAMES.flatMap((page) =>
  Object.entries(PAGE_SAMPLES[page]).map(([sample, model]) => ({ page, sample, model: model as object })),
);

/** All models that leave out some of the optional parts of a sample; required ones are those that every sample has. */
function withoutOptionalParts(page: PageName, model: object): object[] {
  const all = Object.values(PAGE_SAMPLES[page]) as object[];
  const optional = Object.keys(model).filter((key) => !all.every((other) => key in other));
  const models = [model];
  for (const key of optional) models.push(...models.map((one) => ({ ...one, [key]: undefined })));
  return models;
}

const count = (text: string, part: string): number => text.split(part).length - 1;

describe('rendering of pages', () => {
  const renderer = rendererFor();
  const render = (page: PageName, model: object, locale = 'en'): string =>
    renderer.render(page, model as never, { locale });

  for (const { page, sample, model } of samples) {
    it(`renders ${page} (${sample}) in every language, with and without its optional parts`, () => {
      for (const locale of renderer.locales) {
        for (const variant of withoutOptionalParts(page, model)) {
          const html = render(page, variant, locale);
          expect(html).to.match(/^<!doctype html>/);
          expect(html).to.contain(`<body data-page="${page}">`);
          expect(html).to.contain(`<html lang="${locale}" dir="ltr">`);
          expect(html).not.to.match(/undefined|\[object|\{[a-z]+\}/);
        }
      }
    });
  }

  it('has neither inline script nor inline style nor an event attribute on any page', () => {
    for (const { page, model } of samples) {
      const html = render(page, model);
      expect(html).not.to.match(/<style|\sstyle=|\son[a-z]+=|javascript:/i);
      for (const [tag] of html.matchAll(/<script[^>]*>/g)) expect(tag).to.match(/src="\/assets\//);
    }
  });

  it('names the elements that scripts rely on', () => {
    const ids: Partial<Record<PageName, string[]>> = {
      login: ['login', 'password', 'submit', 'cancel'],
      consent: ['approve', 'deny', 'switch'],
      'select-account': ['continue', 'switch', 'cancel'],
      logout: ['confirm', 'cancel'],
      error: ['reference'],
      device: ['user_code', 'submit'],
      'device-confirm': ['code', 'address', 'device', 'approve', 'deny'],
    };
    for (const [page, names] of Object.entries(ids) as [PageName, string[]][]) {
      const [model] = Object.values(PAGE_SAMPLES[page]);
      for (const name of names)
        expect(count(render(page, model as object), `id="${name}"`), name).to.equal(1);
    }
  });

  it('sends the form token with every form', () => {
    for (const { page, model } of samples) {
      const html = render(page, model);
      // What an application posted, passed on as it came.
      if (page === 'continue') continue;
      // Forms that the engine receives carry its own token.
      const isEngines = ['logout', 'device', 'device-confirm'].includes(page);
      const token = isEngines ? 'name="xsrf" value="sample"' : 'name="csrf" value="sample"';
      expect(count(html, token), page).to.equal(count(html, '<form '));
    }
  });

  it('keeps what was typed as login, never a password, and ties the problem to both fields', () => {
    const html = render('login', PAGE_SAMPLES.login.refused as object);
    expect(html).to.contain('value="ada@example.com"');
    expect(html)
      .to.match(/<input type="password"[^>]*>/)
      .and.not.match(/<input type="password"[^>]*value=/);
    expect(count(html, 'aria-describedby="problem"')).to.equal(2);
    expect(html).to.contain('<title>Problem: ');
  });

  it('tells a throttled person the minutes, rounded up, in the right plural', () => {
    const base = PAGE_SAMPLES.login.plain as object;
    const text = (retryAfter: number, locale: string) =>
      render('login', { ...base, problem: { kind: 'throttled', retryAfter } }, locale);
    expect(text(1, 'en')).to.contain('wait 1 minute,');
    expect(text(61, 'en')).to.contain('wait 2 minutes,');
    expect(text(61, 'de')).to.contain('2 Minuten');
  });

  it('shows the host of the redirect URI, or that an app on the device gets the answer', () => {
    const page = (redirectUri: string) => render('consent', { ...PAGE_SAMPLES.consent.full, redirectUri });
    expect(page('https://notes.example:8443/cb?x=1')).to.contain('<bdi>notes.example:8443</bdi>');
    expect(page('https://аpple.example/cb')).to.contain('<bdi>xn--pple-43d.example</bdi>');
    for (const local of [
      'http://localhost:9/cb',
      'http://127.0.0.1:9/cb',
      'http://[::1]:9/cb',
      'com.example.app:/cb',
    ]) {
      expect(page(local), local).to.contain('an app on this device');
    }
  });

  it('blames the server for 5xx only, and has general words for any other code', () => {
    expect(render('error', { status: 503, error: 'something_new' })).to.contain('This server made a mistake');
    const html = render('error', { status: 400, error: '__proto__' });
    expect(html).to.contain('This request does not work').and.to.contain('__proto__');
  });

  it('falls back to English for a language that is not there', () => {
    expect(render('home', PAGE_SAMPLES.home.plain as object, 'tlh')).to.contain('<html lang="en"');
  });

  it('carries the name and logo of the installation', () => {
    const dressed = { name: 'Acme & Söhne', logoUrl: '/assets/logo.svg' };
    const html = createRenderer({
      branding: dressed,
      assets: createStaticAssets({ branding: dressed }),
    }).render('logged-out', {}, { locale: 'en' });
    expect(html).to.contain('<title>You are signed out · Acme &amp; Söhne</title>');
    expect(html).to.contain('<img src="/assets/logo.svg" alt=""').and.not.to.contain('class="mark"');
  });

  it('renders quickly', () => {
    const started = process.cpuUsage();
    for (let round = 0; round < 200; round += 1) render('consent', PAGE_SAMPLES.consent.full as object);
    const { user, system } = process.cpuUsage(started);
    expect((user + system) / 200, 'µs a page').to.be.below(2000);
  });
});

describe('rendering of hostile text', () => {
  const renderer = rendererFor();
  const render = (page: PageName, model: object): string =>
    renderer.render(page, model as never, { locale: 'en' });

  it('escapes and isolates a name that carries markup, quotes and bidirectional controls', () => {
    const name = `x"><script>alert('1')</script>\u202Egnp.exe`;
    const client = { name, uri: 'https://notes.example/' };
    for (const { page, model } of samples) {
      if (!('client' in model)) continue;
      const html = render(page, { ...model, client });
      expect(html, page).not.to.contain('<script>').and.not.to.contain('"><script');
      expect(html, page).to.contain(
        '<bdi>x&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;\u202Egnp.exe</bdi>',
      );
      expect(count(html, '\u202E'), `${page}: every copy is isolated`).to.equal(
        count(html, '\u202Egnp.exe</bdi>'),
      );
    }
  });

  it('links to web addresses only', () => {
    const bad = 'javascript:alert(1)';
    const client = {
      name: 'x',
      uri: bad,
      policyUri: bad,
      tosUri: 'data:text/html,x',
      logoUri: 'http://x.example/',
    };
    for (const { page, model } of samples) {
      if (!('client' in model)) continue;
      const html = render(page, { ...model, client, ...('startUri' in model ? { startUri: bad } : {}) });
      expect(html, page).not.to.match(/javascript:|data:|http:\/\/x\.example/);
    }
    const secure = render('consent', {
      ...PAGE_SAMPLES.consent.full,
      client: { name: 'x', logoUri: 'https://x.example/a"b.png' },
    });
    expect(secure).to.contain('src="https://x.example/a%22b.png"');
  });

  it('grows no tag, whatever any text says', () => {
    const consent = (text: string) =>
      render('consent', {
        ...PAGE_SAMPLES.consent.full,
        csrfToken: text,
        client: { name: `x${text}` },
        account: { login: text, name: `x${text}` },
        identityScopes: [text],
        identityClaims: [text],
        apis: [{ name: text, scopes: [{ name: text, description: `x${text}` }, { name: text }] }],
      });
    const tags = count(consent(''), '<');
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(...`<>"'&{}%=/ a`) })), (text) => {
        // A scope or claim that the catalogue knows is printed in its words, which have no markup of their own.
        const messages = renderer.messages('en');
        const known = [`scope.${text}`, `claim.${text}`].filter((key) => messages.has(key)).length;
        expect(count(consent(text), '<')).to.equal(tags - 2 * known);
      }),
    );
  });

  it('never takes a property of Object.prototype for a message', () => {
    const html = render('consent', {
      ...PAGE_SAMPLES.consent.full,
      identityScopes: ['constructor', '__proto__', 'other-scope'],
      identityClaims: ['toString'],
    });
    expect(html).to.contain('<bdi>constructor</bdi>').and.to.contain('<bdi>toString</bdi>');
  });
});

describe('rendering with an operator’s folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-views-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const write = (path: string, text: string): string => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  };

  it('replaces one page and leaves the others', () => {
    write(
      'pages/logged-out.eta',
      "<% layout('@layout', { title: 'Bye' }) %><h1>Bye</h1><%~ include('@partials/own') %>",
    );
    write('partials/own.eta', '<p>Own part on <%= it.page %></p>');
    const renderer = rendererFor(folder);
    const html = renderer.render('logged-out', {}, { locale: 'en' });
    expect(html).to.contain('<h1>Bye</h1>').and.to.contain('Own part on logged-out');
    expect(renderer.render('error', { status: 404, error: 'not_found' }, { locale: 'en' })).to.contain(
      'Page not found',
    );
  });

  it('replaces single texts and adds a language, which lacks nothing and knows its direction', () => {
    write('messages/en.json', JSON.stringify({ 'login.submit': 'Let me in' }));
    write(
      'messages/ar.json',
      JSON.stringify({ 'login.submit': 'دخول', 'duration.minutes.few': '{count} دقائق' }),
    );
    const renderer = rendererFor(folder);
    expect(renderer.locales).to.include.members(['en', 'de', 'ar']);
    const model = PAGE_SAMPLES.login.plain as never;
    expect(renderer.render('login', model, { locale: 'en' })).to.contain('Let me in');
    expect(renderer.render('login', model, { locale: 'de' })).to.contain('>Anmelden<');
    const arabic = renderer.render('login', model, { locale: 'ar' });
    expect(arabic).to.contain('<html lang="ar" dir="rtl">').and.to.contain('دخول');
    expect(arabic).to.contain('Username or e-mail address');
  });

  const broken: [what: string, path: string, text: string, message: RegExp][] = [
    ['does not compile', 'pages/login.eta', '<% if (true) { %>', /./],
    ['has an unclosed tag', 'pages/login.eta', '<%= it.page', /unclosed tag/],
    ['prints what its model does not have', 'pages/login.eta', '<%= it.model.nothing %>', /undefined/],
    ['calls what is not there', 'layout.eta', '<%= it.nothing() %>', /nothing/],
    ['asks for an unknown message', 'pages/home.eta', "<%= it.t('home.nothing') %>", /home\.nothing/],
    ['replaces no page', 'pages/logn.eta', 'x', /replaces no template.*login/],
    ['is no catalogue', 'messages/en.json', '[]', /object of messages/],
    ['is not JSON', 'messages/en.json', '{', /JSON/],
    [
      'has a message that is no text',
      'messages/en.json',
      '{"login.submit":1}',
      /login\.submit must be a string/,
    ],
    ['has a key that no page uses', 'messages/de.json', '{"login.sbmit":"x"}', /no page uses login\.sbmit/],
    ['has a stray placeholder', 'messages/de.json', '{"login.client":"{klient}"}', /\{klient\}/],
    ['is not named by a language', 'messages/_.json', '{}', /named by its language/],
  ];
  for (const [what, path, text, message] of broken) {
    it(`fails at start, naming the file, when ${path} ${what}`, () => {
      const file = write(path, text);
      expect(() => rendererFor(folder))
        .to.throw(message)
        .with.property('message')
        .that.contains(file);
    });
  }

  it('fails at start when the folder does not exist', () => {
    const missing = join(folder, 'missing');
    expect(() => rendererFor(missing)).to.throw(missing);
  });
});
