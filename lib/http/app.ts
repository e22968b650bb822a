/**
 * The Koa application: its middleware as one visible list. This room owns what surrounds every answer (headers, error
 * boundary, form protection, rendering) and the end of each request's unit of work; it refuses cross-site forms, requests
 * in the clear under an https issuer (but for the documents that are published), and bodies over 56 KiB. It answers for RFC 9110 status codes, RFC 6797, CSP 3.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { bodyParser } from '@koa/bodyparser';
import Koa from 'koa';
import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { AuthenticationRequests } from '../authentication/authentication-requests.ts';
import type { KnownBrowsers } from '../authentication/known-browsers.ts';
import type { MailLinks } from '../authentication/mail-links.ts';
import type { PasskeyRegistration } from '../authentication/passkeys/passkey-registration.ts';
import type { PasskeySignIn } from '../authentication/passkeys/passkey-sign-in.ts';
import type { PasswordSignIn } from '../authentication/passwords/password-sign-in.ts';
import type { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { AddressThrottle } from '../authentication/throttling/address-throttle.ts';
import type { ClientThrottle } from '../authentication/throttling/client-throttle.ts';
import type { MailLinkThrottle } from '../authentication/throttling/mail-link-throttle.ts';
import type { PollPace } from '../authentication/throttling/poll-pace.ts';
import type { UserCodeThrottle } from '../authentication/throttling/user-code-throttle.ts';
import type { Apis } from '../clients/apis.ts';
import type { ClientDocuments } from '../clients/client-documents.ts';
import type { Clients } from '../clients/clients.ts';
import type { RegistrationTokens } from '../clients/registration-tokens.ts';
import type { UnusedClients } from '../clients/unused-clients.ts';
import type { Database } from '../database/database.ts';
import type { Sealer } from '../database/sealer.ts';
import type { Grants } from '../grants/grants.ts';
import { interactionRoutes } from '../interactions/interactions.ts';
import { isMailLinkPath } from '../interactions/mail-link-routes.ts';
import { PendingIdentities } from '../interactions/pending-identity.ts';
import { isUpstreamPath } from '../interactions/upstream-routes.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Mail } from '../mail/mail.ts';
import type { Deliver } from '../notifications/notification-delivery.ts';
import type { Notifications } from '../notifications/notifications.ts';
import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import { noteOf } from '../observability/request-note.ts';
import type { SafeFetch } from '../outbound/safe-fetch.ts';
import { countClientFailures } from '../provider/client-authentication/client-throttling.ts';
import { cookieNames } from '../provider/cookies.ts';
import { createAuthenticationRequestDesk } from '../provider/devices/authentication-request-desk.ts';
import { MAIL_NOTICE } from '../provider/devices/ciba.ts';
import { deviceAddresses } from '../provider/devices/device-flow.ts';
import { pacePolling } from '../provider/devices/polling.ts';
import { shareEngineContextProperty } from '../provider/engine/engine-context-property.ts';
import { fixOrigin } from '../provider/origin.ts';
import { createProviderHost } from '../provider/provider.ts';
import { REGISTRATION_PATH, registrationEndpoint } from '../provider/registration/registration-endpoint.ts';
import { settleRequest } from '../provider/settlement.ts';
import { withAccountClient } from '../provider/sign-in/account-client.ts';
import { createSessionDesk } from '../provider/sign-in/browser-session.ts';
import { createInteractionDesk } from '../provider/sign-in/interaction.ts';
import { AccountActivity } from '../self-service/account-activity.ts';
import { AccountDeletions } from '../self-service/account-deletions.ts';
import { createAccountSignIn } from '../self-service/account-sign-in.ts';
import { isAccountPath, selfServiceRoutes } from '../self-service/self-service.ts';
import type { UpstreamSignIn } from '../upstream/upstream-sign-in.ts';
import { withEngineForms } from './engine-forms.ts';
import { withErrorBoundary } from './error-boundary.ts';
import { FormTokens } from './form-protection.ts';
import { withLanguageSwitch } from './language-switch.ts';
import { withCheckSession } from './pages/check-session-page.ts';
import { mailRequests } from './pages/mail-requests.ts';
import { createMailTexts } from './pages/mail-texts.ts';
import { openViews } from './pages/open-views.ts';
import { createPageLanguage, LANGUAGE_PATH } from './pages/page-language.ts';
import { createPages } from './pages/pages.ts';
import { answerPlainRequests, tellFailure } from './plain-answers.ts';
import { withPostedRequests } from './posted-requests.ts';
import { publishedDocumentHandler } from './published.ts';
import { withRequestNotes } from './request-notes.ts';
import { securityHeaders, withSecurityHeaders } from './security-headers.ts';
import { withStartLogin } from './start-login.ts';
import { withStaticAssets } from './static-routes.ts';
import { TrustedProxies, tellClientAddress } from './transport/client-address.ts';
import { tellClientCertificate } from './transport/client-certificate.ts';
import { originForm } from './transport/origin-form.ts';
import { withTransport } from './transport/transport.ts';
import { withUnknownPaths } from './unknown-paths.ts';

/** Everything the application is built on. */
export interface AppRooms {
  configuration: Configuration;
  database: Database;
  sealer: Sealer;
  pairwiseKey: Buffer;
  accounts: AccountAdapter;
  signIn: PasswordSignIn;
  passkeySignIn: PasskeySignIn | undefined;
  passkeyRegistration: PasskeyRegistration | undefined;
  /** Undefined while no other provider is configured. */
  upstream: UpstreamSignIn | undefined;
  clientThrottle: ClientThrottle;
  links: MailLinks;
  linkThrottle: MailLinkThrottle;
  mail: Mail;
  userCodes: UserCodeThrottle;
  secondFactors: SecondFactors;
  knownBrowsers: KnownBrowsers;
  polling: PollPace;
  clients: Clients;
  registrationTokens: RegistrationTokens;
  registrationThrottle: AddressThrottle;
  clientDocuments: ClientDocuments;
  documentThrottle: AddressThrottle;
  unusedClients: UnusedClients;
  apis: Apis;
  grants: Grants;
  keys: SigningKeys;
  safeFetch: SafeFetch;
  notifications: Notifications;
  /** Sign-ins that wait for a person's answer. */
  requests: AuthenticationRequests;
  events: Events;
  log: Log;
}

