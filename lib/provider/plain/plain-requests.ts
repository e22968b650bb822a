import type { IncomingMessage } from 'node:http';
import type Koa from 'koa';
import type Provider from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { AccountAdapter } from '../../accounts/account-adapter.ts';
import type { ClientThrottle } from '../../authentication/throttling/client-throttle.ts';
import type { Clients } from '../../clients/clients.ts';
import { plainIntrospection } from './plain-introspection.ts';
import { hasPlainHead } from './plain-request.ts';
import { plainToken } from './plain-token.ts';
import { plainUserinfo } from './plain-userinfo.ts';

/** An endpoint where plain requests are answered without what surrounds the engine's own steps. */
export interface PlainEndpoint {
  readonly method: 'GET' | 'POST';
  /** The engine's name of it. */
  readonly route: string;
  /**
   * What is answered, with status 200 and as JSON; undefined where the engine is to be asked from the beginning, since more is to be said
   * than yes. `ctx.body` must be a plain property. Rejects when a store is in trouble.
   */
  answer(ctx: Koa.Context, body: Buffer): Promise<object | undefined>;
}

/** The endpoint for a request that may be a plain one, as far as its head tells. */
export type PlainRequests = (request: IncomingMessage) => PlainEndpoint | undefined;

/** Plain requests to one engine; see docs/decisions/0044-plain-requests.md. */
export function plainRequests(
  provider: Provider,
  rooms: { clients: Clients; accounts: AccountAdapter; clientThrottle: ClientThrottle },
): PlainRequests {
  const endpoints: ReadonlyMap<string | undefined, PlainEndpoint> = new Map<string, PlainEndpoint>([
    ['/token', { method: 'POST', route: 'token', answer: unlessRefused(plainToken(provider, rooms)) }],
    [
      '/introspection',
      {
        method: 'POST',
        route: 'introspection',
        answer: unlessRefused(plainIntrospection(provider, rooms)),
      },
    ],
    ['/me', { method: 'GET', route: 'userinfo', answer: unlessRefused(plainUserinfo(provider)) }],
  ]);
  return (request) => {
    const endpoint = endpoints.get(request.url);
    return endpoint?.method === request.method && hasPlainHead(request) ? endpoint : undefined;
  };
}

/**
 * A refusal is the engine's to tell, and so is what is no JSON object. A store in trouble is in as much trouble when it is asked again, and a
 * bug is thrown.
 */
function unlessRefused(look: (ctx: Koa.Context, body: Buffer) => Promise<unknown>): PlainEndpoint['answer'] {
  return async (ctx, body) => {
    try {
      const answer = await look(ctx, body);
      return typeof answer === 'object' && answer !== null ? answer : undefined;
    } catch (error) {
      if (error instanceof errors.OIDCProviderError && error.status < 500) return undefined;
      throw error;
    }
  };
}
