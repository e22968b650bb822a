import type Koa from 'koa';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { JWT_BEARER_GRANT } from '../clients/metadata/assertion-grant-metadata.ts';
import type { Grants } from '../grants/grants.ts';
import type { Log } from '../observability/log.ts';
import { bearsAttestation } from './client-authentication/client-attestation.ts';
import { REQUESTS_PATH } from './devices/ciba.ts';
import { reportProtocolError } from './errors/protocol-errors.ts';
import { type RefusalResponse, refusalResponse } from './errors/refusals.ts';
import type { EnginePages } from './features.ts';

function wantsPage(ctx: Koa.Context): boolean {
  return ctx.method === 'GET' ||
    ctx.path.startsWith('/interaction/') ||
    ctx.path.startsWith('/session/') ||
    ctx.path === '/device'
    ? ctx.accepts('json', 'html') === 'html'
    : false;
}

async function replaceResponse(
  ctx: Koa.Context,
  refusal: RefusalResponse & { reason: string },
  pages: EnginePages,
  log: Log,
): Promise<void> {
  // Cookies and redirects that the refused request was about to hand out belong to writes that were not kept.
  ctx.remove('Set-Cookie');
  ctx.remove('Location');
  ctx.status = refusal.status;
  if (refusal.challenge !== undefined) ctx.set('WWW-Authenticate', refusal.challenge);
  const out = { error: refusal.error, error_description: refusal.description };
  const error = Object.assign(new Error(refusal.error), { ...out, error_detail: refusal.reason });
  if (wantsPage(ctx)) {
    await pages.error(ctx as unknown as KoaContextWithOIDC, out, error);
  } else {
    reportProtocolError(log, ctx as unknown as KoaContextWithOIDC, error, refusal.status);
    ctx.body = out;
  }
}

/** Another tab's request gave the session a new identifier meanwhile: without it this browser would be logged out soon. */
function replaceSessionCookie(ctx: Koa.Context, cookieName: string, sessionId: string): void {
  const lines = [ctx.response.get('Set-Cookie')].flat().filter((line) => line !== '');
  const replaced = lines.map((line) =>
    line.startsWith(`${cookieName}=`) ? line.replace(/=[^;]*/, `=${sessionId}`) : line,
  );
  if (replaced.length > 0) ctx.set('Set-Cookie', replaced);
}

/**
 * Ends a request's unit of work after its response is made and before it is sent. A response that reports an error
 * keeps no issued token and no consumption, but every revocation. If a condition fails (somebody else was first), the
 * response becomes the proper protocol error and nothing of it is kept. Throws StorageUnavailable.
 */
export async function settleRequest(
  ctx: Koa.Context,
  grants: Grants,
  pages: EnginePages,
  cookieName: string,
  log: Log,
): Promise<void> {
  const failed = ctx.status >= 400;
  const outcome = await grants.commit(failed ? 'revocations-and-state' : 'everything');
  switch (outcome.outcome) {
    case 'committed':
      if (outcome.sessionId !== undefined) replaceSessionCookie(ctx, cookieName, outcome.sessionId);
      return;
    case 'refused': {
      const { oidc } = ctx as unknown as Partial<KoaContextWithOIDC>;
      const clientAssertion = oidc?.params?.client_assertion !== undefined || bearsAttestation(ctx);
      const assertionGrant = oidc?.params?.grant_type === JWT_BEARER_GRANT;
      const request = { clientAssertion, assertionGrant, route: oidc?.route };
      const reason = `${outcome.model} ${outcome.reason}`;
      await replaceResponse(ctx, { ...refusalResponse(outcome, request), reason }, pages, log);
      const answeredBefore = outcome.model === 'Interaction' && outcome.reason === 'already_used';
      if (outcome.model === 'DeviceCode' && wantsPage(ctx)) pages.device.answered(ctx);
      if (outcome.model === 'BackchannelAuthenticationRequest' && ctx.path.startsWith(REQUESTS_PATH)) {
        // Answered in another tab: the page says so.
        ctx.status = 303;
        ctx.redirect(`${REQUESTS_PATH}?done=request-gone`);
      }
      if (answeredBefore && wantsPage(ctx)) await pages.interrupted(ctx as unknown as KoaContextWithOIDC);
      return;
    }
    default:
      outcome satisfies never;
  }
}
