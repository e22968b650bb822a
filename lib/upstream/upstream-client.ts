import { readFileSync } from 'node:fs';
import { importJWK, type JWK } from 'jose';
import type { ClientAuth, Configuration, CryptoKey } from 'openid-client';
import type { UpstreamProviderSettings } from '../../config/upstream-settings.ts';
import { type SafeFetch, SafeFetchError } from '../outbound/safe-fetch.ts';
import { toldClaims } from './mapped-person.ts';
import type { BegunAttempt } from './upstream-attempts.ts';

/** The longest answer (bytes) that is taken, and how long (ms) somebody waits for it. */
const BOUNDS = { maximumBytes: 524_288, timeoutMs: 5000 };
/** How long (ms) a provider's metadata counts, and how long it is not asked for again when that came to nothing. */
const METADATA_MILLISECONDS = 3_600_000;
const FAILURE_MILLISECONDS = 3000;
/** What clocks may be apart (s). */
const CLOCK_TOLERANCE = 30;
/** A subject as OpenID Connect Core §2 has it. */
const SUBJECT = /^[\x20-\x7e]{1,255}$/;

/**
 * Why nobody was identified. `denied`: the person did not want to, or the provider did not let them; `unreachable`: it did not
 * answer, or cannot now; `untrusted`: what it said does not hold.
 */
export type UpstreamFailure = 'denied' | 'unreachable' | 'untrusted';

/** What came of an answer. */
export type Redemption =
  | {
      outcome: 'verified';
      issuer: string;
      subject: string;
      /** Of the ID token, and of userinfo where that was asked. */
      claims: Readonly<Record<string, unknown>>;
      /** The ID token's alone. */
      idToken: Readonly<Record<string, unknown>>;
    }
  | { outcome: 'failed'; reason: UpstreamFailure; cause: unknown };

const library = () => import('openid-client');

/**
 * Latchkey as a client of one other provider (OpenID Connect Core §3.1, RFC 7636, RFC 9207). The library and the provider's
 * metadata are loaded when they are first needed.
 */
export class UpstreamClient {
  readonly #settings: UpstreamProviderSettings;
  readonly #redirectUri: string;
  /** How the provider is called: safely, for so long and so much. */
  readonly fetch: (url: string, init: object) => Promise<Response>;
  #known: { configuration: Promise<Configuration>; until: number } | undefined;

  constructor(options: { settings: UpstreamProviderSettings; redirectUri: string; safeFetch: SafeFetch }) {
    const { settings, redirectUri, safeFetch } = options;
    this.#settings = settings;
    this.#redirectUri = redirectUri;
    this.fetch = (url, init) => safeFetch(url, { ...(init as RequestInit), ...BOUNDS });
  }

  /** What the provider says of itself, and what is called by it. Rejects when it cannot be had. */
  configuration(): Promise<Configuration> {
    const now = Date.now();
    if (this.#known === undefined || this.#known.until <= now) {
      const configuration = this.#discover();
      const known = { configuration, until: now + METADATA_MILLISECONDS };
      this.#known = known;
      configuration.catch(() => {
        known.until = Date.now() + FAILURE_MILLISECONDS;
      });
    }
    return this.#known.configuration;
  }

  /** Where to send the browser. Rejects when the provider's metadata cannot be had. */
  async authorizationUrl(attempt: BegunAttempt, uiLocales?: string): Promise<URL> {
    const { buildAuthorizationUrl, calculatePKCECodeChallenge } = await library();
    const { scopes, parameters, prompt, acr_values: acrValues } = this.#settings;
    const { maxAge } = attempt;
    const prompts = new Set([...(maxAge === 0 ? ['login'] : []), ...(prompt === undefined ? [] : [prompt])]);
    return buildAuthorizationUrl(await this.configuration(), {
      ...parameters,
      redirect_uri: this.#redirectUri,
      scope: scopes.join(' '),
      state: attempt.state,
      nonce: attempt.nonce,
      code_challenge: await calculatePKCECodeChallenge(attempt.codeVerifier),
      code_challenge_method: 'S256',
      ...(prompts.size === 0 ? {} : { prompt: [...prompts].join(' ') }),
      // So that the ID token tells when it was (Core §3.1.2.1).
      ...(maxAge === undefined ? {} : { max_age: String(maxAge) }),
      ...(acrValues.length === 0 ? {} : { acr_values: acrValues.join(' ') }),
      ...(uiLocales === undefined ? {} : { ui_locales: uiLocales }),
    });
  }

