/** What the tests use of packages that bring no types. */
declare module 'express-session' {
  import type { RequestHandler } from 'express';

  export default function session(options: {
    secret: string;
    resave: boolean;
    saveUninitialized: boolean;
  }): RequestHandler;
}

declare module 'passport' {
  import type { RequestHandler } from 'express';

  interface Authenticator {
    use(strategy: object): void;
    serializeUser(serialize: (user: unknown, done: (error: null, kept: unknown) => void) => void): void;
    deserializeUser(deserialize: (kept: unknown, done: (error: null, user: unknown) => void) => void): void;
    session(): RequestHandler;
    authenticate(strategy: string, options?: { failWithError?: boolean }): RequestHandler;
  }
  export class Passport {}
  const passport: Authenticator & { Passport: new () => Authenticator };
  export default passport;
}

declare module 'passport-openidconnect' {
  export interface Profile {
    id: string;
    displayName?: string;
    emails?: { value: string }[];
  }
  type Verified = (error: Error | null, user?: unknown) => void;
  export default class Strategy {
    constructor(
      options: Record<string, unknown>,
      verify: (
        issuer: string,
        profile: Profile,
        context: object,
        idToken: string,
        accessToken: string,
        refreshToken: string | undefined,
        verified: Verified,
      ) => void,
    );
  }
}

/** It has types, which name each other without extensions as its modules do. */
declare module '@openid/appauth' {
  type Fields = Record<string, string>;
  export function setFlag(flag: 'IS_LOG', value: boolean): void;
  export class AuthorizationServiceConfiguration {
    static fetchFromIssuer(issuer: string, requestor: object): Promise<AuthorizationServiceConfiguration>;
    readonly userInfoEndpoint: string;
    readonly endSessionEndpoint: string;
  }
  export class AuthorizationRequest {
    constructor(request: Record<string, string | Fields>, crypto: object);
    readonly state: string;
    readonly internal: Fields;
  }
  export interface AuthorizationError {
    error: string;
    state: string;
  }
  export class AuthorizationNotifier {
    setAuthorizationListener(
      listener: (
        request: AuthorizationRequest,
        response: { code: string; state: string } | null,
        error: AuthorizationError | null,
      ) => void,
    ): void;
  }
  export class TokenRequest {
    constructor(request: Record<string, string | undefined | Fields>);
  }
  export class RevokeTokenRequest {
    constructor(request: Fields);
  }
  export interface TokenResponse {
    accessToken: string;
    idToken: string;
    refreshToken: string;
  }
  export class BaseTokenRequestHandler {
    constructor(requestor: object);
    performTokenRequest(
      configuration: AuthorizationServiceConfiguration,
      request: TokenRequest,
    ): Promise<TokenResponse>;
    performRevokeTokenRequest(
      configuration: AuthorizationServiceConfiguration,
      request: RevokeTokenRequest,
    ): Promise<boolean>;
  }
}

declare module '@openid/appauth/built/src/node_support/index.js' {
  import type {
    AuthorizationNotifier,
    AuthorizationRequest,
    AuthorizationServiceConfiguration,
  } from '@openid/appauth';

  export class NodeCrypto {}
  export class NodeRequestor {}
  export class NodeBasedHandler {
    constructor(port: number);
    setAuthorizationNotifier(notifier: AuthorizationNotifier): void;
    performAuthorizationRequest(
      configuration: AuthorizationServiceConfiguration,
      request: AuthorizationRequest,
    ): void;
  }
}
