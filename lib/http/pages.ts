import type Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import { type Account, type AccountAdapter, AccountsUnavailable } from '../accounts/account-adapter.ts';
import type { Apis } from '../clients/apis.ts';
import type { Clients, StoredClient } from '../clients/clients.ts';
import { DatabaseUnavailable } from '../database/database-unavailable.ts';
import type { InteractionPages } from '../interactions/interaction-pages.ts';
import type { Events } from '../observability/events.ts';
import { type Log, pathWithoutIdentifiers } from '../observability/log.ts';
import type { KoaContextWithOIDC } from '../provider/engine-context.ts';
import type { EnginePages } from '../provider/features.ts';
import type { PendingInteraction } from '../provider/interaction.ts';
import { interactionUrl } from '../provider/interaction-url.ts';
import { createReference } from './error-reference.ts';
import type { FormTokens } from './form-protection.ts';
import { pagePolicy } from './form-targets.ts';
import { chooseLocale } from './locale.ts';
import type { Renderer } from './render.ts';
import { noteError } from './request-notes.ts';
import type {
  AccountView,
  ClientView,
  ConsentApi,
  ExpiredView,
  PageName,
  ViewModels,
} from './view-models.ts';

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

/** Signing out must work while the user base is down; the page then does not name the person. */
function withoutAccount(error: unknown): undefined {
  if (!(error instanceof AccountsUnavailable)) throw error;
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
    options: { uiLocales?: unknown; formsLeadTo?: string | undefined } = {},
  ): void {
    const locale = chooseLocale(
      optionalText(options.uiLocales) ?? optionalText(ctx.query.ui_locales),
      ctx.get('Accept-Language'),
      renderer.locales,
    );
    ctx.set('Content-Security-Policy', pagePolicy(options.formsLeadTo));
    ctx.set('Cache-Control', 'no-store');
    ctx.set('Content-Language', locale);
    ctx.vary('Accept-Language');
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = renderer.render(page, model, { locale });
  }

  /** What the page says of the application; a page can be drawn without. */
  async function knownClient(clientId: unknown): Promise<StoredClient | undefined> {
    if (typeof clientId !== 'string' || clientId === '') return undefined;
    try {
      return await clients.find(clientId);
    } catch (error) {
      if (error instanceof DatabaseUnavailable) return undefined;
      throw error;
    }
  }

  function formOf(interaction: PendingInteraction) {
    const { uid, client } = interaction;
    return {
      csrfToken: forms.tokenFor(uid),
      loginAction: interactionUrl(uid, client.clientId, 'login'),
      approveAction: interactionUrl(uid, client.clientId, 'consent'),
      continueAction: interactionUrl(uid, client.clientId, 'select'),
      switchAction: interactionUrl(uid, client.clientId, 'switch'),
      cancelAction: interactionUrl(uid, client.clientId, 'cancel'),
    };
  }

  function optionsOf({ redirectUri, params }: PendingInteraction) {
    return { uiLocales: params.ui_locales, formsLeadTo: redirectUri };
  }

  async function drawExpired(
    ctx: Koa.Context,
    reason: ExpiredView['reason'],
    clientId: unknown,
  ): Promise<void> {
    const client = await knownClient(clientId);
    const initiate = optionalText(client?.metadata.initiate_login_uri);
    const startUri = initiate === undefined ? undefined : new URL(initiate);
    startUri?.searchParams.set('iss', issuer);
    ctx.status = 410;
    draw(ctx, 'expired', {
      reason,
      client: client === undefined ? undefined : clientView(client),
      startUri: startUri?.href,
    });
  }

  async function requestedApis(interaction: PendingInteraction): Promise<ConsentApi[]> {
    const asked = Object.entries(interaction.missing.resourceScopes);
    return Promise.all(
      asked.map(async ([identifier, scopes]) => {
        const api = await apis.find(identifier);
        return {
          name: api?.name ?? identifier,
          scopes: scopes.map((name) => ({ name, description: api?.scopeDescriptions[name] })),
        };
      }),
    );
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
        optionsOf(interaction),
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
        identityScopes: missing.scopes.filter((scope) => scope !== 'offline_access'),
        identityClaims: missing.claims,
        apis: await requestedApis(interaction),
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
          formRejected: state?.formRejected,
        },
        optionsOf(interaction),
      );
    },

    expired: (ctx, reason) => drawExpired(ctx, reason, ctx.query.client_id),

    interrupted: (ctx: Koa.Context & Partial<KoaContextWithOIDC>) =>
      drawExpired(ctx, 'completed', ctx.oidc?.entities.Interaction?.params.client_id ?? ctx.query.client_id),

    error: async (ctx: KoaContextWithOIDC, out, error) => {
      const reference = createReference();
      noteError(ctx.req, out.error);
      const clientId = ctx.oidc?.client?.clientId;
      const line = {
        reference,
        err: error,
        path: ctx.path,
        status: ctx.status,
        ...(clientId ? { clientId } : {}),
      };
      log[ctx.status >= 500 ? 'error' : 'info'](line, 'protocol error page');
      events.emit('protocol.error', {
        reference,
        error: out.error,
        path: pathWithoutIdentifiers(ctx.path),
        ...(clientId === undefined ? {} : { clientId }),
      });
      const client = await knownClient(clientId);
      draw(ctx as unknown as Koa.Context, 'error', {
        status: ctx.status,
        error: out.error,
        description: out.error_description,
        reference,
        client: client === undefined ? undefined : clientView(client),
      });
    },

    problem: (ctx, { error, error_description: description, reference }) => {
      noteError(ctx.req, error);
      draw(ctx, 'error', { status: ctx.status, error, description, reference });
    },

    logout: async (ctx, { action, xsrf }) => {
      const client = await knownClient(ctx.oidc.client?.clientId);
      const account = await accounts
        .findBySub(String(ctx.oidc.session?.accountId ?? ''))
        .catch(withoutAccount);
      draw(
        ctx as unknown as Koa.Context,
        'logout',
        {
          action,
          xsrf,
          client: client === undefined ? undefined : clientView(client),
          account: account === undefined ? undefined : accountView(account),
        },
        { formsLeadTo: optionalText(ctx.oidc.params?.post_logout_redirect_uri) },
      );
    },

    loggedOut: async (ctx) => {
      const client = await knownClient(ctx.oidc.client?.clientId);
      draw(ctx as unknown as Koa.Context, 'logged-out', {
        client: client === undefined ? undefined : clientView(client),
      });
    },
  };
  return pages;
}