  /** Where a browser ends its session there; undefined when the provider has no such place. Rejects as above. */
  async endSessionUrl(postLogoutRedirectUri: string): Promise<URL | undefined> {
    const configuration = await this.configuration();
    if (configuration.serverMetadata().end_session_endpoint === undefined) return undefined;
    const { buildEndSessionUrl } = await library();
    return buildEndSessionUrl(configuration, { post_logout_redirect_uri: postLogoutRedirectUri });
  }

  /** Judges the parameters that the browser brought back, redeems the code and judges what comes of it. */
  async redeem(attempt: BegunAttempt, answer: URLSearchParams): Promise<Redemption> {
    try {
      const { authorizationCodeGrant, fetchUserInfo } = await library();
      const configuration = await this.configuration();
      const address = new URL(this.#redirectUri);
      address.search = answer.toString();
      const tokens = await authorizationCodeGrant(configuration, address, {
        expectedState: attempt.state,
        expectedNonce: attempt.nonce,
        pkceCodeVerifier: attempt.codeVerifier,
        idTokenExpected: true,
      });
      const idToken = tokens.claims() as Record<string, unknown> | undefined;
      const { iss: issuer, sub: subject } = idToken ?? {};
      if (idToken === undefined || issuer !== this.#settings.issuer) throw new Error('another issuer');
      if (typeof subject !== 'string' || !SUBJECT.test(subject)) throw new Error('no subject');
      const asks = this.#settings.userinfo && configuration.serverMetadata().userinfo_endpoint !== undefined;
      const userinfo = asks ? await fetchUserInfo(configuration, tokens.access_token, subject) : {};
      return { outcome: 'verified', issuer, subject, claims: toldClaims(idToken, userinfo), idToken };
    } catch (cause) {
      return { outcome: 'failed', reason: failureOf(cause), cause };
    }
  }

  async #discover(): Promise<Configuration> {
    const openid = await library();
    const { issuer, client_id: clientId } = this.#settings;
    const configuration = await openid.discovery(
      new URL(issuer),
      clientId,
      { [openid.clockTolerance]: CLOCK_TOLERANCE },
      await this.#authentication(),
      {
        [openid.customFetch]: this.fetch,
        execute: [
          // Whatever its way here: what names somebody is signed by the provider's own key.
          openid.enableNonRepudiationChecks,
          ...(issuer.startsWith('http:') ? [openid.allowInsecureRequests] : []),
        ],
      },
    );
    // Some providers have one address for many issuers: whose word a subject is must be told beforehand.
    const { issuer: named } = configuration.serverMetadata();
    if (named !== issuer) throw new Error(`its metadata names another issuer (${named})`);
    return configuration;
  }

  async #authentication(): Promise<ClientAuth> {
    const openid = await library();
    const {
      client_authentication: method,
      client_secret_file: file,
      private_key_file: keyFile,
    } = this.#settings;
    const secret = this.#settings.client_secret ?? (file === undefined ? '' : read(file));
    switch (method) {
      case 'client_secret_basic':
        return openid.ClientSecretBasic(secret);
      case 'client_secret_post':
        return openid.ClientSecretPost(secret);
      case 'private_key_jwt': {
        const jwk = JSON.parse(read(keyFile ?? '')) as JWK;
        const key = (await importJWK(jwk)) as CryptoKey;
        return openid.PrivateKeyJwt(jwk.kid === undefined ? key : { key, kid: jwk.kid });
      }
      case 'none':
        return openid.None();
      default:
        return method satisfies never;
    }
  }
}

const read = (file: string): string => readFileSync(file, 'utf8').trim();

/** Errors of an authorization response (RFC 6749 §4.1.2.1, OpenID Connect Core §3.1.2.6) that come and go. */
const PASSING_ERRORS = new Set(['server_error', 'temporarily_unavailable']);
const REFUSALS = new Set([
  ...['access_denied', 'login_required', 'consent_required', 'interaction_required'],
  ...['account_selection_required', 'unmet_authentication_requirements'],
]);

/** What kind of failure an error of the library tells of. */
function failureOf(error: unknown): UpstreamFailure {
  for (let cause = error, depth = 0; cause !== undefined && depth < 5; depth += 1) {
    if (cause instanceof SafeFetchError) return 'unreachable';
    if (cause instanceof Response)
      return cause.status >= 500 || cause.status === 429 ? 'unreachable' : 'untrusted';
    const { error: code, status, cause: next } = (cause ?? {}) as Record<string, unknown>;
    if (typeof code === 'string' && REFUSALS.has(code)) return 'denied';
    if (typeof code === 'string' && PASSING_ERRORS.has(code)) return 'unreachable';
    if (typeof status === 'number' && (status >= 500 || status === 429)) return 'unreachable';
    cause = next;
  }
  return 'untrusted';
}
