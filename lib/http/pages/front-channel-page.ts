import type { StoredClient } from '../../clients/clients.ts';
import type { FrontChannelPage } from '../../provider/logout/front-channel-logout.ts';
import type { Draw } from './draw-page.ts';
import { addressSource } from './form-targets.ts';
import { clientView } from './record-views.ts';
import type { LoggedOutView } from './view-models.ts';

/** The page after a logout with the frames of OpenID Connect Front-Channel Logout; it may frame these addresses and no others. */
export function createFrontChannelPage(options: {
  draw: Draw;
  knownClient(clientId: unknown): Promise<StoredClient | undefined>;
  stayed(accountId: string | undefined): Promise<LoggedOutView['stayed']>;
}): FrontChannelPage {
  const { draw, knownClient, stayed } = options;
  return async (ctx, { frames, continueTo, clientId, stillSignedIn }) => {
    const client = await knownClient(clientId);
    draw(ctx, 'logged-out', {
      client: client === undefined ? undefined : clientView(client),
      frames,
      continueTo,
      stayed: await stayed(stillSignedIn),
    });
    const sources = [...new Set(frames.map(addressSource))].join(' ');
    ctx.set('Content-Security-Policy', `${ctx.response.get('Content-Security-Policy')};frame-src ${sources}`);
  };
}
