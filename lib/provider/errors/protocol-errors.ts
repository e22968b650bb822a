import type { EventEmitter } from 'node:events';
import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { addressGroup } from '../../authentication/throttling/address-group.ts';
import { createReference } from '../../observability/error-reference.ts';
import type { Log } from '../../observability/log.ts';
import { admitRefusalLine } from '../../observability/refusal-lines.ts';
import { noteOf } from '../../observability/request-note.ts';
import { causeOf } from './error-causes.ts';

/** Carries the reference of a protocol error to whoever sees the answer: its text tells no more than the specification lets it. */
export const REFERENCE_HEADER = 'Latchkey-Reference';

/** Answers that a protocol gives as it goes along: nobody got anything wrong. */
const EXPECTED = new Set([
  ...['authorization_pending', 'slow_down', 'use_dpop_nonce', 'use_attestation_challenge'],
  ...[
    'login_required',
    'consent_required',
    'interaction_required',
    'account_selection_required',
    'access_denied',
  ],
]);

/** Endpoints that tell of their errors by an event. */
const EVENTS = [
  ...['authorization', 'pushed_authorization_request', 'grant', 'userinfo', 'introspection', 'revocation'],
  ...[
    'device_authorization',
    'backchannel_authentication',
    'end_session',
    'end_session_confirm',
    'end_session_success',
  ],
  ...['registration_create', 'registration_read', 'registration_update', 'registration_delete'],
];

interface ProtocolError extends Error {
  error?: string;
  error_description?: string;
  error_detail?: string;
}

const references = new WeakMap<Error, string | undefined>();

/** By whom, and which endpoint of the engine, as far as that has been found out: what each line about a failed request names. */
export function whatWasAsked(ctx: Koa.Context): {
  endpoint: string | undefined;
  clientId: string | undefined;
} {
  const { oidc, routerName, state } = ctx as Partial<KoaContextWithOIDC> & { routerName?: string };
  return { endpoint: oidc?.route ?? routerName, clientId: oidc?.client?.clientId ?? state?.clientId };
}

/**
 * Logs a protocol error once, by what was expected and what came, and answers the reference under which it stands there. The
 * answer carries it as well. `status` is the answer's: from 500 on it is our fault, and nothing is explained. Undefined when whoever
 * sends it has had so many refused that it is counted alone.
 */
export function reportProtocolError(
  log: Log,
  ctx: KoaContextWithOIDC,
  error: ProtocolError,
  status: number,
): string | undefined {
  if (references.has(error)) return references.get(error);
  references.set(error, undefined);
  if (status < 500 && !admitRefusalLine(log, addressGroup(ctx.ip).subscriber)) return undefined;
  const reference = createReference();
  references.set(error, reference);
  ctx.set(REFERENCE_HEADER, reference);
  const { endpoint, clientId } = whatWasAsked(ctx);
  const requestId = noteOf(ctx.req)?.id;
  const line = {
    reference,
    ...(requestId === undefined ? {} : { requestId }),
    err: error,
    path: ctx.path,
    method: ctx.method,
    status,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(clientId === undefined ? {} : { clientId }),
  };
  if (status >= 500) log.error(line, 'protocol error');
  else log.info({ ...line, ...explain(ctx, error) }, 'protocol error');
  return reference;
}

function explain(ctx: KoaContextWithOIDC, error: ProtocolError) {
  const { oidc } = ctx;
  const form = oidc?.body as Record<string, unknown> | undefined;
  const sent = { ...ctx.query, ...form };
  const read = Object.entries(oidc?.params ?? {}).filter(([, value]) => value !== undefined);
  return causeOf({
    error: error.error ?? error.message,
    description: error.error_description,
    detail: error.error_detail,
    parameters: { ...sent, ...Object.fromEntries(read) },
    proof: ctx.get('DPoP') || undefined,
    client: oidc?.client as unknown as Record<string, unknown> | undefined,
    issuer: oidc?.provider.issuer ?? '',
  });
}

/** Reports each protocol error that an engine answers with. */
export function reportProtocolErrors(provider: Provider, log: Log): void {
  for (const name of EVENTS) {
    (provider as unknown as EventEmitter).on(
      `${name}.error`,
      (ctx: KoaContextWithOIDC, error: ProtocolError) => {
        if (!EXPECTED.has(error.error ?? '')) reportProtocolError(log, ctx, error, ctx.status);
      },
    );
  }
}
