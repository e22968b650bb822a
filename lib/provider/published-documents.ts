import { createHash } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type Koa from 'koa';
import type Provider from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import { allowedResponseTypes } from '../clients/configuration-problem.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import { signedToken } from './tokens/signed-token.ts';

/** Bytes that stay the same for the life of an engine instance. */
export interface PublishedDocument {
  body: Buffer;
  type: string;
  /** Strong validator (RFC 9110 §8.8.3). */
  etag: string;
}

const KEY_SET_PATH = '/jwks';
/** Both discovery documents (OpenID Connect Discovery §4, RFC 8414 §3) and the key set (RFC 7517 §5). */
const PUBLISHED_PATHS = [
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  KEY_SET_PATH,
] as const;

/** What the engine says otherwise than it is. */
function corrections({ features }: Configuration): Record<string, unknown> {
  return {
    response_types_supported: allowedResponseTypes(features),
    request_uri_parameter_supported: features.requestUris,
    // People have none (lib/provider/devices/ciba.ts).
    backchannel_user_code_parameter_supported: false,
  };
}

async function produce(
  provider: Provider,
  handle: Koa.Middleware,
  path: string,
): Promise<{ told: Record<string, unknown>; type: string }> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'GET', url: path });
  const ctx = provider.createContext(request, new ServerResponse(request));
  await handle(ctx as unknown as Parameters<Koa.Middleware>[0], async () => {});
  if (ctx.status !== 200) throw new Error(`the engine does not publish ${path}`);
  const type = String(ctx.response.get('Content-Type') || 'application/json; charset=utf-8');
  return { told: ctx.body as Record<string, unknown>, type };
}

/**
 * Metadata as a JWT (RFC 8414 §2.1), by the active key of the first algorithm that is configured. It has no times: what it says
 * is true as long as it is published. Throws ExternalSignerUnavailable.
 */
async function signedMetadata(
  claims: Record<string, unknown>,
  { configuration, keys }: { configuration: Configuration; keys: Pick<SigningKeys, 'snapshot'> },
): Promise<Record<string, string>> {
  const active = keys.snapshot().keys.filter(({ state }) => state === 'active');
  const [first] = configuration.keys.algorithms;
  const key = active.find(({ algorithm }) => algorithm === first) ?? active[0];
  if (key === undefined) return {};
  return { signed_metadata: await signedToken(key, 'JWT', { ...claims, iss: configuration.issuer }) };
}

/**
 * Asks an engine instance once for each document it publishes. They depend on configuration and keys alone, so they can
 * be answered from memory, also while every store is down. Throws ExternalSignerUnavailable where they are signed.
 */
export async function publishedDocuments(
  provider: Provider,
  handle: Koa.Middleware,
  rooms: { configuration: Configuration; keys: Pick<SigningKeys, 'snapshot'> },
): Promise<ReadonlyMap<string, PublishedDocument>> {
  const documents = new Map<string, PublishedDocument>();
  const instead = Object.entries(corrections(rooms.configuration));
  for (const path of PUBLISHED_PATHS) {
    const { told, type } = await produce(provider, handle, path);
    const replaced = Object.fromEntries(instead.filter(([member]) => member in told));
    const document = { ...told, ...replaced };
    const isSigned = rooms.configuration.features.signedMetadata && path !== KEY_SET_PATH;
    const signed = isSigned ? await signedMetadata(document, rooms) : {};
    const body = Buffer.from(JSON.stringify({ ...document, ...signed }));
    const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
    documents.set(path, { body, type, etag });
  }
  return documents;
}
