import * as client from 'openid-client';
import { ADA } from './application.ts';
import { REDIRECT_URI } from './authentication-methods.ts';
import { FormBrowser } from './form-browser.ts';
import type { LatchkeyProcess } from './latchkey-process.ts';

/** Registers a client that authenticates by HTTP Basic, and has openid-client find out about the provider. */
export async function configure(
  latchkey: LatchkeyProcess,
  metadata: Record<string, unknown>,
  ...features: ((config: client.Configuration) => void)[]
) {
  const registered = await latchkey.createClient({
    redirect_uris: [REDIRECT_URI],
    grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    ...metadata,
  });
  const config = await client.discovery(
    new URL(latchkey.issuer),
    registered.client_id,
    { client_secret: registered.client_secret, ...metadata },
    client.ClientSecretBasic(registered.client_secret),
    { execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks, ...features] },
  );
  return config;
}

/** The code flow by openid-client, its request signed when there is a key for it. */
export async function codeFlow(
  latchkey: LatchkeyProcess,
  config: client.Configuration,
  parameters: Record<string, string> = {},
  sign: Parameters<typeof client.buildAuthorizationUrlWithJAR>[2] | undefined = undefined,
) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const expectedNonce = client.randomNonce();
  const all = {
    redirect_uri: REDIRECT_URI,
    scope: 'openid email',
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
    ...parameters,
  };
  const url =
    sign === undefined
      ? client.buildAuthorizationUrl(config, all)
      : await client.buildAuthorizationUrlWithJAR(config, all, sign);
  const landing = await new FormBrowser(latchkey.issuer).authorize(url, ADA);
  const tokens = await client.authorizationCodeGrant(config, landing.url, {
    pkceCodeVerifier,
    expectedState,
    expectedNonce,
    idTokenExpected: true,
  });
  return { url, landing, tokens, claims: tokens.claims() as client.IDToken };
}
