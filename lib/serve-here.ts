import cluster from 'node:cluster';
import type { Configuration } from '../config/configuration.ts';
import { AuthenticationRequests } from './authentication/authentication-requests.ts';
import { KnownBrowsers } from './authentication/known-browsers.ts';
import { MailLinks } from './authentication/mail-links.ts';
import { createPasskeyRegistration } from './authentication/passkeys/passkey-registration.ts';
import { createPasskeySignIn } from './authentication/passkeys/passkey-sign-in.ts';
import { createPasswordSignIn } from './authentication/passwords/password-sign-in.ts';
import { SecondFactors } from './authentication/second-factors/second-factors.ts';
import { AddressThrottle } from './authentication/throttling/address-throttle.ts';
import { ClientThrottle } from './authentication/throttling/client-throttle.ts';
import { MailLinkThrottle } from './authentication/throttling/mail-link-throttle.ts';
import { openThrottleCounters } from './authentication/throttling/open-throttle-counters.ts';
import { PollPace } from './authentication/throttling/poll-pace.ts';
import { UserCodeThrottle } from './authentication/throttling/user-code-throttle.ts';
import { RegistrationTokens } from './clients/registration-tokens.ts';
import { UnusedClients } from './clients/unused-clients.ts';
import { type App, createApp } from './http/app.ts';
import { adoptedRequestId } from './http/request-notes.ts';
import { securityHeaders } from './http/security-headers.ts';
import { comesFromProxy, TrustedProxies } from './http/transport/client-address.ts';
import { type RunningServer, startServer } from './http/transport/server.ts';
import { listenForManagement } from './listen-for-management.ts';
import { openMail } from './mail/mail.ts';
import { nameUnusableRegistrations } from './name-unusable-registrations.ts';
import { NotificationDelivery } from './notifications/notification-delivery.ts';
import { watchClockJumps } from './observability/clock-jumps.ts';
import type { Log } from './observability/log.ts';
import type { Metrics } from './observability/metrics.ts';
import { inProcess } from './observability/metrics-snapshot.ts';
import { RequestObserver } from './observability/request-observer.ts';
import { openTracing } from './observability/tracing.ts';
import { isWorkerOfOurs } from './processes/worker-link.ts';
import { openRooms, type Rooms } from './rooms.ts';
import type { Signals } from './signals.ts';
import { dataProblem, listenProblem } from './start-problems.ts';
import { openUpstreamSignIn } from './upstream/upstream-sign-in.ts';

async function listen(
  configuration: Configuration,
  options: Pick<Parameters<typeof startServer>[0], 'handle' | 'headers' | 'log' | 'observer'>,
): Promise<RunningServer> {
  const { host, port, tls } = configuration;
  const { certFile, keyFile } = tls;
  const { certificates, caFile } = configuration.features.mutualTls;
  const clientCertificates =
    certificates === 'tls' ? { ...(caFile === undefined ? {} : { caFile }) } : undefined;
  try {
    return await startServer({
      ...options,
      host,
      port,
      ...(certFile !== undefined && keyFile !== undefined
        ? { tls: { certFile, keyFile, ...(clientCertificates === undefined ? {} : { clientCertificates }) } }
        : {}),
    });
  } catch (error) {
    throw listenProblem(error, { prefix: '', host, port });
  }
}

/** How long (ms) a retiring worker leaves connections open that are idle; see StopOptions. */
const RETIREMENT_IDLE_MILLISECONDS = 5000;

/** Why this process stops serving. */
export type Ending = 'stop' | 'retire';

