import type Koa from 'koa';
import type { Configuration } from '../../../config/configuration.ts';
import { type AccountAdapter, AccountsUnavailable } from '../../accounts/account-adapter.ts';
import { registrationIsOpen } from '../../accounts/registration-is-open.ts';
import type { Apis } from '../../clients/apis.ts';
import type { Clients, StoredClient } from '../../clients/clients.ts';
import { DatabaseUnavailable } from '../../database/database-unavailable.ts';
import type { Sealer } from '../../database/sealer.ts';
import type { InteractionPages } from '../../interactions/interaction-pages.ts';
import type { MailLinkPages } from '../../interactions/mail-link-pages.ts';
import type { PendingIdentities } from '../../interactions/pending-identity.ts';
import type { SecondStepPages } from '../../interactions/second-step-pages.ts';
import type { UpstreamPages } from '../../interactions/upstream-pages.ts';
import type { Events } from '../../observability/events.ts';
import { type Log, pathWithoutIdentifiers } from '../../observability/log.ts';
import type { KoaContextWithOIDC } from '../../provider/engine/engine-context.ts';
import { reportProtocolError } from '../../provider/errors/protocol-errors.ts';
import type { EnginePages } from '../../provider/features.ts';
import type { AccountPages } from '../../self-service/account-pages.ts';
import type { UpstreamSignIn } from '../../upstream/upstream-sign-in.ts';
import type { FormTokens } from '../form-protection.ts';
import { noteError } from '../request-notes.ts';
import { createAccountPages } from './account-pages.ts';
import { createDevicePages } from './device-pages.ts';
import { createDraw } from './draw-page.ts';
import { createFrontChannelPage } from './front-channel-page.ts';
import { createMailLinkPages, startUriOf } from './mail-link-pages.ts';
import type { PageLanguage } from './page-language.ts';
import { accountView, clientView } from './record-views.ts';
import type { Renderer } from './render.ts';
import { createSecondStepPages } from './second-step-pages.ts';
import { createSignInPages } from './sign-in-pages.ts';
import { createUpstreamPages, upstreamSignOut } from './upstream-pages.ts';
import type { AccountView, ConsentApi, ContinueView, ExpiredView, LoggedOutView } from './view-models.ts';

/** Every page that the application draws. */
export interface Pages extends EnginePages, InteractionPages, MailLinkPages, SecondStepPages, UpstreamPages {
  home(ctx: Koa.Context): void;
  /** A signed-in person's own. */
  account: AccountPages;
  /** Has the browser send once more, from here, a form that came from elsewhere. */
  resend(ctx: Koa.Context, form: ContinueView): void;
  /** Any other failure; the caller has set the status. */
  problem(
    ctx: Koa.Context,
    problem: { error: string; error_description?: string; reference?: string | undefined },
  ): void;
}

const optionalText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Signing out must work while the user base is down; the page then does not name the person. */
function withoutAccount(error: unknown): undefined {
  if (!(error instanceof AccountsUnavailable)) throw error;
}

