import type Provider from 'oidc-provider';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import type { UpstreamSession } from '../../grants/grants.ts';

export type { KoaContextWithOIDC } from 'oidc-provider';

/**
 * What the engine has and `@types/oidc-provider` does not say. All friction with its types is kept in this file.
 */
export interface EngineEntities {
  readonly RotatedRefreshToken?: { jti: string; exp: number; remainingTTL: number };
  readonly AccessToken?: { jti: string; scopes: ReadonlySet<string> };
  readonly DeviceCode?: EngineDeviceCode;
}

/** A device that asks to be let in (RFC 8628). */
export interface EngineDeviceCode {
  readonly jti: string;
  readonly clientId: string;
  /** Unix time, s. */
  readonly iat: number;
  readonly exp: number;
  readonly params: Readonly<Record<string, unknown>>;
  readonly deviceInfo?: Readonly<Record<string, unknown>> | undefined;
  /** Somebody has said that they go on with it. */
  inFlight?: boolean | undefined;
  accountId?: string | undefined;
  error?: string | undefined;
  sessionUid?: string | undefined;
}

/** A sign-in that an application asked for (OpenID Connect CIBA). */
export interface EngineBackchannelRequest {
  readonly jti: string;
  readonly clientId: string;
  readonly accountId: string;
  /** Unix time, s. */
  readonly exp: number;
  /** How long (s) it lives from when it was made. */
  readonly expiration: number;
  readonly isExpired: boolean;
  readonly scope?: string | undefined;
  readonly claims?: { userinfo?: object; id_token?: object } | undefined;
  readonly resource?: string | string[] | undefined;
  readonly params: Readonly<Record<string, unknown>>;
  readonly grantId?: string | undefined;
  readonly error?: string | undefined;
}

/** The model classes whose prototypes the host completes (see engine-overrides.ts). */
export interface EnginePrototypes {
  Client: {
    prototype: {
      clientId: string;
      compareClientSecret(actual: string): boolean | Promise<boolean>;
      grantTypeAllowed(type: string): boolean;
      responseTypeAllowed(type: string): boolean;
      responseModeAllowed(
        mode: string | undefined,
        type: string | undefined,
        profile: string | undefined,
      ): boolean;
      backchannelLogout(accountId: string, sid: string | undefined): Promise<void>;
      includeSid(): unknown;
      backchannelPing(request: EngineBackchannelRequest): Promise<void>;
      frontchannel_logout_session_required?: unknown;
    };
    find(clientId: string): Promise<Client | undefined>;
  };
  OIDCContext: {
    new (ctx: unknown): object;
    prototype: { clientJwtAuthExpectedAudience(): Set<string>; params?: unknown };
  };
  AuthorizationCode: TokenModel;
  AccessToken: TokenModel & AccessTokenModel;
  RefreshToken: TokenModel & {
    find(token: string, options?: object): Promise<{ scopes: ReadonlySet<string> } | undefined>;
  };
  ClientCredentials: TokenModel & AccessTokenModel;
  Grant: TokenModel & { readonly IN_PAYLOAD: readonly string[] };
  BackchannelAuthenticationRequest: {
    find(id: string, options?: object): Promise<EngineBackchannelRequest | undefined>;
  };
  DeviceCode: {
    prototype: EngineDeviceCode & { save(): Promise<string> };
    findByUserCode(userCode: string, options?: object): Promise<EngineDeviceCode | undefined>;
  };
  IdToken: {
    new (claims: { sub: string }, context: { client: Client; ctx: undefined }): EngineIdToken;
    prototype: EngineIdToken;
  };
  Session: {
    readonly IN_PAYLOAD: readonly string[];
    prototype: SessionIdentity & {
      resetIdentifier(this: SessionIdentity): void;
      save(this: EngineSession, seconds: number): Promise<string>;
      /** Whether the person last proved themselves longer ago (s). */
      past(this: EngineSession, age: number | string): boolean;
    };
    instantiate(payload?: { uid?: unknown }): EngineSession;
    /** The session of a browser; a new one, kept nowhere yet, when it has none. */
    get(ctx: unknown): Promise<EngineSession>;
    findByUid(uid: string): Promise<EngineSession | undefined>;
  };
}

