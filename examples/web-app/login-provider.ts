import * as client from 'openid-client';
import type { SignedIn } from './sessions.ts';
import type { Settings } from './settings.ts';

/** The OpenID provider, as this app talks to it. */
export interface LoginProvider {
  /** Where to send the browser, and what to remember until it comes back. */
  beginSignIn(): Promise<{ url: URL; state: string; secrets: { codeVerifier: string; nonce: string } }>;
  /** Redeems the code that the browser came back with. */
  finishSignIn(
    returned: URL,
    state: string,
    secrets: { codeVerifier: string; nonce: string },
  ): Promise<SignedIn>;
  refresh(person: SignedIn): Promise<SignedIn>;
  userinfo(person: SignedIn): Promise<Record<string, unknown>>;
  /** Where to send the browser to sign out at the provider too. */
  signOutUrl(person: SignedIn): Promise<URL>;
}

/** Finds the provider by discovery when it is first needed, and again if that failed. */
export function createLoginProvider(settings: Settings): LoginProvider {
  const redirectUri = `${settings.origin}/callback`;
  let discovered: Promise<client.Configuration> | undefined;

  function configuration(): Promise<client.Configuration> {
    discovered ??= client
      .discovery(
        settings.issuer,
        settings.clientId,
        { redirect_uris: [redirectUri] },
        client.ClientSecretBasic(settings.clientSecret),
        // Plain http is for a provider on this machine.
        { execute: settings.issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [] },
      )
      .catch((error: unknown) => {
        discovered = undefined;
        throw error;
      });
    return discovered;
  }

  return {
    async beginSignIn() {
      const codeVerifier = client.randomPKCECodeVerifier();
      const state = client.randomState();
      const nonce = client.randomNonce();
      const url = client.buildAuthorizationUrl(await configuration(), {
        redirect_uri: redirectUri,
        scope: 'openid profile email offline_access',
        code_challenge: await client.calculatePKCECodeChallenge(codeVerifier),
        code_challenge_method: 'S256',
        state,
        nonce,
      });
      return { url, state, secrets: { codeVerifier, nonce } };
    },

    async finishSignIn(returned, state, { codeVerifier, nonce }) {
      const config = await configuration();
      const tokens = await client.authorizationCodeGrant(config, returned, {
        expectedState: state,
        expectedNonce: nonce,
        pkceCodeVerifier: codeVerifier,
        idTokenExpected: true,
      });
      const claims = tokens.claims();
      if (claims === undefined) throw new Error('the provider gave no ID token');
      const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub);
      return {
        claims: { ...claims, ...userinfo },
        idToken: tokens.id_token ?? '',
        accessToken: tokens.access_token,
        expiresAt: expiry(tokens),
        refreshToken: tokens.refresh_token,
      };
    },

    async refresh(person) {
      if (person.refreshToken === undefined) throw new Error('the provider gave no refresh token');
      const tokens = await client.refreshTokenGrant(await configuration(), person.refreshToken);
      return {
        ...person,
        idToken: tokens.id_token ?? person.idToken,
        accessToken: tokens.access_token,
        expiresAt: expiry(tokens),
        refreshToken: tokens.refresh_token ?? person.refreshToken,
      };
    },

    async userinfo(person) {
      return client.fetchUserInfo(await configuration(), person.accessToken, String(person.claims.sub));
    },

    async signOutUrl(person) {
      return client.buildEndSessionUrl(await configuration(), {
        id_token_hint: person.idToken,
        post_logout_redirect_uri: `${settings.origin}/signed-out`,
      });
    },
  };
}

function expiry(tokens: client.TokenEndpointResponseHelpers): number {
  return Date.now() + (tokens.expiresIn() ?? 0) * 1000;
}