/** Puts the HTTP application together over the rooms; what it opens is closed with `running`. */
async function openApp(
  configuration: Configuration,
  log: Log,
  { rooms, running }: { rooms: Rooms; running: AsyncDisposableStack },
): Promise<{ app: App; unusedClients: UnusedClients }> {
  const counters = openThrottleCounters(rooms);
  const mail = openMail({ configuration, log });
  running.defer(() => mail.close());
  const unusedClients = new UnusedClients({
    ...rooms,
    lifetime: configuration.clientRegistration.unusedLifetime,
    endClient: (clientId) => rooms.grants.endClient(clientId),
  });
  running.defer(() => unusedClients.stop());
  const knownBrowsers = new KnownBrowsers({
    ...rooms,
    seconds: configuration.throttling.login.knownBrowser,
  });
  const app = await createApp({
    ...rooms,
    knownBrowsers,
    sealer: rooms.database.sealer,
    signIn: createPasswordSignIn({ ...rooms, knownBrowsers, counters, configuration }),
    passkeySignIn: createPasskeySignIn({ ...rooms, counters, configuration }),
    passkeyRegistration: createPasskeyRegistration({ ...rooms, configuration }),
    upstream: openUpstreamSignIn({ ...rooms, configuration }),
    registrationTokens: new RegistrationTokens(rooms.database),
    registrationThrottle: new AddressThrottle({
      ...rooms,
      counters,
      purpose: 'client-registration',
      limits: configuration.clientRegistration.limits,
    }),
    documentThrottle: new AddressThrottle({
      ...rooms,
      counters,
      purpose: 'client-documents',
      limits: configuration.clientDocuments.limits,
    }),
    unusedClients,
    clientThrottle: new ClientThrottle({ ...rooms, counters, configuration: configuration.throttling.token }),
    requests: new AuthenticationRequests(rooms.database),
    links: new MailLinks(rooms.database),
    linkThrottle: new MailLinkThrottle({ ...rooms, counters, configuration: configuration.throttling.mail }),
    mail,
    secondFactors: new SecondFactors({ ...rooms, judging: { ...rooms, counters } }),
    userCodes: new UserCodeThrottle({ ...rooms, counters, configuration: configuration.throttling.userCode }),
    polling: new PollPace({ ...rooms, counters }),
  });
  running.defer(() => app.close());
  return { app, unusedClients };
}

/**
 * Serves in this process until `ending` settles: alone, or as one of several workers. What was opened is closed top-down, also when the start fails.
 * @throws {ConfigurationError} when the start fails for what is configured
 */
export async function serveHere(
  configuration: Configuration,
  log: Log,
  options: {
    metrics: Metrics;
    ending: Promise<Ending>;
    onReload: Signals['onReload'];
    opened: (rooms: Rooms) => void;
    ready: (port: number) => void;
  },
): Promise<void> {
  const { metrics, ending, onReload, opened, ready } = options;
  await using running = new AsyncDisposableStack();
  const tracing = await openTracing();
  const rooms = await openRooms(configuration, log, { metrics, tracing });
  running.defer(() => rooms.close());
  opened(rooms);
  await rooms.keys.tryExternalKeys().catch((error: unknown) => {
    throw dataProblem(error, configuration);
  });
  const { app, unusedClients } = await openApp(configuration, log, { rooms, running });
  let isServing = false;
  let managementPort: number | undefined;
  // Workers leave it to their primary.
  if (!isWorkerOfOurs) {
    const management = await listenForManagement(rooms, {
      isServing: () => isServing,
      health: () => undefined,
      // Another program's workers share the port, and whoever asks has to tell them apart.
      metrics: () => inProcess(String(cluster.worker?.id ?? 1), metrics.snapshot()),
    });
    running.defer(() => management.stop());
    running.defer(watchClockJumps(log));
    managementPort = management.port;
  }
  const proxies = new TrustedProxies(configuration.trustedProxies);
  const handle: typeof app.handle =
    tracing === undefined
      ? app.handle
      : (request, response) =>
          tracing.request(request, response, { isTrusted: comesFromProxy(request, proxies) }, () =>
            app.handle(request, response),
          );
  const headers = securityHeaders(configuration.issuer);
  const observer = new RequestObserver({ metrics, log, adoptId: adoptedRequestId(proxies) });
  const server = await listen(configuration, { handle, headers, log, observer });
  let idleMilliseconds = 0;
  running.defer(() => server.stop({ idleMilliseconds }));
  rooms.keys.start();
  const delivery = new NotificationDelivery({
    ...rooms,
    deliver: app.deliveries,
    settings: configuration.notifications,
  });
  running.defer(() => delivery.stop());
  delivery.start();
  rooms.grants.startSweeping();
  app.start();
  unusedClients.start();
  // Workers leave it to their primary.
  const named = isWorkerOfOurs ? undefined : nameUnusableRegistrations(rooms);
  running.defer(async () => named);
  isServing = true;
  log.info({ issuer: configuration.issuer, port: server.port, managementPort }, 'listening');
  ready(server.port);
  onReload(() => {
    log.info('SIGHUP: one process cannot be replaced while it serves; the TLS certificate is read again');
    server.reloadCertificate();
  });
  if ((await ending) === 'retire') idleMilliseconds = RETIREMENT_IDLE_MILLISECONDS;
  isServing = false;
  log.info('stopping');
}
