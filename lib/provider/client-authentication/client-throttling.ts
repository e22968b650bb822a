import type Koa from 'koa';
import Provider, { type KoaContextWithOIDC } from 'oidc-provider';
import type { ClientThrottle } from '../../authentication/throttling/client-throttle.ts';
import type { Events } from '../../observability/events.ts';
import { prototypesOf } from '../engine/engine-context.ts';
import { tooManyRequests } from '../errors/refusals.ts';
import { tellThrottled } from '../errors/throttled-attempts.ts';

interface Presented {
  clientId: string;
  credential: string;
}

function decodedJson(part: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part ?? '', 'base64url').toString());
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replace(/\+/g, '%20'));
  } catch {
    return text;
  }
}

/**
 * Who a refused request said it was, and by what. Each secret, and each assertion with a MAC, is a guess of its own; signatures
 * by the same key are not: nobody guesses one, and an application with a retired key would be taken for somebody who does.
 */
function presentedIn(ctx: KoaContextWithOIDC): Presented {
  const params = (ctx.oidc.params ?? {}) as Record<string, unknown>;
  const basic = /^basic ([\w+/]+={0,2})$/i.exec(ctx.get('Authorization'))?.[1];
  if (basic !== undefined) {
    const [id = '', ...secret] = Buffer.from(basic, 'base64').toString().split(':');
    return { clientId: formDecoded(id), credential: `secret ${formDecoded(secret.join(':'))}` };
  }
  if (typeof params.client_assertion === 'string') {
    const [header = '', payload] = params.client_assertion.split('.');
    const byMac = String(decodedJson(header).alg).startsWith('HS');
    return {
      clientId: String(decodedJson(payload).sub ?? ''),
      credential: `assertion ${byMac ? params.client_assertion : header}`,
    };
  }
  const secret = typeof params.client_secret === 'string' ? `secret ${params.client_secret}` : 'none';
  return { clientId: String(params.client_id ?? ''), credential: secret };
}

/**
 * Has the engine ask the throttle before it judges a secret or an assertion, wherever clients authenticate: then nobody learns
 * whether a guess was right. RFC 6585 §4 for the status.
 */
export function throttleClientAuthentication(
  provider: Provider,
  { clientThrottle, events }: { clientThrottle: ClientThrottle; events: Events },
): void {
  const { Client, OIDCContext } = prototypesOf(provider);

  const admit = (clientId: string): void => {
    const ctx = Provider.ctx as KoaContextWithOIDC | undefined;
    if (ctx === undefined) return;
    const admittance = clientThrottle.admit(clientId, ctx.ip);
    if (admittance.outcome === 'admitted') return;
    tellThrottled(events, ctx, { kind: 'client_authentication', clientId });
    ctx.set('Retry-After', String(admittance.retryAfter));
    throw tooManyRequests(
      `too many failed attempts to authenticate; try again in ${admittance.retryAfter} seconds`,
    );
  };

  const { compareClientSecret } = Client.prototype;
  Client.prototype.compareClientSecret = function compareWhenAdmitted(actual) {
    admit(this.clientId);
    return compareClientSecret.call(this, actual);
  };
  // What an assertion is meant for is asked before anything else of it is looked at.
  const { clientJwtAuthExpectedAudience } = OIDCContext.prototype;
  OIDCContext.prototype.clientJwtAuthExpectedAudience = function audienceWhenAdmitted() {
    const { client } = this as unknown as KoaContextWithOIDC['oidc'];
    if (client !== undefined) admit(client.clientId);
    return clientJwtAuthExpectedAudience.call(this);
  };
}

/** Tells the throttle how each authentication of a client ended. */
export function countClientFailures(clientThrottle: ClientThrottle): Koa.Middleware {
  return async (ctx, next) => {
    await next();
    if (ctx.method !== 'POST') return;
    const engineContext = ctx as unknown as KoaContextWithOIDC;
    const { oidc } = engineContext as Partial<KoaContextWithOIDC>;
    if (oidc === undefined) return;
    const body = ctx.body as { error?: unknown } | null | undefined;
    if (ctx.status === 401 && body?.error === 'invalid_client') {
      const { clientId, credential } = presentedIn(engineContext);
      await clientThrottle.failed(clientId, ctx.ip, credential);
    } else if (ctx.status < 400 && oidc.client !== undefined && oidc.client.clientAuthMethod !== 'none') {
      clientThrottle.succeeded(oidc.client.clientId, ctx.ip);
    }
  };
}
