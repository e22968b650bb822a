import type Koa from 'koa';
import type { StaticAssets } from './pages/static-assets.ts';

/** Style sheets, images and scripts, from memory, under addresses that change with their content. */
export function withStaticAssets(assets: StaticAssets): Koa.Middleware {
  return (ctx, next) => {
    if (ctx.method !== 'GET' && ctx.method !== 'HEAD') return next();
    const asset = assets.findAsset(ctx.path);
    if (asset === undefined) return next();
    ctx.set('Cache-Control', asset.cacheControl);
    ctx.set('ETag', asset.etag);
    ctx.type = asset.type;
    if (ctx.get('If-None-Match').includes(asset.etag)) {
      ctx.status = 304;
      return;
    }
    ctx.body = asset.body;
  };
}
