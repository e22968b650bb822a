import type Koa from 'koa';
import type { KoaContextWithOIDC } from '../provider/engine/engine-context.ts';
import { formTargets } from './pages/form-targets.ts';

const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/** Where the engine's own form leads in the end, through however many redirects. */
function targetOf(oidc: KoaContextWithOIDC['oidc']): string | undefined {
  const { params, entities } = oidc;
  return (
    textOf(params?.redirect_uri) ??
    textOf(params?.post_logout_redirect_uri) ??
    textOf(entities.Interaction?.params.redirect_uri)
  );
}

/**
 * The engine answers some requests with a form that submits itself (`response_mode=form_post`, a change of account, a
 * log-out of nobody) and adds the digest of its script to the policy. What it does not know of is `form-action`, which
 * must let the form reach the application; and who frames the answer of `response_mode=web_message`, which may be the application alone.
 */
export const withEngineForms: Koa.Middleware = async (ctx, next) => {
  await next();
  const policy = ctx.res.getHeader('Content-Security-Policy');
  if (typeof policy !== 'string' || !policy.includes("'sha256-")) return;
  const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
  if (oidc === undefined) return;
  const target = `form-action ${formTargets(targetOf(oidc)).join(' ')}`;
  const webMessage = String(oidc.params?.response_mode).startsWith('web_message');
  const origin = webMessage ? URL.parse(targetOf(oidc) ?? '')?.origin : undefined;
  // An application with a scheme of its own has no origin.
  const framedBy = origin === 'null' ? undefined : origin;
  const ancestors = policy.includes('frame-ancestors') ? '' : `;frame-ancestors ${framedBy ?? "'none'"}`;
  ctx.set('Content-Security-Policy', policy.replace(/form-action [^;]*/, target) + ancestors);
};
