import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express from 'express';
import Koa from 'koa';
import { expressResourceServer } from '../../lib/resource-server/express-resource-server.ts';
import { fetchResourceServer } from '../../lib/resource-server/fetch-resource-server.ts';
import { koaResourceServer } from '../../lib/resource-server/koa-resource-server.ts';
import { createProtectedResourceMetadata } from '../../lib/resource-server/protected-resource-metadata.ts';
import type { ResourceServerOptions } from '../../lib/resource-server/request-checks.ts';

const ISSUER = 'https://login.example';
const RESOURCE = 'https://api.example/v1/notes';
const WELL_KNOWN = '/.well-known/oauth-protected-resource/v1/notes';

const options: ResourceServerOptions = {
  issuer: ISSUER,
  audience: RESOURCE,
  metadata: { name: 'Notes', scopes: ['read', 'write'], documentation: 'https://api.example/docs' },
};

/** What is behind the middleware says so. */
const servers: Record<string, () => Server> = {
  Koa: () => {
    const app = new Koa();
    const api = koaResourceServer(options);
    app.use(api.metadata());
    app.use(api.requireToken());
    return createServer(app.callback());
  },
  Express: () => {
    const app = express();
    const api = expressResourceServer(options);
    app.use(api.metadata());
    app.use(api.requireToken());
    return createServer(app);
  },
  fetch: () => {
    const api = fetchResourceServer(options);
    const [metadata, guarded] = [api.metadata(), api.requireToken(() => new Response('passed'))];
    return createServer(async (incoming, outgoing) => {
      const request = new Request(new URL(incoming.url ?? '/', 'https://api.example'), {
        method: incoming.method ?? 'GET',
      });
      const response = metadata(request) ?? (await guarded(request));
      outgoing.writeHead(response.status, Object.fromEntries(response.headers));
      outgoing.end(await response.text());
    });
  },
};

describe('protected-resource metadata', () => {
  for (const [name, makeServer] of Object.entries(servers)) {
    describe(`over ${name}`, () => {
      let server: Server;
      before(async () => {
        server = makeServer();
        await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      });
      after(() => new Promise((resolve) => server.close(resolve)));

      const ask = (path: string, init: RequestInit = {}) =>
        fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, {
          ...init,
          headers: { connection: 'close' },
        });

      it('is at the well-known path before the API’s own, for everybody', async () => {
        const answer = await ask(`${WELL_KNOWN}?x=1`);
        expect(answer.status).to.equal(200);
        expect(answer.headers.get('content-type')).to.match(/^application\/json/);
        expect(answer.headers.get('access-control-allow-origin')).to.equal('*');
        expect(answer.headers.get('cache-control')).to.equal('public, max-age=3600');
        expect(await answer.json()).to.deep.equal({
          resource: RESOURCE,
          authorization_servers: [ISSUER],
          bearer_methods_supported: ['header'],
          scopes_supported: ['read', 'write'],
          resource_name: 'Notes',
          resource_documentation: 'https://api.example/docs',
        });
        const head = await ask(WELL_KNOWN, { method: 'HEAD' });
        expect([head.status, await head.text()]).to.deep.equal([200, '']);
        const posted = await ask(WELL_KNOWN, { method: 'POST' });
        expect([posted.status, posted.headers.get('allow')]).to.deep.equal([405, 'GET, HEAD']);
      });

      it('is what a challenge points to, and nothing else is open', async () => {
        for (const path of ['/', '/.well-known/oauth-protected-resource', `${WELL_KNOWN}/more`]) {
          const answer = await ask(path);
          expect(answer.status, path).to.equal(401);
          expect(answer.headers.get('www-authenticate')).to.equal(
            `Bearer realm="${RESOURCE}", resource_metadata="https://api.example${WELL_KNOWN}"`,
          );
        }
      });
    });
  }

  it('of an API at the root of its origin has no path behind it', () => {
    const metadata = createProtectedResourceMetadata(
      {},
      { issuer: ISSUER, audience: 'https://api.example/' },
    );
    expect(metadata.url).to.equal('https://api.example/.well-known/oauth-protected-resource');
    expect(metadata.respond('GET', '/.well-known/oauth-protected-resource')?.status).to.equal(200);
    expect(metadata.respond('GET', '/elsewhere')).to.equal(undefined);
  });

  it('needs an API whose identifier is an address that it can be found at', () => {
    for (const resource of [
      'urn:notes',
      'http://api.example/',
      'https://api.example/?a=b',
      'https://api.example/#a',
    ]) {
      expect(() => koaResourceServer({ ...options, audience: resource }), resource).to.throw(TypeError);
    }
    const { metadata: _none, ...silent } = options;
    expect(() => koaResourceServer(silent).metadata()).to.throw(TypeError);
    expect(() =>
      koaResourceServer({ ...options, audience: 'urn:notes', metadata: { resource: RESOURCE } }),
    ).not.to.throw();
  });
});
