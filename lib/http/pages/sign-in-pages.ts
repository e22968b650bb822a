import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { Apis } from '../../clients/apis.ts';
import type { InteractionPages } from '../../interactions/interaction-pages.ts';
import { ACCOUNT_CLIENT_ID } from '../../provider/sign-in/account-client.ts';
import type { PendingInteraction } from '../../provider/sign-in/interaction.ts';
import { interactionUrl } from '../../provider/sign-in/interaction-url.ts';
import type { FormTokens } from '../form-protection.ts';
import { describeDetails } from './detail-views.ts';
import type { Draw } from './draw-page.ts';
import { passkeyRequests } from './passkey-pages.ts';
import { accountView, clientView } from './record-views.ts';
import { type UpstreamView, upstreamLogin } from './upstream-pages.ts';
import type { ConsentApi } from './view-models.ts';

/** Login, consent and account selection. */
export function createSignInPages(
  options: UpstreamView & {
    configuration: Configuration;
    forms: FormTokens;
    accounts: AccountAdapter;
    apis: Apis;
    draw: Draw;
    /** Whether anybody may make an account. */
    isOpen: boolean;
    requestedApis(scopesOf: Record<string, string[]>): Promise<ConsentApi[]>;
  },
): Omit<InteractionPages, 'expired'> {
  const { configuration, forms, accounts, apis, draw, isOpen, upstream, requestedApis } = options;
  const passkeyRequestOf = passkeyRequests(configuration);

  function formOf(interaction: PendingInteraction) {
    const { uid, client } = interaction;
    return {
      csrfToken: forms.tokenFor(uid),
      loginAction: interactionUrl(uid, client.clientId, 'login'),
      approveAction: interactionUrl(uid, client.clientId, 'consent'),
      continueAction: interactionUrl(uid, client.clientId, 'select'),
      switchAction: interactionUrl(uid, client.clientId, 'switch'),
      cancelAction: interactionUrl(uid, client.clientId, 'cancel'),
      resetUrl: interactionUrl(uid, client.clientId, 'reset'),
      registerUrl: interactionUrl(uid, client.clientId, 'register'),
    };
  }

  function optionsOf({ redirectUri, params }: PendingInteraction) {
    return { uiLocales: params.ui_locales, formsLeadTo: redirectUri };
  }

  return {
    login: (ctx, interaction, { login, problem }) => {
      const { csrfToken, loginAction, cancelAction, resetUrl, registerUrl } = formOf(interaction);
      draw(
        ctx,
        'login',
        {
          csrfToken,
          action: loginAction,
          cancelAction,
          client:
            interaction.client.clientId === ACCOUNT_CLIENT_ID ? undefined : clientView(interaction.client),
          login,
          problem,
          reauthentication: interaction.accountId !== undefined && ctx.query.switch === undefined,
          passkey: passkeyRequestOf(interaction),
          resetUrl: accounts.directory === undefined ? undefined : resetUrl,
          registerUrl: isOpen ? registerUrl : undefined,
          ...upstreamLogin(options, ctx, interaction),
          passwordChanged: ctx.query['password-changed'] !== undefined,
          forDevice: interaction.forDevice,
        },
        {
          uiLocales: interaction.params.ui_locales,
          formsLeadTo: [interaction.redirectUri, ...(upstream?.issuers ?? [])],
        },
      );
    },

    consent: async (ctx, interaction, account, state) => {
      const { csrfToken, approveAction, switchAction, cancelAction } = formOf(interaction);
      const { missing } = interaction;
      const model = {
        csrfToken,
        approveAction,
        denyAction: cancelAction,
        switchAction,
        client: clientView(interaction.client),
        account: accountView(account),
        redirectUri: interaction.redirectUri,
        forDevice: interaction.forDevice,
        identityScopes: missing.scopes.filter((scope) => scope !== 'offline_access'),
        identityClaims: missing.claims,
        apis: await requestedApis(missing.resourceScopes),
        details: await describeDetails(apis, missing.details),
        offlineAccess: missing.scopes.includes('offline_access'),
        formRejected: state?.formRejected,
      };
      draw(ctx, 'consent', model, optionsOf(interaction));
    },

    selectAccount: (ctx, interaction, account, state) => {
      const { csrfToken, continueAction, switchAction, cancelAction } = formOf(interaction);
      draw(
        ctx,
        'select-account',
        {
          csrfToken,
          continueAction,
          switchAction,
          cancelAction,
          account: accountView(account),
          client: clientView(interaction.client),
          forDevice: interaction.forDevice,
          formRejected: state?.formRejected,
        },
        optionsOf(interaction),
      );
    },
  };
}
