import { expect } from 'chai';
import type Koa from 'koa';
import type { Pages } from '../../lib/http/pages/pages.ts';
import { withUnknownPaths } from '../../lib/http/unknown-paths.ts';
import { type InteractionRooms, interactionRouters } from '../../lib/interactions/interactions.ts';
import { type SelfServiceRooms, selfServiceRoutes } from '../../lib/self-service/self-service.ts';

/** Stands for whatever a room works with, as long as it is only asked what is in it. */
const anything: unknown = new Proxy(() => anything, {
  get: (_target, name) => (name === Symbol.iterator ? () => [][Symbol.iterator]() : anything),
  apply: () => anything,
});

/** All rooms, each of them whatever it is. */
const rooms: unknown = Object.fromEntries(
  [
    ...['configuration', 'sealer', 'log', 'events', 'accounts', 'grants', 'desk', 'pages', 'forms', 'mail'],
    ...['mailTexts', 'links', 'linkThrottle', 'secondFactors', 'knownBrowsers', 'signIn', 'passkeySignIn'],
    ...['passkeyRegistration', 'upstream', 'pendingIdentities', 'sessions', 'accountSignIn', 'deletions'],
    ...['activity', 'authenticationRequests'],
  ].map((name) => [name, anything]),
);

interface Routes {
  stack: { path: string | RegExp; methods: string[] }[];
}

/** The methods of each address, with something in place of what is different in each. */
function methodsByPath(routers: Routes[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const { path, methods } of routers.flatMap(({ stack }) => stack)) {
    const address = String(path).replace(':uid', 'an-interaction').replace(':provider', 'works');
    found.set(address, new Set([...(found.get(address) ?? []), ...methods]));
  }
  return found;
}

describe('a method that an address does not have', () => {
  const middleware = withUnknownPaths({ problem: () => {} } as unknown as Pages);
  const routesOf = {
    'of interactions': () => interactionRouters(rooms as InteractionRooms),
    'of a person’s own pages': () => {
      const { router } = selfServiceRoutes(rooms as SelfServiceRooms) as unknown as { router: Routes };
      return [router];
    },
  };

  for (const [whose, routes] of Object.entries(routesOf)) {
    it(`is told from an address that is none: each ${whose}`, async () => {
      const addresses = methodsByPath(routes());
      expect(addresses.size).to.be.above(20);
      for (const [path, methods] of addresses) {
        const told: Record<string, unknown> = {};
        const ctx = {
          ...{ path, method: 'PURGE', status: 404, body: undefined, accepts: () => 'json' },
          set: (name: string, value: string) => {
            told[name] = value;
          },
        };
        await middleware(ctx as unknown as Koa.Context, async () => {});
        expect(ctx.status, path).to.equal(405);
        expect(String(told.Allow).split(', '), path).to.have.members([...methods]);
      }
    });
  }
});
