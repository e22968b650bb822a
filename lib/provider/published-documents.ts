import { createHash } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type Koa from 'koa';
import type Provider from 'oidc-provider';

/** Bytes that stay the same for the life of an engine instance. */
export interface PublishedDocument {
  body: Buffer;
  type: string;
  /** Strong validator (RFC 9110 §8.8.3). */
  etag: string;
}

/** Both discovery documents (OpenID Connect Discovery §4, RFC 8414 §3) and the key set (RFC 7517 §5). */
const PUBLISHED_PATHS = [
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/jwks',
] as const;

async function produce(
  provider: Provider,
  handle: Koa.Middleware,
  path: string,
  instead: Readonly<Record<string, unknown>>,
): Promise<PublishedDocument> {
  const request = new IncomingMessage(new Socket());
  Object.assign(request, { method: 'GET', url: path });
  const ctx = provider.createContext(request, new ServerResponse(request));
  await handle(ctx as unknown as Parameters<Koa.Middleware>[0], async () => {});
  if (ctx.status !== 200) throw new Error(`the engine does not publish ${path}`);
  const told = ctx.body as Record<string, unknown>;
  const replaced = Object.entries(instead).filter(([member]) => member in told);
  const body = Buffer.from(JSON.stringify({ ...told, ...Object.fromEntries(replaced) }));
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 27)}"`;
  return { body, type: String(ctx.response.get('Content-Type') || 'application/json; charset=utf-8'), etag };
}

/**
 * Asks an engine instance once for each document it publishes. They depend on configuration and keys alone, so they can
 * be answered from memory, also while every store is down. `instead` replaces members that the engine tells otherwise.
 */
export async function publishedDocuments(
  provider: Provider,
  handle: Koa.Middleware,
  instead: Readonly<Record<string, unknown>>,
): Promise<ReadonlyMap<string, PublishedDocument>> {
  const documents = new Map<string, PublishedDocument>();
  for (const path of PUBLISHED_PATHS) documents.set(path, await produce(provider, handle, path, instead));
  return documents;
}
