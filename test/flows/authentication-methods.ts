import { type CryptoKey, exportJWK, generateKeyPair } from 'jose';
import type { LatchkeyProcess } from './latchkey-process.ts';

export const REDIRECT_URI = 'http://localhost:9/callback';
export const LOGGED_OUT_URI = 'http://localhost:9/bye';

export type AuthenticationMethod =
  | 'client_secret_basic'
  | 'client_secret_post'
  | 'client_secret_jwt'
  | 'private_key_jwt'
  | 'none';

/** Every way in which an application may prove to be itself. */
export const AUTHENTICATION_METHODS: ReadonlyArray<AuthenticationMethod> = [
  'client_secret_basic',
  'client_secret_post',
  'client_secret_jwt',
  'private_key_jwt',
  'none',
];

/** A registered application: what its developer was given, and its private key where it has one. */
export interface RegisteredApplication {
  method: AuthenticationMethod;
  clientId: string;
  clientSecret: string;
  privateKey: CryptoKey | undefined;
}

/** Registers an application that authenticates by `method`, with everything that a full round of the protocol needs. */
export async function registerApplication(
  latchkey: LatchkeyProcess,
  method: AuthenticationMethod,
  metadata: Record<string, unknown> = {},
): Promise<RegisteredApplication> {
  const keys =
    method === 'private_key_jwt' ? await generateKeyPair('ES256', { extractable: true }) : undefined;
  const client = await latchkey.createClient({
    client_name: method,
    redirect_uris: [REDIRECT_URI],
    post_logout_redirect_uris: [LOGGED_OUT_URI],
    grant_types: [
      'authorization_code',
      'refresh_token',
      ...(method === 'none' ? [] : (['client_credentials'] as const)),
    ],
    response_modes: ['query', 'form_post'],
    token_endpoint_auth_method: method,
    ...(keys === undefined ? {} : { jwks: { keys: [await exportJWK(keys.publicKey)] } }),
    ...metadata,
  });
  return {
    method,
    clientId: client.client_id,
    clientSecret: client.client_secret,
    privateKey: keys?.privateKey,
  };
}
