import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { accentFor, contrast, DARK_SURFACES, LIGHT_SURFACES } from '../../lib/http/pages/accent-color.ts';
import {
  type AssetName,
  accentSheetUrl,
  createStaticAssets,
  VIEWS_FOLDER,
} from '../../lib/http/pages/static-assets.ts';

const branding = { name: 'Latchkey' };
const NAMES: AssetName[] = [
  'latchkey.css',
  'branding.css',
  'show-password.js',
  'submit-form.js',
  'send-once.js',
  'icon.svg',
];

describe('static assets', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'latchkey-assets-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are found under an address with their hash, with a type, a strong entity tag and a year to live', () => {
    const assets = createStaticAssets({ branding });
    for (const name of NAMES) {
      const url = assets.assetUrl(name);
      expect(url).to.match(/^\/assets\/[a-z-]+\.[0-9a-f]{16}\.(css|js|svg)$/);
      const asset = assets.findAsset(url);
      expect(asset?.body.length).to.be.above(0);
      expect(asset?.etag).to.match(/^"[0-9a-f]{32}"$/);
      expect(asset?.cacheControl).to.equal('public, max-age=31536000, immutable');
    }
    expect(assets.findAsset(assets.assetUrl('latchkey.css'))?.type).to.equal('text/css; charset=utf-8');
  });

  it('change their address with their content, and only then', () => {
    const [one, again] = [createStaticAssets({ branding }), createStaticAssets({ branding })];
    const other = createStaticAssets({ branding: { ...branding, accentColor: '#c2185b' } });
    expect(again.assetUrl('branding.css')).to.equal(one.assetUrl('branding.css'));
    expect(other.assetUrl('branding.css')).not.to.equal(one.assetUrl('branding.css'));
    expect(other.assetUrl('latchkey.css')).to.equal(one.assetUrl('latchkey.css'));
  });

  it('do not include anything else', () => {
    const assets = createStaticAssets({ branding });
    for (const path of [
      '/assets/',
      '/assets/latchkey.css',
      '/assets/../package.json',
      '/assets/%2e%2e/x',
      '__proto__',
    ]) {
      expect(assets.findAsset(path), path).to.equal(undefined);
    }
  });

  it('take an operator’s style sheet and files', () => {
    mkdirSync(join(folder, 'styles'));
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'styles/latchkey.css'), 'body { color: red; }');
    writeFileSync(join(folder, 'assets/our logo.svg'), '<svg/>');
    const assets = createStaticAssets({ branding, viewsDir: folder });
    expect(assets.findAsset(assets.assetUrl('latchkey.css'))?.body.toString()).to.equal(
      'body { color: red; }',
    );
    const logo = assets.findAsset('/assets/our%20logo.svg');
    expect(logo?.type).to.equal('image/svg+xml');
    expect(logo?.cacheControl).to.equal('public, max-age=300');
  });

  it('refuse a file whose type is not served, naming it', () => {
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'assets/page.html'), '');
    expect(() => createStaticAssets({ branding, viewsDir: folder })).to.throw(
      join(folder, 'assets/page.html'),
    );
  });
});

describe('accent colour', () => {
  it('is printed as it is where it can be read', () => {
    expect(accentFor('#C2185B').light).to.deep.equal({ accent: '#c2185b', onAccent: '#ffffff' });
  });

  it('is readable on every surface, and what stands on it too, whatever colour was chosen', () => {
    const channel = fc.integer({ min: 0, max: 255 }).map((value) => value.toString(16).padStart(2, '0'));
    const color = fc.tuple(channel, channel, channel).map((channels) => `#${channels.join('')}`);
    fc.assert(
      fc.property(fc.oneof(color, fc.constantFrom('#000000', '#ffffff', '#ffff00', '#0000ff')), (chosen) => {
        const { light, dark } = accentFor(chosen);
        for (const surface of LIGHT_SURFACES) expect(contrast(light.accent, surface)).to.be.at.least(4.5);
        for (const surface of DARK_SURFACES) expect(contrast(dark.accent, surface)).to.be.at.least(4.5);
        for (const { accent, onAccent } of [light, dark])
          expect(contrast(accent, onAccent)).to.be.at.least(4.5);
      }),
    );
  });

  it('knows the surfaces of the style sheet', () => {
    const css = readFileSync(join(VIEWS_FOLDER, 'styles/latchkey.css'), 'utf8');
    const values = (name: string) =>
      Array.from(css.matchAll(new RegExp(`--${name}: (#\\w+);`, 'g')), ([, hex]) => hex);
    expect(values('surface')).to.deep.equal([LIGHT_SURFACES[0], DARK_SURFACES[0]]);
    expect(values('ground')).to.deep.equal([LIGHT_SURFACES[1], DARK_SURFACES[1]]);
    expect(values('sunken')).to.deep.equal([LIGHT_SURFACES[2], DARK_SURFACES[2]]);
  });

  it('of an application is a style sheet by its name, which leaves the mark of the installation as it is', () => {
    const assets = createStaticAssets({ branding });
    const sheet = assets.findAsset(accentSheetUrl('#8A4B00') as string);
    expect(String(sheet?.body)).to.contain('--accent: #8a4b00;').and.not.to.contain('mark');
    expect(sheet?.cacheControl).to.equal('public, max-age=31536000, immutable');
    expect(String(assets.findAsset(assets.assetUrl('branding.css'))?.body)).to.contain('--mark: #');
    for (const color of ['red', '#fff', '#8a4b00;}', '']) expect(accentSheetUrl(color)).to.equal(undefined);
    for (const name of ['8A4B00', 'zzzzzz', '8a4b0', '8a4b00.css', '../8a4b00'])
      expect(assets.findAsset(`/assets/accent.${name}.css`), name).to.equal(undefined);
  });

  it('refuses anything but #rrggbb', () => {
    for (const value of ['red', '#fff', '#12345g', '#0f6e68;}', '']) {
      expect(() => accentFor(value), value).to.throw('branding.accent_color');
    }
  });
});
