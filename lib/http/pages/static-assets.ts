/**
 * The files that pages link to: one style sheet, the generated accent, the icon, a small script. Read once at start
 * and served from memory under a name that contains the hash of the content, so that browsers may keep them for ever
 * and an upgrade is seen at once. Looking a path up is one map access: no path can leave the set.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { accentFor } from './accent-color.ts';
import type { Branding } from './view-models.ts';

/** One file, ready to send. */
export interface Asset {
  body: Buffer;
  /** `Content-Type` */
  type: string;
  /** Strong entity tag (RFC 9110 section 8.8.3), quotes included. */
  etag: string;
  /** `Cache-Control` */
  cacheControl: string;
}

export type AssetName =
  | 'latchkey.css'
  | 'branding.css'
  | 'show-password.js'
  | 'passkeys.js'
  | 'submit-form.js'
  | 'send-once.js'
  | 'icon.svg'
  | 'check-session.js'
  | 'front-channel-logout.js';

export interface StaticAssets {
  /** The address of an asset, `/assets/latchkey.<hash>.css`. */
  assetUrl(name: AssetName): string;
  /** The asset at a request's path, or undefined. */
  findAsset(path: string): Asset | undefined;
}

const SHIPPED: ReadonlyArray<readonly [AssetName, string]> = [
  ['latchkey.css', 'styles/latchkey.css'],
  ['show-password.js', 'browser/show-password.js'],
  ['submit-form.js', 'browser/submit-form.js'],
  ['send-once.js', 'browser/send-once.js'],
  ['passkeys.js', 'browser/passkeys.js'],
  ['check-session.js', 'browser/check-session.js'],
  ['front-channel-logout.js', 'browser/front-channel-logout.js'],
  ['icon.svg', 'images/icon.svg'],
];

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.webp': 'image/webp',
  '.jpg': 'image/jpeg',
  '.jpeg': 'image/jpeg',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
};

const FOR_EVER = 'public, max-age=31536000, immutable';
/** An operator's own file keeps its name, so it is asked for again now and then. */
const FIVE_MINUTES = 'public, max-age=300';

/** The shipped `views` folder. */
export const VIEWS_FOLDER = join(import.meta.dirname, '../../../views');

/**
 * Reads the assets; a file of the same path in `viewsDir` replaces a shipped one, and every file in
 * `viewsDir/assets` is served under its own name, for a logo or a font.
 * @throws {Error} naming the file or the setting, when a file's type is not one we serve or the accent is no colour
 */
export function createStaticAssets(options: {
  branding: Branding;
  viewsDir?: string | undefined;
}): StaticAssets {
  const { viewsDir } = options;
  const urls = new Map<AssetName, string>();
  const assets = new Map<string, Asset>();

  const add = (name: AssetName, body: Buffer): void => {
    const extension = extname(name);
    const url = `/assets/${name.slice(0, -extension.length)}.${digest(body).slice(0, 16)}${extension}`;
    urls.set(name, url);
    assets.set(url, asset(body, TYPES[extension] as string, FOR_EVER));
  };
  for (const [name, path] of SHIPPED) {
    const override = viewsDir === undefined ? undefined : join(viewsDir, path);
    const file = override !== undefined && existsSync(override) ? override : join(VIEWS_FOLDER, path);
    add(name, readFileSync(file));
  }
  add('branding.css', Buffer.from(brandingCss(options.branding.accentColor)));

  if (viewsDir !== undefined) {
    for (const [name, file] of filesIn(join(viewsDir, 'assets'))) {
      const type = TYPES[extname(name).toLowerCase()];
      if (type === undefined) throw new Error(`${file}: files of this type are not served`);
      assets.set(`/assets/${encodeURIComponent(name)}`, asset(readFileSync(file), type, FIVE_MINUTES));
    }
  }

  return {
    assetUrl: (name) => urls.get(name) as string,
    findAsset: (path) => assets.get(path) ?? accentSheet(path),
  };
}

/** The address of the style sheet that puts another accent in place of the installation's; undefined for what is no `#rrggbb`. */
export function accentSheetUrl(color: string): string | undefined {
  return /^#[0-9a-f]{6}$/i.test(color) ? `/assets/accent.${color.slice(1).toLowerCase()}.css` : undefined;
}

/** Such a sheet, made anew each time: it follows from its name alone, and there are too many to keep. */
function accentSheet(path: string): Asset | undefined {
  const color = /^\/assets\/accent\.([0-9a-f]{6})\.css$/.exec(path)?.[1];
  return color === undefined
    ? undefined
    : asset(Buffer.from(accentCss(`#${color}`)), TYPES['.css'] as string, FOR_EVER);
}

function asset(body: Buffer, type: string, cacheControl: string): Asset {
  return { body, type, etag: `"${digest(body).slice(0, 32)}"`, cacheControl };
}

function digest(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex');
}

/** The accent in both schemes. */
function accentCss(accentColor: string | undefined): string {
  const { light, dark } = accentFor(accentColor);
  return `:root { --accent: ${light.accent}; --on-accent: ${light.onAccent}; }
@media (prefers-color-scheme: dark) {
  :root { --accent: ${dark.accent}; --on-accent: ${dark.onAccent}; }
}
`;
}

/** The accent, which an application's may replace, and the same for the installation's own mark, which stays as it is. */
function brandingCss(accentColor: string | undefined): string {
  const accent = accentCss(accentColor);
  return accent + accent.replaceAll('accent:', 'mark:');
}

function filesIn(folder: string): [name: string, file: string][] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map((entry) => [entry.name, join(folder, entry.name)]);
}
