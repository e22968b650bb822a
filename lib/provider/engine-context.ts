import type Provider from 'oidc-provider';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';

export type { KoaContextWithOIDC } from 'oidc-provider';

/**
 * What the engine has and `@types/oidc-provider` does not say. All friction with its types is kept in this file.
 */
export interface EngineEntities {
  readonly RotatedRefreshToken?: { jti: string; exp: number; remainingTTL: number };
  readonly AccessToken?: { jti: string };
}

/** The model classes whose prototypes the host completes (see engine-overrides.ts). */
export interface EnginePrototypes {
  Client: {
    prototype: { clientId: string; compareClientSecret(actual: string): boolean | Promise<boolean> };
    find(clientId: string): Promise<Client | undefined>;
  };
  OIDCContext: { prototype: { clientJwtAuthExpectedAudience(): Set<string> } };
  AuthorizationCode: TokenModel;
  AccessToken: TokenModel;
  RefreshToken: TokenModel;
  ClientCredentials: TokenModel;
  Grant: TokenModel;
  Session: {
    prototype: SessionIdentity & { resetIdentifier(this: SessionIdentity): void };
    instantiate(payload?: { uid?: unknown }): SessionIdentity;
  };
}

interface SessionIdentity {
  uid: string;
  id: string;
}

interface TokenModel {
  prototype: { generateTokenId(): string; format?: string; grantId?: string };
}

/** The engine's model classes, typed for completion. */
export function prototypesOf(provider: Provider): EnginePrototypes {
  return provider as unknown as EnginePrototypes;
}

/** The entities of a request that the published types leave out. */
export function entitiesOf(ctx: KoaContextWithOIDC): EngineEntities {
  return ctx.oidc.entities as unknown as EngineEntities;
}
