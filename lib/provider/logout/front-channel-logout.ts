import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { Clients } from '../../clients/clients.ts';
import { type KoaContextWithOIDC, prototypesOf } from '../engine/engine-context.ts';
import { whileAvailable } from '../engine/engine-storage.ts';

/** Draws the page after a logout whose hidden frames tell the applications of it. */
export type FrontChannelPage = (
  ctx: Koa.Context,
  logout: {
    /** Addresses of the frames. */
    frames: string[];
    /** Where the person goes afterwards; undefined when that is the page itself. */
    continueTo: string | undefined;
    /** The application that asked for the logout. */
    clientId: string | undefined;
    /** Who has stayed signed in here, and has left that application alone. */
    stillSignedIn: string | undefined;
  },
) => Promise<void>;

/** A client's place in a session, as the engine keeps it. */
interface Place {
  sid?: string;
}

/** The clients of the session that a request ends, as they were when it came. */
const placesBefore = new WeakMap<object, Readonly<Record<string, Place>>>();

/**
 * OpenID Connect Front-Channel Logout, which the engine lacks: ID tokens carry `sid` for clients that want it back (§3), and where
 * a logout would send the person on, a page first loads the frames of the clients that were signed in to (§2). Answers the
 * middleware to put around the engine.
 */
export function frontChannelLogout(
  provider: Provider,
  { clients, draw }: { clients: Clients; draw: FrontChannelPage },
): (engine: Koa.Middleware) => Koa.Middleware {
  const { Client, Session } = prototypesOf(provider);
  const { includeSid } = Client.prototype;
  Client.prototype.includeSid = function includeSidForFrames() {
    return includeSid.call(this) || this.frontchannel_logout_session_required === true;
  };
  const getSession = Session.get.bind(Session);
  Session.get = async (ctx) => {
    const session = await getSession(ctx);
    const { oidc, req } = ctx as KoaContextWithOIDC;
    // The engine takes the client's place out of it.
    if (oidc?.route === 'end_session_confirm') placesBefore.set(req, { ...session.authorizations });
    return session;
  };

  async function framesOf(places: Readonly<Record<string, Place>>): Promise<string[]> {
    const frames: string[] = [];
    for (const [clientId, { sid }] of Object.entries(places)) {
      const client = await whileAvailable(() => clients.find(clientId));
      const { frontchannel_logout_uri: uri, frontchannel_logout_session_required: withSession } =
        client?.metadata ?? {};
      if (uri === undefined) continue;
      const frame = new URL(uri);
      if (withSession === true && sid !== undefined) {
        frame.searchParams.set('iss', provider.issuer);
        frame.searchParams.set('sid', sid);
      }
      frames.push(frame.href);
    }
    return frames;
  }

  return (engine) => async (ctx, next) => {
    await engine(ctx, next);
    const places = placesBefore.get(ctx.req);
    const location = ctx.response.get('Location');
    if (places === undefined || ctx.status !== 303 || location === '') return;
    const { oidc } = ctx as unknown as KoaContextWithOIDC;
    const clientId = oidc.client?.clientId;
    // Without `logout` the person has left one application alone.
    const left = oidc.params?.logout ? places : pick(places, clientId);
    const frames = await framesOf(left);
    if (frames.length === 0) return;
    const stays = location.startsWith(oidc.urlFor('end_session_success'));
    ctx.remove('Location');
    ctx.status = 200;
    await draw(ctx, {
      frames,
      continueTo: stays ? undefined : location,
      clientId,
      stillSignedIn: oidc.params?.logout ? undefined : oidc.session?.accountId,
    });
  };
}

function pick(places: Readonly<Record<string, Place>>, clientId: string | undefined): Record<string, Place> {
  const place = clientId === undefined ? undefined : places[clientId];
  return clientId === undefined || place === undefined ? {} : { [clientId]: place };
}