/** Builds the pages: fills each view model from what the rooms know and renders it in the person's language. */
export function createPages(options: {
  configuration: Configuration;
  renderer: Renderer;
  language: PageLanguage;
  forms: FormTokens;
  accounts: AccountAdapter;
  clients: Clients;
  apis: Apis;
  upstream: UpstreamSignIn | undefined;
  pendingIdentities: PendingIdentities | undefined;
  sealer: Sealer;
  events: Events;
  log: Log;
}): Pages {
  const { configuration, renderer, language, forms, accounts, clients, apis, upstream, events, log } =
    options;
  const { issuer } = configuration;
  const isOpen = registrationIsOpen(configuration, accounts);

  const draw = createDraw({ branding: configuration.branding, renderer, language, forms });

  async function accountOf(accountId: string | undefined): Promise<AccountView | undefined> {
    const account =
      accountId === undefined ? undefined : await accounts.findBySub(accountId).catch(withoutAccount);
    return account === undefined ? undefined : accountView(account);
  }

  const stayed = async (accountId: string | undefined): Promise<LoggedOutView['stayed']> =>
    accountId === undefined ? undefined : { account: await accountOf(accountId), accountUrl: '/account' };

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

  async function drawExpired(
    ctx: Koa.Context,
    reason: ExpiredView['reason'],
    clientId: unknown,
  ): Promise<void> {
    const client = await knownClient(clientId);
    ctx.status = 410;
    draw(ctx, 'expired', {
      reason,
      client: client === undefined ? undefined : clientView(client),
      startUri: startUriOf(client, issuer),
    });
  }

  async function requestedApis(scopesOf: Record<string, string[]>): Promise<ConsentApi[]> {
    return Promise.all(
      Object.entries(scopesOf).map(async ([identifier, scopes]) => {
        const api = await apis.find(identifier);
        return {
          name: api?.name ?? identifier,
          scopes: scopes.map((name) => ({ name, description: api?.scopeDescriptions[name] })),
        };
      }),
    );
  }

  const pages: Pages = {
    locales: renderer.locales,

    ...createMailLinkPages({ configuration, forms, accounts, draw, knownClient }),

    ...createSecondStepPages({ configuration, forms, draw }),

    ...createUpstreamPages({ forms, draw, upstream, isOpen }),

    frontChannelLogout: createFrontChannelPage({ draw, knownClient, stayed }),

    account: createAccountPages({
      configuration,
      accounts,
      forms,
      locales: renderer.locales,
      draw,
      knownClient,
      requestedApis,
    }),

    device: createDevicePages({ draw, knownClient, accounts, apis, requestedApis }),

    home: (ctx) =>
      draw(ctx, 'home', {
        issuer,
        discoveryUrl: `${issuer}/.well-known/openid-configuration`,
        accountUrl: '/account',
        logoutUrl: '/session/end',
      }),

    ...createSignInPages({ ...options, draw, isOpen, requestedApis }),

    expired: (ctx, reason) => drawExpired(ctx, reason, ctx.query.client_id),

    interrupted: (ctx: Koa.Context & Partial<KoaContextWithOIDC>) =>
      drawExpired(ctx, 'completed', ctx.oidc?.entities.Interaction?.params.client_id ?? ctx.query.client_id),

    error: async (ctx: KoaContextWithOIDC, out, error) => {
      noteError(ctx.req, out.error);
      const reference = reportProtocolError(log, ctx, error, ctx.status);
      const clientId = ctx.oidc?.client?.clientId;
      events.emit('protocol.error', {
        ...(reference === undefined ? {} : { reference }),
        error: out.error,
        path: pathWithoutIdentifiers(ctx.path),
        ...(clientId === undefined ? {} : { clientId }),
      });
      const client = await knownClient(clientId);
      const model = {
        status: ctx.status,
        error: out.error,
        description: out.error_description,
        reference,
        client: client === undefined ? undefined : clientView(client),
      };
      draw(ctx as unknown as Koa.Context, 'error', model, { uiLocales: ctx.oidc?.params?.ui_locales });
    },

    resend: (ctx, { action, fields }) => {
      const fieldNamed = (name: string) => fields.find(([field]) => field === name)?.[1];
      // Unchecked, it widens the policy by a scheme at most. A signed request names its address inside.
      const target =
        fieldNamed('redirect_uri') ?? fieldNamed('post_logout_redirect_uri') ?? 'https://elsewhere.invalid/';
      draw(ctx, 'continue', { action, fields }, { uiLocales: fieldNamed('ui_locales'), formsLeadTo: target });
    },

    problem: (ctx, { error, error_description: description, reference }) => {
      noteError(ctx.req, error);
      draw(ctx, 'error', { status: ctx.status, error, description, reference });
    },

    logout: async (ctx, { action, xsrf, isRejected }) => {
      if (isRejected) noteError(ctx.req, 'form_rejected');
      const client = await knownClient(ctx.oidc.client?.clientId);
      const account = await accountOf(ctx.oidc.session?.accountId);
      draw(
        ctx as unknown as Koa.Context,
        'logout',
        {
          action,
          xsrf,
          client: client === undefined ? undefined : clientView(client),
          account,
          problem: isRejected ? { kind: 'form-rejected' } : undefined,
        },
        {
          uiLocales: ctx.oidc.params?.ui_locales,
          formsLeadTo: [
            optionalText(ctx.oidc.params?.post_logout_redirect_uri) ?? '',
            ...(upstream?.issuers ?? []),
          ],
        },
      );
    },

    loggedOut: async (ctx, { stillSignedIn }) => {
      const client = await knownClient(ctx.oidc.client?.clientId);
      draw(ctx as unknown as Koa.Context, 'logged-out', {
        client: client === undefined ? undefined : clientView(client),
        stayed: await stayed(stillSignedIn),
        upstream:
          stillSignedIn === undefined ? upstreamSignOut(options, ctx as unknown as Koa.Context) : undefined,
      });
    },
  };
  return pages;
}
