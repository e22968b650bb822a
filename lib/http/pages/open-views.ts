import type { Configuration } from '../../../config/configuration.ts';
import { unusableSetting } from '../../../config/unusable-setting.ts';
import { createRenderer, type Renderer, TemplateError } from './render.ts';
import { createStaticAssets, type StaticAssets } from './static-assets.ts';

/** A sentence for whoever wrote the file, or what the system says of it; anything else is a bug. */
function isTheirs(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === undefined
    ? error.constructor === Error || error instanceof TemplateError
    : /^E[A-Z]+$/.test(code);
}

/**
 * What pages and mails are drawn with: the shipped views, replaced one by one by those of the operator (`views_dir`), each of which is tried once.
 * @throws {ConfigurationError} naming `views_dir`, and the file that cannot be used
 */
export function openViews({
  branding,
  languages,
  viewsDir,
}: Pick<Configuration, 'branding' | 'languages' | 'viewsDir'>): { assets: StaticAssets; renderer: Renderer } {
  try {
    const assets = createStaticAssets({ branding, viewsDir });
    return { assets, renderer: createRenderer({ branding, languages, assets, viewsDir }) };
  } catch (error) {
    throw viewsDir !== undefined && isTheirs(error) ? unusableSetting('views_dir', error.message) : error;
  }
}
