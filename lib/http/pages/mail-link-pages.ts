import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { StoredClient } from '../../clients/clients.ts';
import type { MailLinkPages } from '../../interactions/mail-link-pages.ts';
import { linkFormPurpose } from '../../interactions/mail-link-rooms.ts';
import type { PendingInteraction } from '../../provider/sign-in/interaction.ts';
import { interactionUrl } from '../../provider/sign-in/interaction-url.ts';
import type { FormTokens } from '../form-protection.ts';
import type { Draw } from './draw-page.ts';
import { clientView } from './record-views.ts';

/** Where sign-in at an application begins anew, if it has told. */
export function startUriOf(client: StoredClient | undefined, issuer: string): string | undefined {
  const { initiate_login_uri: initiate } = client?.metadata ?? {};
  const uri = typeof initiate === 'string' && initiate !== '' ? new URL(initiate) : undefined;
  uri?.searchParams.set('iss', issuer);
  return uri?.href;
}

/** The pages around mailed links. */
export function createMailLinkPages(options: {
  configuration: Configuration;
  forms: FormTokens;
  accounts: AccountAdapter;
  draw: Draw;
  knownClient: (clientId: unknown) => Promise<StoredClient | undefined>;
}): MailLinkPages {
  const { configuration, forms, accounts, draw, knownClient } = options;
  const { minimumLength } = configuration.passwords;

  const addressOf = ({ uid, client }: PendingInteraction, step?: string): string =>
    interactionUrl(uid, client.clientId, step);
  const signInUrlOf = (interaction: PendingInteraction): string => `${addressOf(interaction)}&switch`;
  const localesOf = ({ params }: PendingInteraction) => ({ uiLocales: params.ui_locales });
  const linkFields = (secret: string) => ({
    csrfToken: forms.tokenFor(linkFormPurpose(secret)),
    link: secret,
  });

  return {
    askReset: (ctx, interaction, { login, problem }) =>
      draw(
        ctx,
        'reset',
        {
          csrfToken: forms.tokenFor(interaction.uid),
          action: addressOf(interaction, 'reset'),
          signInUrl: signInUrlOf(interaction),
          client: clientView(interaction.client),
          login,
          problem,
          managedElsewhere: accounts.directory === undefined,
        },
        localesOf(interaction),
      ),

    askRegister: (ctx, interaction, { email, problem }) =>
      draw(
        ctx,
        'register',
        {
          csrfToken: forms.tokenFor(interaction.uid),
          action: addressOf(interaction, 'register'),
          signInUrl: signInUrlOf(interaction),
          client: clientView(interaction.client),
          email,
          problem,
          allowedDomains: configuration.registration.allowedDomains,
        },
        localesOf(interaction),
      ),

    mailSent: (ctx, interaction, kind) =>
      draw(
        ctx,
        'mail-sent',
        {
          kind,
          seconds: configuration.lifetimes.mailLink,
          againUrl: addressOf(interaction, kind),
          signInUrl: signInUrlOf(interaction),
          client: clientView(interaction.client),
        },
        localesOf(interaction),
      ),

    choosePassword: (ctx, { action, secret, login, problem }) =>
      draw(ctx, 'choose-password', { ...linkFields(secret), action, login, minimumLength, problem }),

    completeRegistration: (ctx, { action, secret, email, name, interaction, problem }) =>
      draw(
        ctx,
        'complete-registration',
        {
          ...linkFields(secret),
          action,
          email,
          name,
          minimumLength,
          problem,
          client: interaction === undefined ? undefined : clientView(interaction.client),
        },
        interaction === undefined
          ? {}
          : { uiLocales: interaction.params.ui_locales, formsLeadTo: interaction.redirectUri },
      ),

    verifyEmail: (ctx, { action, secret, email, problem }) =>
      draw(ctx, 'verify-email', { ...linkFields(secret), action, email, problem }),

    async linkResult(ctx, result, clientId) {
      const client = await knownClient(clientId);
      draw(ctx, 'link-result', {
        result,
        client: client === undefined ? undefined : clientView(client),
        startUri: startUriOf(client, configuration.issuer),
      });
    },
  };
}
