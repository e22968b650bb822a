import type { PendingIdentities } from '../../interactions/pending-identity.ts';
import type { UpstreamPages } from '../../interactions/upstream-pages.ts';
import { upstreamDeparture } from '../../provider/logout/upstream-departure.ts';
import { ACCOUNT_CLIENT_ID } from '../../provider/sign-in/account-client.ts';
import type { PendingInteraction } from '../../provider/sign-in/interaction.ts';
import { interactionUrl } from '../../provider/sign-in/interaction-url.ts';
import type { UpstreamSignIn } from '../../upstream/upstream-sign-in.ts';
import type { FormTokens } from '../form-protection.ts';
import type { Draw } from './draw-page.ts';
import { clientView } from './record-views.ts';
import type { LoginView } from './sign-in-views.ts';
import type { LoggedOutView } from './view-models.ts';

/** What pages know of sign-in at other providers; undefined where there is none. */
export interface UpstreamView {
  upstream: UpstreamSignIn | undefined;
  pendingIdentities: PendingIdentities | undefined;
}

/** What the login page says of other providers. */
export function upstreamLogin(
  { upstream, pendingIdentities }: UpstreamView,
  ctx: Parameters<PendingIdentities['read']>[0],
  { uid, client }: PendingInteraction,
): Pick<LoginView, 'upstream' | 'connecting'> {
  if (upstream === undefined) return {};
  const identity = pendingIdentities?.read(ctx, uid);
  // Whoever came from there has nothing to do there now.
  if (identity !== undefined) {
    return { connecting: { provider: upstream.nameOf(identity.provider), label: identity.label } };
  }
  return {
    upstream: { action: interactionUrl(uid, client.clientId, 'upstream'), providers: upstream.providers },
  };
}

/** Where whoever has just signed out may still be signed in, and where they sign out there. */
export function upstreamSignOut(
  rooms: Pick<UpstreamView, 'upstream'> & Parameters<typeof upstreamDeparture>[1],
  ctx: Parameters<typeof upstreamDeparture>[0],
): LoggedOutView['upstream'] {
  const departure = rooms.upstream === undefined ? undefined : upstreamDeparture(ctx, rooms);
  // One that leads on has been there already.
  if (rooms.upstream === undefined || departure === undefined || departure.to !== undefined) return undefined;
  const { provider } = departure;
  return { provider: rooms.upstream.nameOf(provider), url: `/upstream/${provider}/sign-out` };
}

/** What would come to the same at the same provider. */
const USELESS_AGAIN: ReadonlySet<string> = new Set(['disabled', 'stale']);

/** The pages around sign-in at other providers. */
export function createUpstreamPages(options: {
  forms: FormTokens;
  draw: Draw;
  upstream: UpstreamSignIn | undefined;
  /** Whether anybody may make an account. */
  isOpen: boolean;
}): UpstreamPages {
  const { forms, draw, upstream, isOpen } = options;

  const addressOf = ({ uid, client }: PendingInteraction, step?: string): string =>
    interactionUrl(uid, client.clientId, step);
  const frameOf = (interaction: PendingInteraction) => ({
    csrfToken: forms.tokenFor(interaction.uid),
    signInUrl: `${addressOf(interaction)}&switch`,
    client: interaction.client.clientId === ACCOUNT_CLIENT_ID ? undefined : clientView(interaction.client),
  });
  const optionsOf = ({ params, redirectUri }: PendingInteraction) => ({
    uiLocales: params.ui_locales,
    formsLeadTo: [redirectUri, ...(upstream?.issuers ?? [])],
  });

  return {
    connect: (ctx, interaction, { provider, label, formRejected }) =>
      draw(
        ctx,
        'connect',
        {
          ...frameOf(interaction),
          provider,
          label,
          registerUrl: isOpen ? addressOf(interaction, 'register') : undefined,
          declineAction: addressOf(interaction, 'connect'),
          formRejected,
        },
        optionsOf(interaction),
      ),

    upstreamProblem: (ctx, interaction, { id, provider, reason, reference }) =>
      draw(
        ctx,
        'upstream-problem',
        {
          ...frameOf(interaction),
          provider,
          reason,
          reference,
          cancelAction: addressOf(interaction, 'cancel'),
          forDevice: interaction.forDevice,
          again: USELESS_AGAIN.has(reason) ? undefined : { action: addressOf(interaction, 'upstream'), id },
        },
        optionsOf(interaction),
      ),
  };
}
