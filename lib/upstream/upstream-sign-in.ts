/**
 * Sign-in at other OpenID providers: who is asked, what their answers are worth, and whom they name here. This room refuses
 * an answer that this browser did not ask for, that was used, that another provider gave or that is not signed; it links
 * nobody by an address, only by proof. It answers for OpenID Connect Core §3.1 and Back-Channel Logout as a relying party,
 * RFC 7636, RFC 9207 and RFC 9700 §2.1 and §4.4.
 */
import type { Configuration } from '../../config/configuration.ts';
import type { UpstreamProviderSettings } from '../../config/upstream-settings.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { Database } from '../database/database.ts';
import type { Grants, UpstreamSession } from '../grants/grants.ts';
import type { Log } from '../observability/log.ts';
import type { SafeFetch } from '../outbound/safe-fetch.ts';
import { isEmailOfSomebody } from './email-owners.ts';
import { labelFor, methodsOf } from './mapped-person.ts';
import { type Admission, admit } from './upstream-admission.ts';
import { type BegunAttempt, type UpstreamAttempt, UpstreamAttempts } from './upstream-attempts.ts';
import { UpstreamClient, type UpstreamFailure } from './upstream-client.ts';
import { type LinkOutcome, UpstreamIdentities, type UpstreamIdentity } from './upstream-identities.ts';
import { type LogoutOutcome, UpstreamLogout } from './upstream-logout.ts';

/** How much (s) clocks may be apart when a sign-in must be new. */
const FRESHNESS_TOLERANCE = 60;

/** Somebody whom another provider has named. */
export interface Identified {
  identity: UpstreamIdentity;
  /** What was proved, as `amr` values. */
  methods: string[];
  session: UpstreamSession;
  claims: Readonly<Record<string, unknown>>;
}

/** What came of an answer. `used`: it has been judged before; `stale`: the sign-in there was not new, or does not tell. */
export type UpstreamAnswer =
  | ({ outcome: 'identified' } & Identified)
  | { outcome: 'failed'; reason: UpstreamFailure | 'used' | 'stale'; cause?: unknown };

interface Provider {
  id: string;
  settings: UpstreamProviderSettings;
  client: UpstreamClient;
  logout: UpstreamLogout;
}

/** The room's service. */
export class UpstreamSignIn {
  readonly identities: UpstreamIdentities;
  readonly #attempts: UpstreamAttempts;
  readonly #providers: ReadonlyMap<string, Provider>;
  readonly #rooms: { accounts: AccountAdapter; database: Database; log: Log };

