import type Koa from 'koa';
import type { Configuration } from '../../../config/configuration.ts';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import { relyingParty } from '../../authentication/passkeys/passkey-party.ts';
import type { StoredClient } from '../../clients/clients.ts';
import { linkFormPurpose } from '../../interactions/mail-link-rooms.ts';
import {
  type AccountPageModels,
  type AccountPages,
  type AccountProblem,
  accountFormPurpose,
} from '../../self-service/account-pages.ts';
import type { SignedInPerson } from '../../self-service/signed-in-person.ts';
import type { FormTokens } from '../form-protection.ts';
import type { AccountFrame } from './account-views.ts';
import type { Draw } from './draw-page.ts';
import { accountView, clientView } from './record-views.ts';
import { twoStepViews } from './two-step-pages.ts';
import type { ClientView, ConsentApi, ViewModels } from './view-models.ts';

/** What a page can say that it has been done; anything else in the address is not repeated. */
const DONE = new Set([
  'saved',
  'password-changed',
  'passkey-added',
  'passkey-renamed',
  'passkey-removed',
  'identity-linked',
  'identity-unlinked',
  'two-step-added',
  'two-step-present',
  'two-step-removed',
  'device-forgotten',
  'email-change-asked',
  'verification-sent',
  'session-ended',
  'sessions-ended',
  'application-removed',
  'request-confirmed',
  'request-refused',
  'request-gone',
]);

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** A session's pages: what the rooms know, in the view models of the templates. */
export function createAccountPages(options: {
  configuration: Configuration;
  accounts: AccountAdapter;
  forms: FormTokens;
  locales: readonly string[];
  draw: Draw;
  knownClient(clientId: unknown): Promise<StoredClient | undefined>;
  requestedApis(scopesOf: Record<string, string[]>): Promise<ConsentApi[]>;
}): AccountPages {
  const { configuration, accounts, forms, locales, draw, knownClient, requestedApis } = options;
  const isManagedHere = accounts.directory !== undefined;
  const sections = [
    ['overview', '/account'],
    ['profile', '/account/profile'],
    ...(isManagedHere
      ? [
          ['email', '/account/email'],
          ['password', '/account/password'],
        ]
      : []),
    ...(relyingParty(configuration) === undefined ? [] : [['passkeys', '/account/passkeys']]),
    ...(Object.keys(configuration.upstream.providers).length === 0
      ? []
      : [['identities', '/account/identities']]),
    ['two-step', '/account/two-step'],
    ['sessions', '/account/sessions'],
    ['applications', '/account/applications'],
    ...(configuration.features.ciba.enabled ? [['requests', '/account/requests']] : []),
    ['activity', '/account/activity'],
    ['data', '/account/data'],
  ].map(([name = '', url = '']) => ({ name, url }));

  function frameOf(
    ctx: Koa.Context,
    { account, sessionUid }: SignedInPerson,
    section: string,
    problem: AccountProblem | undefined,
  ): AccountFrame {
    const { done } = ctx.query;
    return {
      csrfToken: forms.tokenFor(accountFormPurpose(sessionUid)),
      account: accountView(account),
      zone: text(account.claims.zoneinfo),
      section,
      sections,
      done: typeof done === 'string' && DONE.has(done) && problem === undefined ? done : undefined,
      problem:
        problem?.kind === 'assurance' ? { ...problem, client: clientView(problem.client).name } : problem,
    };
  }

  const clientName = async (clientId: string): Promise<string> => {
    const client = await knownClient(clientId);
    return client === undefined ? clientId : clientView(client).name;
  };

  const views: {
    [Page in keyof AccountPageModels]: (
      model: AccountPageModels[Page],
      person: SignedInPerson,
    ) => Promise<Omit<ViewModels[Page], keyof AccountFrame>>;
  } = {
    account: async (_model, { account: { claims } }) => ({
      email: text(claims.email),
      emailVerified: claims.email_verified === true,
      homeUrl: '/',
      logoutUrl: '/session/end',
    }),

    'account-profile': async ({ values }) => ({
      fields: Object.entries(values).map(([claim, value]) => ({
        claim,
        value,
        options:
          claim === 'locale' ? [...new Set([...locales, ...(value === '' ? [] : [value])])] : undefined,
      })),
      readOnly: !isManagedHere,
    }),

    'account-password': async ({ asksCurrent }) => ({
      asksCurrent,
      minimumLength: configuration.passwords.minimumLength,
    }),

    'account-passkeys': async ({ passkeys, signals }) => ({
      passkeys: passkeys.map(({ id, name, createdAt, lastUsedAt, copySuspectedAt, backedUp }) => ({
        id,
        name,
        createdAt,
        usedAt: lastUsedAt,
        copySuspectedAt,
        backedUp,
      })),
      addAction: '/account/passkeys/add',
      optionsUrl: '/account/passkeys/options',
      renameAction: '/account/passkeys/rename',
      removeAction: '/account/passkeys/remove',
      signals: JSON.stringify(signals),
    }),

    'account-identities': async ({ identities, providers }) => ({
      identities: identities.map(({ id, provider, label, createdAt, lastUsedAt }) => ({
        id,
        provider,
        label,
        createdAt,
        usedAt: lastUsedAt,
      })),
      providers,
      connectAction: '/account/identities/connect',
      unlinkAction: '/account/identities/unlink',
    }),

    ...twoStepViews,

    'account-email': async ({ typed, allowedDomains }, { account: { claims } }) => ({
      email: text(claims.email),
      verified: claims.email_verified === true,
      typed,
      allowedDomains,
    }),

    'account-sessions': async ({ sessions }) => ({ sessions }),

    'account-applications': async ({ applications }) => ({
      applications: await Promise.all(
        applications.map(async ({ clientId, identityScopes, apiScopes, since, usedAt }) => {
          const client = await knownClient(clientId);
          const { name, uri, translations }: ClientView =
            client === undefined ? { name: clientId } : clientView(client);
          return {
            clientId,
            name,
            uri,
            translations,
            since,
            usedAt,
            identityScopes: identityScopes.filter((scope) => scope !== 'offline_access'),
            apis: await requestedApis(apiScopes),
            offlineAccess: identityScopes.includes('offline_access'),
          };
        }),
      ),
    }),

    'account-requests': async ({ requests }) => ({
      requests: await Promise.all(
        requests.map(async ({ client, apiScopes, ...request }) => ({
          ...request,
          client: clientView(client),
          apis: await requestedApis(apiScopes),
        })),
      ),
    }),

    'account-activity': async ({ entries }) => ({
      entries: await Promise.all(
        entries.map(async ({ at, kind, userAgent, address, clientId }) => ({
          at,
          kind,
          userAgent,
          address,
          application: clientId === undefined ? undefined : await clientName(clientId),
        })),
      ),
    }),

    'account-data': async () => ({
      exportUrl: '/account/data/export',
      deleteUrl: isManagedHere ? '/account/delete' : undefined,
    }),

    'account-delete': async ({ days }) => ({ days }),
  };

  const SECTION_OF: Partial<Record<keyof AccountPageModels, string>> = {
    account: 'overview',
    'account-delete': 'data',
    'account-two-step-app': 'two-step',
    'account-recovery-codes': 'two-step',
  };

  return {
    async draw(ctx, page, person, model, problem) {
      const { issuers } = model as { issuers?: string[] };
      const section = SECTION_OF[page] ?? page.slice('account-'.length);
      const frame = frameOf(ctx, person, section, problem);
      const view = { ...frame, ...(await views[page](model, person)) } as unknown as ViewModels[typeof page];
      draw(ctx, page, view, { accountLocale: person.account.claims.locale, formsLeadTo: issuers });
    },

    confirmEmail: (ctx, { action, secret, email, login, problem }) =>
      draw(ctx, 'account-email-confirm', {
        csrfToken: forms.tokenFor(linkFormPurpose(secret)),
        action,
        link: secret,
        email,
        login,
        problem,
      }),
  };
}
