/**
 * An API over Koa that keeps notes for the person whose access token comes along. `/` is public, reading notes needs the
 * scope `read`, writing them `write`.
 */
import { bodyParser } from '@koa/bodyparser';
import Router from '@koa/router';
import Koa from 'koa';
import { type KoaTokenState, koaResourceServer } from '../../lib/resource-server/koa-resource-server.ts';
import { allowOrigin } from './allow-origin.ts';
import { createNotebook } from './notebook.ts';

const { ISSUER: issuer, HOST: host = '127.0.0.1', ALLOWED_ORIGIN: allowedOrigin } = process.env;
const port = Number(process.env.PORT ?? 4002);
const origin = process.env.ORIGIN ?? `http://localhost:${port}`;
if (!issuer) throw new Error('ISSUER is not set');

const api = koaResourceServer({
  issuer,
  audience: process.env.AUDIENCE ?? `${origin}/`,
  realm: 'notes',
  metadata: { name: 'Notes API', scopes: ['read', 'write'] },
  onRefusal: (refusal) => console.log(JSON.stringify({ refused: refusal })),
});
const notebook = createNotebook();
const router = new Router<KoaTokenState>();

router.get('/', (ctx) => {
  ctx.body = { name: 'Notes API', read: 'GET /notes, scope read', write: 'POST /notes, scope write' };
});

router.get('/notes', api.requireScopes('read'), (ctx) => {
  ctx.body = { notes: notebook.of(ctx.state.token.sub) };
});

router.post(
  '/notes',
  api.requireScopes('write'),
  bodyParser({ enableTypes: ['json'], jsonLimit: '16kb' }),
  (ctx) => {
    const text = (ctx.request.body as { text?: unknown } | undefined)?.text;
    if (typeof text !== 'string' || text.trim() === '' || text.length > 1000) {
      ctx.status = 400;
      ctx.body = { error: 'invalid_note', error_description: 'text must have 1 to 1000 characters' };
      return;
    }
    ctx.status = 201;
    ctx.body = notebook.add(ctx.state.token.sub, text);
  },
);

const app = new Koa<KoaTokenState>();
if (allowedOrigin) app.use(allowOrigin(allowedOrigin));
app.use(async (ctx, next) => {
  try {
    await next();
    if (ctx.status === 404 && ctx.body == null) {
      ctx.status = 404;
      ctx.body = { error: 'not_found' };
    }
  } catch (error) {
    const { status = 500 } = error as { status?: number };
    if (status >= 500) console.error(error);
    ctx.status = status;
    ctx.body = { error: status >= 500 ? 'server_error' : 'invalid_request' };
  }
});
app.use(api.metadata());
app.use(router.routes());
app.use(router.allowedMethods());

app.listen(port, host, () => console.log(`API listening on ${origin}`));
