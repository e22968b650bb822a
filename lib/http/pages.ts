import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { Account, AccountAdapter } from '../accounts/account-adapter.ts';
import type { Apis } from '../clients/apis.ts';
import type { Clients, StoredClient } from '../clients/clients.ts';
import type { InteractionPages } from '../interactions/interaction-pages.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import type { KoaContextWithOIDC } from '../provider/engine-context.ts';
import type { EnginePages } from '../provider/features.ts';
import type { PendingInteraction } from '../provider/interaction.ts';
import { createReference } from './error-boundary.ts';
import type { FormTokens } from './form-protection.ts';
import { allowFormTargets } from './form-targets.ts';
import { chooseLocale } from './locale.ts';
import type { Renderer } from './render.ts';
import type { AccountView, ClientView, ConsentApi, PageName, ViewModels } from './view-models.ts';

/** Every page that the application draws. */
export interface Pages extends EnginePages, InteractionPages {
  home(ctx: Koa.Context): void;
  /** Any other failure; the caller has set the status. */
  problem(ctx: Koa.Context, problem: { error: string; error_description?: string; reference?: string }): void;
}

const optionalText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

function clientView(client: StoredClient): ClientView {
  const { metadata } = client;
  return {
    name: optionalText(metadata.client_name) ?? client.clientId,
    logoUri: optionalText(metadata.logo_uri),
    uri: optionalText(metadata.client_uri),
    policyUri: optionalText(metadata.policy_uri),
    tosUri: optionalText(metadata.tos_uri),
  };
}

function accountView(account: Account): AccountView {
  return { login: account.login, name: optionalText(account.claims.name) };
}

/** Builds the pages: fills each view model from what the rooms know and renders it in the person's language. */
export function createPages(options: {
  configuration: Configuration;
  renderer: Renderer;
  forms: FormTokens;
  accounts: AccountAdapter;
  clients: Clients;
  apis: Apis;
  events: Events;
  log: Log;
}): Pages {
  const { configuration, renderer, forms, accounts, clients, apis, events, log } = options;
  const { issuer } = configuration;

  function draw<Page extends PageName>(
    ctx: Koa.Context,
    page: Page,
    model: ViewModels[Page],
    uiLocales?: unknown,
  ): void {
    const locale = chooseLocale(
      optionalText(uiLocales) ?? optionalText(ctx.query.ui_locales),
      ctx.get('Accept-Language'),
      renderer.locales,
    );
    ctx.set('Cache-Control', 'no-store');
    ctx.set('Content-Language', locale);
    ctx.vary('Accept-Language');
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = renderer.render(page, model, { locale });
  }

  function knownClient(clientId: unknown): StoredClient | undefined {
    return typeof clientId === 'string' && clientId !== '' ? clients.find(clientId) : undefined;
  }

  function formOf(interaction: PendingInteraction) {
    const base = `/interaction/${interaction.uid}`;
    return {
      csrfToken: forms.tokenFor(interaction.uid),
      loginAction: `${base}/login`,
      approveAction: `${base}/consent`,
      continueAction: `${base}/select`,
      switchAction: `${base}/switch`,
      cancelAction: `${base}/cancel`,
    };
  }

  async function requestedApis(interaction: PendingInteraction): Promise<ConsentApi[]> {
    const asked = Object.entries(interaction.missing.resourceScopes);
    return asked.map(([identifier, scopes]) => ({
      name: apis.find(identifier)?.name ?? identifier,
      scopes: scopes.map((name) => ({ name })),
    }));
  }

  const pages: Pages = {
    home: (ctx) =>
      draw(ctx, 'home', {
        issuer,
        discoveryUrl: `${issuer}/.well-known/openid-configuration`,
        logoutUrl: '/session/end',
      }),

    login: (ctx, interaction, { login, problem }) => {
      const { csrfToken, loginAction, cancelAction } = formOf(interaction);
      allowFormTargets(ctx, interaction.redirectUri);
      draw(
        ctx,
        'login',
        {
          csrfToken,
          action: loginAction,
          cancelAction,
          client: clientView(interaction.client),
          login,
          problem,
          reauthentication: interaction.accountId !== undefined && ctx.query.switch === undefined,
        },
        interaction.params.ui_locales,
      );
    },

    consent: async (ctx, interaction, account) => {
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
        identityScopes: missing.scopes.filter((scope) => scope !== 'offline_access'),
        identityClaims: missing.claims,
        apis: await requestedApis(interaction),
        offlineAccess: missing.scopes.includes('offline_access'),
      };
      allowFormTargets(ctx, interaction.redirectUri);
      draw(ctx, 'consent', model, interaction.params.ui_locales);
    },

    selectAccount: (ctx, interaction, account) => {
      const { csrfToken, continueAction, switchAction, cancelAction } = formOf(interaction);
      allowFormTargets(ctx, interaction.redirectUri);
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
        },
        interaction.params.ui_locales,
      );
    },

    expired: (ctx) => {
      const client = knownClient(ctx.query.client_id);
      const initiate = optionalText(client?.metadata.initiate_login_uri);
      const startUri = initiate === undefined ? undefined : new URL(initiate);
      startUri?.searchParams.set('iss', issuer);
      ctx.status = 410;
      draw(ctx, 'expired', {
        reason: 'unknown',
        client: client === undefined ? undefined : clientView(client),
        startUri: startUri?.href,
      });
    },

    error: (ctx: KoaContextWithOIDC, out, error) => {
      const reference = createReference();
      const clientId = ctx.oidc?.client?.clientId;
      log.info(
        { reference, err: error, path: ctx.path, status: ctx.status, ...(clientId ? { clientId } : {}) },
        'protocol error page',
      );
      events.emit('protocol.error', {
        reference,
        error: out.error,
        path: ctx.path,
        ...(clientId === undefined ? {} : { clientId }),
      });
      const client = knownClient(clientId);
      draw(ctx as unknown as Koa.Context, 'error', {
        status: ctx.status,
        error: out.error,
        description: out.error_description,
        reference,
        client: client === undefined ? undefined : clientView(client),
      });
    },

    problem: (ctx, { error, error_description: description, reference }) =>
      draw(ctx, 'error', { status: ctx.status, error, description, reference }),

    logout: async (ctx, { action, xsrf }) => {
      const client = knownClient(ctx.oidc.client?.clientId);
      const account = await accounts.findBySub(String(ctx.oidc.session?.accountId ?? ''));
      const koa = ctx as unknown as Koa.Context;
      allowFormTargets(koa, optionalText(ctx.oidc.params?.post_logout_redirect_uri));
      draw(koa, 'logout', {
        action,
        xsrf,
        client: client === undefined ? undefined : clientView(client),
        account: account === undefined ? undefined : accountView(account),
      });
    },

    loggedOut: (ctx) => {
      const client = knownClient(ctx.oidc.client?.clientId);
      draw(ctx as unknown as Koa.Context, 'logged-out', {
        client: client === undefined ? undefined : clientView(client),
      });
    },
  };
  return pages;
}