/** The application, ready to be listened with. */
export interface App {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** How each kind of notice is delivered. */
  readonly deliveries: ReadonlyMap<string, Deliver>;
  /** Begins what is done from time to time. */
  start(): void;
  /** Ends it, and writes what waits. */
  close(): Promise<void>;
}

/** The same limit as the engine's own for its endpoints. */
const FORM_LIMIT = '56kb';
/** What the directory of applications takes (lib/clients). */
const REGISTRATION_LIMIT = '64kb';

/**
 * Builds the application.
 * @throws {ConfigurationError} when a template of the operator's cannot be used
 */
export async function createApp(given: AppRooms): Promise<App> {
  const rooms = { ...given, clients: withAccountClient(given.clients, given.configuration) };
  const { configuration, sealer, grants, log } = rooms;
  const { issuer, branding } = configuration;
  const { assets, renderer } = openViews(configuration);
  const language = createPageLanguage(issuer, renderer.locales);
  const forms = new FormTokens(sealer.derive('form-protection'), issuer);
  const mailTexts = createMailTexts({ branding, language, renderer });
  const { upstream } = rooms;
  const pendingIdentities =
    upstream === undefined ? undefined : new PendingIdentities({ ...rooms, issuer, upstream, mailTexts });
  const pages = createPages({ ...rooms, renderer, language, forms, pendingIdentities });
  const host = await createProviderHost(rooms, pages);
  const desk = createInteractionDesk(host, rooms);
  const headers = securityHeaders(issuer);

  const proxies = new TrustedProxies(configuration.trustedProxies);
  const withContexts = (koa: Koa): Koa => {
    fixOrigin(koa, issuer);
    shareEngineContextProperty(koa);
    tellClientAddress(koa, proxies);
    tellClientCertificate(koa, configuration.features.mutualTls, proxies);
    return koa;
  };
  const app = withContexts(new Koa());
  app.silent = true;

  const unitOfWork: Koa.Middleware = (ctx, next) =>
    grants.inUnitOfWork(async () => {
      await next();
      await settleRequest(ctx, grants, pages, cookieNames(issuer).session, log);
    }, noteOf(ctx.req));
  const home: Koa.Middleware = (ctx, next) =>
    ctx.path === '/' && (ctx.method === 'GET' || ctx.method === 'HEAD') ? pages.home(ctx) : next();
  const readForm = bodyParser({ enableTypes: ['form'], formLimit: FORM_LIMIT });
  const readJson = bodyParser({ enableTypes: ['json'], jsonLimit: REGISTRATION_LIMIT });
  const registration = registrationEndpoint(rooms);
  const route = interactionRoutes({ ...rooms, desk, pages, forms, mailTexts, pendingIdentities });
  const interactions: Koa.Middleware = (ctx, next) => readForm(ctx, () => route(ctx, next) as Promise<void>);

  const activity = new AccountActivity(rooms);
  rooms.signIn.onWrongPassword((login, address) => activity.noteFailedLogin(login, address));
  const deletions = new AccountDeletions({ ...rooms, mailTexts });
  const ownPages = selfServiceRoutes({
    ...rooms,
    activity,
    deletions,
    forms,
    mailTexts,
    pages: { ...pages, ...pages.account },
    sessions: createSessionDesk(host, rooms),
    authenticationRequests: configuration.features.ciba.enabled
      ? createAuthenticationRequestDesk(host, rooms)
      : undefined,
    accountSignIn: createAccountSignIn({ issuer, key: sealer.derive('account-sign-in') }),
  });

  app.use(withSecurityHeaders(headers));
  app.use(withRequestNotes);
  app.use(withErrorBoundary(pages, log));
  app.use(tellFailure);
  app.use(withTransport(issuer, proxies, { pages, log }));
  app.use(withStaticAssets(assets));
  app.use(withUnknownPaths(pages));
  if (configuration.features.sessionManagement) app.use(withCheckSession(issuer, assets));
  app.use(withStartLogin({ ...rooms, issuer, pages }));
  app.use(withPostedRequests(pages));
  app.use(home);
  const changeLanguage = withLanguageSwitch({ issuer, forms, language, pages });
  app.use((ctx, next) =>
    ctx.path === LANGUAGE_PATH ? readForm(ctx, () => changeLanguage(ctx, next) as Promise<void>) : next(),
  );
  app.use(unitOfWork);
  app.use((ctx, next) =>
    ctx.path.startsWith('/interaction/') || isMailLinkPath(ctx.path) || isUpstreamPath(ctx.path)
      ? interactions(ctx, next)
      : next(),
  );
  app.use((ctx, next) =>
    isAccountPath(ctx.path) ? readForm(ctx, () => ownPages(ctx, next) as Promise<void>) : next(),
  );
  app.use((ctx, next) =>
    ctx.path === REGISTRATION_PATH || ctx.path.startsWith(`${REGISTRATION_PATH}/`)
      ? readJson(ctx, () => registration(ctx, next) as Promise<void>)
      : next(),
  );
  app.use(withEngineForms);
  app.use(countClientFailures(rooms.clientThrottle));
  app.use(deviceAddresses);
  app.use(pacePolling(rooms.polling));
  app.use((ctx, next) => host.current().handle(ctx, next));

  const answerFromMemory = publishedDocumentHandler(host, headers, configuration.keys.jwksMaxAge);
  const answer = answerPlainRequests(app.callback(), {
    ...{ contexts: withContexts(new Koa()), host, grants, issuer, proxies, headers },
  });
  return {
    handle: (request, response) => {
      request.url = originForm(request.url ?? '/');
      if (!answerFromMemory(request, response)) answer(request, response);
    },
    deliveries: new Map([...host.deliveries, [MAIL_NOTICE, mailRequests({ ...rooms, mailTexts })]]),
    start: () => deletions.start(),
    close: async () => {
      await deletions.stop();
      await activity.close();
      host.close();
    },
  };
}
