import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { Configuration } from '../../../config/configuration.ts';
import { SealError, type Sealer } from '../../database/sealer.ts';
import { cookieName } from '../cookies.ts';
import type { KoaContextWithOIDC } from '../engine/engine-context.ts';

/** How long (ms) somebody may take to sign out at the other provider. */
const LEAVING_MILLISECONDS = 600_000;
const CONTEXT = 'upstream-departure';
/** Of the cookie by which it is remembered. */
const NAME = 'left';

/** Somebody who has signed out here, after a sign-in at another provider. */
export interface UpstreamDeparture {
  /** The provider's name in the configuration. */
  provider: string;
  /** Where the logout leads, when the browser goes by the provider on its way. */
  to?: string;
}

interface DepartureRooms {
  configuration: Pick<Configuration, 'issuer' | 'upstream'>;
  sealer: Sealer;
}

/**
 * Remembers, when somebody has signed out, the provider that their sign-in came from, so that the page which says so can offer
 * to end the session there as well; or sends the browser there first. Answers the middleware to put around the engine.
 */
export function noteUpstreamDepartures(
  provider: Provider,
  rooms: DepartureRooms,
): (engine: Koa.Middleware) => Koa.Middleware {
  const { providers } = rooms.configuration.upstream;
  if (Object.values(providers).every(({ logout }) => logout === 'off')) return (engine) => engine;
  const left = new WeakMap<object, string>();
  provider.on('end_session.success', (ctx: KoaContextWithOIDC) => {
    const { session, params } = ctx.oidc as unknown as {
      session?: { upstream?: { provider?: string } };
      params?: { logout?: unknown };
    };
    const id = session?.upstream?.provider;
    // Without `logout` the person has left one application alone.
    if (params?.logout && id !== undefined && Object.hasOwn(providers, id)) left.set(ctx.req, id);
  });
  return (engine) => async (ctx, next) => {
    await engine(ctx, next);
    const id = left.get(ctx.req);
    const logout = id === undefined ? 'off' : providers[id]?.logout;
    const to = ctx.response.get('Location');
    if (id === undefined || logout === 'off' || ctx.status !== 303) return;
    keep(ctx, rooms, logout === 'automatic' ? { provider: id, to } : { provider: id });
    if (logout === 'automatic') ctx.set('Location', `/upstream/${id}/sign-out`);
  };
}

function keep(
  ctx: Koa.Context,
  { configuration: { issuer }, sealer }: DepartureRooms,
  departure: UpstreamDeparture | undefined,
): void {
  const value =
    departure === undefined ? null : sealer.seal(JSON.stringify(departure), CONTEXT).toString('base64url');
  ctx.cookies.secure = issuer.startsWith('https:');
  ctx.cookies.set(cookieName(issuer, NAME), value, {
    httpOnly: true,
    sameSite: 'lax',
    signed: false,
    overwrite: true,
    path: '/',
    maxAge: LEAVING_MILLISECONDS,
  });
}

/** The departure of whoever has just signed out in this browser. */
export function upstreamDeparture(
  ctx: Koa.Context,
  { configuration, sealer }: DepartureRooms,
): UpstreamDeparture | undefined {
  const held = ctx.cookies.get(cookieName(configuration.issuer, NAME), { signed: false });
  if (held === undefined) return undefined;
  try {
    return JSON.parse(sealer.open(Buffer.from(held, 'base64url'), CONTEXT).toString('utf8'));
  } catch (error) {
    if (error instanceof SealError) return undefined;
    throw error;
  }
}

/** The same, once. */
export function endDeparture(ctx: Koa.Context, rooms: DepartureRooms): UpstreamDeparture | undefined {
  const departure = upstreamDeparture(ctx, rooms);
  if (departure !== undefined) keep(ctx, rooms, undefined);
  return departure;
}
