import type { KoaContextWithOIDC } from 'oidc-provider';

interface Authorization {
  sid?: string;
  grantId?: string;
  persistsLogout?: boolean;
}

/** What the session of a request had of the client whose device is let in. */
const formerAuthorizations = new WeakMap<object, { clientId: string; former: Authorization }>();

/** The client's place in the browser's session, before the engine puts the device's grant there. */
export function rememberSessionGrant(ctx: KoaContextWithOIDC, clientId: string): void {
  const { session } = ctx.oidc;
  const { sid: _kept, ...former } = { ...session?.authorizations?.[clientId] } as Authorization;
  formerAuthorizations.set(ctx, { clientId, former });
}

/**
 * Takes a device's grant out of the session of the browser in which it was let in, and puts back what was there: the device goes
 * its own way. Signing out here, or on another device, ends nothing on it, and what ends on it ends nothing elsewhere.
 */
export function leaveSessionGrant(ctx: KoaContextWithOIDC): void {
  const remembered = formerAuthorizations.get(ctx);
  if (remembered === undefined) return;
  const authorizations = ctx.oidc.session?.authorizations as Record<string, Authorization> | undefined;
  const authorization = authorizations?.[remembered.clientId];
  if (authorization === undefined) return;
  delete authorization.grantId;
  delete authorization.persistsLogout;
  Object.assign(authorization, remembered.former);
}