interface EngineIdToken {
  ctx: unknown;
  client: { id_token_scope_claims?: unknown } | undefined;
  scope: string | undefined;
  /** The claims that it shows. */
  mask: Record<string, null>;
  set(claim: string, value: unknown): void;
  issue(options?: { use?: string }): Promise<string>;
}

interface SessionIdentity {
  uid: string;
  id: string;
}

/** A browser's session; without `accountId` nobody is signed in. */
export interface EngineSession extends SessionIdentity {
  accountId?: string;
  /** The clients that were signed in to, by their ids. */
  authorizations?: Record<string, { sid?: string }>;
  /** When the person last proved themselves, and when the session ends; Unix time, s. */
  loginTs?: number;
  exp?: number;
  amr?: string[];
  acr?: string | undefined;
  /** See session-device.ts. */
  device?: SessionDevice;
  /** Where the sign-in came from, when that was another provider. */
  upstream?: UpstreamSession | undefined;
  loginAccount(login: { accountId: string; loginTs: number; amr: string[]; acr?: string | undefined }): void;
  save(seconds: number): Promise<string>;
}

/** Where a session is, for the person to recognise it by. */
export interface SessionDevice {
  /** `User-Agent` at the sign-in. */
  userAgent: string;
  /** Where the sign-in came from. */
  address: string;
  /** The sign-in at which this was noted; Unix time, s. */
  loginTs: number;
  /** When an application, or the account page, last went through it; Unix time, s. */
  usedAt: number;
}

interface TokenModel {
  prototype: { generateTokenId(): string; format?: string; grantId?: string; subjectGrantId?: string };
}

/** An access token as the engine has it, found or made. */
export interface EngineToken {
  jti: string;
  clientId: string;
  accountId?: string;
  grantId?: string;
  subjectGrantId?: string;
  aud?: string;
  scope?: string;
  /** Unix time, s. */
  exp: number;
  iat: number;
  jkt?: string;
  'x5t#S256'?: string;
  extra?: Record<string, unknown>;
  sid?: string;
  /** Authorization details (RFC 9396). */
  rar?: unknown;
  readonly tokenType: string;
  readonly isValid: boolean;
  destroy(): Promise<void>;
}

interface AccessTokenModel {
  new (members: Record<string, unknown>): EngineToken;
  readonly IN_PAYLOAD: readonly string[];
  find(value: unknown, options?: object): Promise<EngineToken | undefined>;
}

/** An access token that is being issued. */
export interface IssuedToken {
  clientId: string;
  accountId?: string;
  grantId?: string;
  /** The grant of another client, from whose token this one was made (RFC 8693). */
  subjectGrantId?: string;
  resourceServer?: { jwt?: { sign?: { alg?: string } } };
}

/** What a person allowed a client. */
export interface EngineGrant {
  readonly jti: string;
  readonly clientId: string;
  readonly accountId: string;
  /** Places of the statuses of its JWT access tokens (token-status.ts). */
  tokenStatuses?: unknown;
  save(): Promise<unknown>;
}

/** The grant of this id, from the request if that has it. */
export async function grantInRequest(
  ctx: KoaContextWithOIDC,
  grantId: string | undefined,
): Promise<EngineGrant | undefined> {
  if (grantId === undefined) return undefined;
  const { Grant: known } = ctx.oidc.entities;
  const grant = known?.jti === grantId ? known : await ctx.oidc.provider.Grant.find(grantId);
  return grant as unknown as EngineGrant | undefined;
}

/** The engine's model classes, typed for completion. */
export function prototypesOf(provider: Provider): EnginePrototypes {
  return provider as unknown as EnginePrototypes;
}

/** The entities of a request that the published types leave out. */
export function entitiesOf(ctx: KoaContextWithOIDC): EngineEntities {
  return ctx.oidc.entities as unknown as EngineEntities;
}
