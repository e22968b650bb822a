import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRenderer, type Renderer } from '../../lib/http/pages/render.ts';
import { createStaticAssets, type StaticAssets } from '../../lib/http/pages/static-assets.ts';
import { type Branding, PAGE_NAMES, type PageName } from '../../lib/http/pages/view-models.ts';
import { LANGUAGE_SWITCH_SAMPLE } from '../../lib/http/samples/frame-samples.ts';
import { PAGE_SAMPLES } from '../../lib/http/samples/page-samples.ts';

/** The strictest policy under which the pages must work. */
const STRICT_POLICY = [
  "default-src 'none'",
  "style-src 'self'",
  "img-src 'self'",
  "script-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const DRESSED: Branding = {
  name: 'Latchkey',
  privacyUrl: 'https://id.example/privacy',
  termsUrl: 'https://id.example/terms',
};

export interface PageServer {
  /** Every language that there are pages in. */
  readonly locales: readonly string[];
  /** Address of every sample of every page in a language. */
  pages(locale: string): { page: PageName; sample: string; url: string }[];
  url(page: PageName, sample: string, locale: string): string;
  close(): Promise<void>;
}

/** Serves the samples of all pages, and the assets, on a free loopback port under the strict policy. */
export async function servePages(branding: Branding = DRESSED): Promise<PageServer> {
  const assets = createStaticAssets({ branding });
  const renderer = createRenderer({ branding, assets });
  const server = listener(renderer, assets);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const url = (page: PageName, sample: string, locale: string) => `${origin}/${locale}/${page}/${sample}`;
  return {
    locales: renderer.locales,
    url,
    pages: (locale) =>
      PAGE_NAMES.flatMap((page) =>
        Object.keys(PAGE_SAMPLES[page]).map((sample) => ({ page, sample, url: url(page, sample, locale) })),
      ),
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function listener(renderer: Renderer, assets: StaticAssets): Server {
  return createServer((request, response) => {
    const path = request.url ?? '/';
    if (request.method === 'POST') {
      response.writeHead(204).end();
      return;
    }
    const asset = assets.findAsset(path);
    if (asset !== undefined) {
      response.setHeader('content-type', asset.type).end(asset.body);
      return;
    }
    const [, locale = '', page, sample] = path.split('/');
    const model = (PAGE_SAMPLES as unknown as Record<string, Record<string, never>>)[page ?? '']?.[
      sample ?? ''
    ];
    if (model === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.setHeader('content-security-policy', STRICT_POLICY);
    response.end(
      renderer.render(page as PageName, model, { locale, languageSwitch: LANGUAGE_SWITCH_SAMPLE }),
    );
  });
}