  constructor(rooms: {
    configuration: Pick<Configuration, 'issuer' | 'upstream'>;
    database: Database;
    accounts: AccountAdapter;
    grants: Grants;
    safeFetch: SafeFetch;
    log: Log;
  }) {
    const { configuration, database, safeFetch } = rooms;
    const identities = new UpstreamIdentities(database);
    this.#rooms = rooms;
    this.identities = identities;
    this.#attempts = new UpstreamAttempts(database);
    this.#providers = new Map(
      Object.entries(configuration.upstream.providers).map(([id, settings]) => {
        const redirectUri = `${configuration.issuer}/upstream/${id}/callback`;
        const client = new UpstreamClient({ settings, redirectUri, safeFetch });
        return [
          id,
          { id, settings, client, logout: new UpstreamLogout({ ...rooms, settings, client, identities }) },
        ];
      }),
    );
  }

  /** The providers, in the order of the configuration. */
  get providers(): { id: string; name: string }[] {
    return [...this.#providers.values()].map(({ id, settings: { name } }) => ({ id, name }));
  }

  get issuers(): string[] {
    return [...this.#providers.values()].map(({ settings: { issuer } }) => issuer);
  }

  /** What people know a provider by; its id when it is not configured any more. */
  nameOf(id: string): string {
    return this.#providers.get(id)?.settings.name ?? id;
  }

  /** Where to send the browser, to sign in there. `browser`: what its cookie holds. Undefined: there is no such provider. */
  async begin(
    attempt: UpstreamAttempt,
    { browser, uiLocales }: { browser: string; uiLocales: string | undefined },
  ): Promise<{ outcome: 'begun'; url: URL } | { outcome: 'failed'; cause: unknown } | undefined> {
    const provider = this.#providers.get(attempt.provider);
    if (provider === undefined) return undefined;
    try {
      const begun = this.#attempts.begin(attempt, browser);
      return { outcome: 'begun', url: await provider.client.authorizationUrl(begun, uiLocales) };
    } catch (cause) {
      return { outcome: 'failed', cause };
    }
  }

  /** The attempt that an answer at this provider's callback belongs to, if this browser began it. */
  attemptOf(provider: string, state: string, browser: string | undefined): BegunAttempt | undefined {
    const attempt = this.#attempts.read(state, browser);
    return attempt?.provider === provider && this.#providers.has(provider) ? attempt : undefined;
  }

  /** Judges an answer, once. */
  async judge(attempt: BegunAttempt, answer: URLSearchParams): Promise<UpstreamAnswer> {
    const { id, settings, client } = this.#providers.get(attempt.provider) as Provider;
    if (!(await this.#attempts.spend(attempt))) return { outcome: 'failed', reason: 'used' };
    const redeemed = await client.redeem(attempt, answer);
    if (redeemed.outcome === 'failed') return redeemed;
    const { issuer, subject, claims, idToken } = redeemed;
    if (!isFresh(settings, idToken, attempt)) return { outcome: 'failed', reason: 'stale' };
    const { sid } = idToken;
    const signedInAt = signedInAtOf(idToken, attempt);
    return {
      outcome: 'identified',
      identity: { provider: id, issuer, subject, label: labelFor(claims, subject) },
      methods: methodsOf(settings, idToken),
      session: {
        provider: id,
        issuer,
        subject,
        ...(typeof sid === 'string' && sid !== '' ? { sid } : {}),
        ...(signedInAt === undefined ? {} : { signedInAt }),
      },
      claims,
    };
  }

  /** A provider tells that somebody has signed out there; undefined when there is no such provider. */
  async receiveLogout(provider: string, token: string): Promise<LogoutOutcome | undefined> {
    return this.#providers.get(provider)?.logout.receive(token);
  }

  /** Where a browser signs out there, to come back here; undefined when it cannot. */
  async signOutUrl(provider: string, postLogoutRedirectUri: string): Promise<URL | undefined> {
    const known = this.#providers.get(provider);
    if (known === undefined || known.settings.logout === 'off') return undefined;
    return known.client.endSessionUrl(postLogoutRedirectUri).catch(() => undefined);
  }

  /**
   * Links an identity with a person who has proved to be both. Whoever had it before and is no more, where people are kept, has it no
   * longer. Throws AccountsUnavailable.
   */
  async link(identity: UpstreamIdentity, sub: string): Promise<LinkOutcome> {
    const outcome = await this.identities.link(identity, sub);
    if (outcome !== 'taken') return outcome;
    const owner = await this.identities.find(identity);
    if (owner !== undefined) {
      if ((await this.#rooms.accounts.findBySub(owner.sub)) !== undefined) return outcome;
      await this.identities.unlink(owner.sub, identity, { keepsLast: false });
    }
    return this.identities.link(identity, sub);
  }

  /** Whom somebody named by another provider is here. Throws AccountsUnavailable. */
  admit({ identity, claims }: Identified): Promise<Admission> {
    const { settings } = this.#providers.get(identity.provider) as Provider;
    const { database } = this.#rooms;
    const hasEmail = (email: string): Promise<boolean> => isEmailOfSomebody(database, email);
    return admit({ ...this.#rooms, identities: this.identities, hasEmail }, { identity, settings, claims });
  }
}

function isFresh(
  { fresh_sign_in: rule }: UpstreamProviderSettings,
  { auth_time: at }: Readonly<Record<string, unknown>>,
  { begunAt, maxAge }: BegunAttempt,
): boolean {
  if (maxAge === undefined) return true;
  if (typeof at !== 'number') return rule === 'assumed';
  return at >= Math.floor(begunAt / 1000) - maxAge - FRESHNESS_TOLERANCE;
}

/**
 * When somebody proved themselves there (Unix time, s), by our clock; undefined when the provider does not tell. Where it was to be new, and
 * is taken for that without being told, it is now.
 */
function signedInAtOf(
  { auth_time: at }: Readonly<Record<string, unknown>>,
  { maxAge }: BegunAttempt,
): number | undefined {
  const now = Math.floor(Date.now() / 1000);
  if (typeof at === 'number') return Math.min(now, at + FRESHNESS_TOLERANCE);
  return maxAge === undefined ? undefined : now;
}

/** Opens the room; undefined while no provider is configured. */
export function openUpstreamSignIn(
  rooms: ConstructorParameters<typeof UpstreamSignIn>[0],
): UpstreamSignIn | undefined {
  return Object.keys(rooms.configuration.upstream.providers).length === 0
    ? undefined
    : new UpstreamSignIn(rooms);
}
