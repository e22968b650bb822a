import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import express, { type Response as ExpressResponse } from 'express';
import Koa from 'koa';
import {
  type ExpressTokenLocals,
  expressResourceServer,
} from '../../lib/resource-server/express-resource-server.ts';
import { fetchResourceServer } from '../../lib/resource-server/fetch-resource-server.ts';
import { type KoaTokenState, koaResourceServer } from '../../lib/resource-server/koa-resource-server.ts';
import type { ResourceServerOptions } from '../../lib/resource-server/request-checks.ts';
import type { Refusal } from '../../lib/resource-server/token-verifier.ts';
import { audience, type LoopbackIssuer, makeKey, startIssuer } from './loopback-issuer.ts';

interface Answer {
  status: number | undefined;
  challenge: string | undefined;
  cacheControl: string | undefined;
  retryAfter: string | undefined;
  body: unknown;
}

/** What `/transfer` asks for. */
const REQUIRED = { acrValues: ['https://refeds.org/profile/mfa', 'phr'], maxAge: 300 };

/**
 * A server with `/any` for every good token, `/write` for those with the scope `write`, and `/transfer` for those of people who
 * signed in as REQUIRED; all answer the `sub`.
 */
type App = (options: ResourceServerOptions) => RequestListener;

const koaApp: App = (options) => {
  const api = koaResourceServer(options);
  const app = new Koa<KoaTokenState>();
  app.use(async (ctx, next) => {
    const guards: Record<string, ReturnType<typeof api.requireToken>> = {
      '/any': api.requireToken(),
      '/write': api.requireScopes('write'),
      '/transfer': api.requireAuthentication(REQUIRED, 'read'),
    };
    await guards[ctx.path]?.(ctx, next);
  });
  app.use((ctx) => {
    ctx.body = { sub: ctx.state.token.sub };
  });
  return app.callback();
};

const expressApp: App = (options) => {
  const api = expressResourceServer(options);
  const app = express();
  const answer = (_request: unknown, response: ExpressResponse<unknown, ExpressTokenLocals>) => {
    response.json({ sub: response.locals.token.sub });
  };
  app.get('/any', api.requireToken(), answer);
  app.get('/write', api.requireScopes('write'), answer);
  app.get('/transfer', api.requireAuthentication(REQUIRED, 'read'), answer);
  return app;
};

const fetchApp: App = (options) => {
  const api = fetchResourceServer(options);
  const routes: Record<string, (request: Request, place: string) => Promise<Response>> = {
    '/any': api.requireToken((_request, token, place: string) => Response.json({ sub: token.sub, place })),
    '/write': api.requireScopes('write')((_request, token, place: string) =>
      Response.json({ sub: token.sub, place }),
    ),
    '/transfer': api.requireAuthentication(
      REQUIRED,
      'read',
    )((_request, token, place: string) => Response.json({ sub: token.sub, place })),
  };
  return async (incoming, outgoing) => {
    const url = new URL(incoming.url ?? '/', 'http://localhost');
    const headers = new Headers();
    for (let index = 0; index < incoming.rawHeaders.length; index += 2) {
      headers.append(incoming.rawHeaders[index] ?? '', incoming.rawHeaders[index + 1] ?? '');
    }
    const response = await routes[url.pathname]?.(new Request(url, { headers }), 'here');
    if (response === undefined) throw new Error(`no route ${url.pathname}`);
    outgoing.writeHead(response.status, Object.fromEntries(response.headers));
    outgoing.end(await response.text());
  };
};

for (const [name, makeApp] of Object.entries({ Koa: koaApp, Express: expressApp, fetch: fetchApp })) {
  describe(`the resource server for ${name}`, () => {
    let issuer: LoopbackIssuer;
    let server: Server;
    let refusals: Refusal[];

    beforeEach(async () => {
      issuer = await startIssuer();
      refusals = [];
      const options = { issuer: issuer.issuer, audience, realm: 'No"tes', cooldown: 0 };
      server = createServer(makeApp({ ...options, onRefusal: (refusal) => refusals.push(refusal) }));
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    afterEach(async () => {
      await new Promise((resolve) => server.close(resolve));
      await issuer.close();
    });

    function get(path: string, authorization: string[] = []): Promise<Answer> {
      const { port } = server.address() as AddressInfo;
      const headers = authorization.flatMap((value) => ['Authorization', value]);
      return new Promise((resolve, reject) => {
        const sent = httpRequest({
          port,
          host: '127.0.0.1',
          path,
          headers: ['Host', 'localhost', ...headers],
        });
        sent.on('error', reject);
        sent.on('response', async (response) => {
          const chunks = await response.toArray();
          resolve({
            status: response.statusCode,
            challenge: response.headers['www-authenticate'],
            cacheControl: response.headers['cache-control'],
            retryAfter: response.headers['retry-after'],
            body: JSON.parse(Buffer.concat(chunks).toString()) as unknown,
          });
        });
        sent.end();
      });
    }
    const realm = 'Bearer realm="Notes"';

    it('lets a good token pass, with its claims', async () => {
      const { status, body, challenge } = await get('/any', [`bearer ${await issuer.sign()}`]);
      expect(status).to.equal(200);
      expect(body).to.include({ sub: 'person' });
      expect(challenge).to.equal(undefined);
      const writer = await issuer.sign({ claims: { scope: 'read write' } });
      expect(await get('/write', [`Bearer ${writer}`])).to.include({ status: 200 });
      expect(refusals).to.deep.equal([]);
    });

    it('asks for a missing token without an error code', async () => {
      const answer = await get('/any');
      expect(answer).to.include({ status: 401, challenge: realm, cacheControl: 'no-store' });
      expect(answer.body).to.deep.equal({
        error: 'missing_token',
        error_description: 'This needs an access token',
      });
      expect(refusals).to.deep.equal([{ outcome: 'missing' }]);
    });

    it('tells an expired token from an invalid one', async () => {
      const expired = await get('/any', [`Bearer ${await issuer.sign({ claims: { exp: 1 } })}`]);
      expect(expired).to.include({
        status: 401,
        challenge: `${realm}, error="invalid_token", error_description="The access token expired"`,
        cacheControl: 'no-store',
      });
      expect(expired.body).to.deep.equal({
        error: 'invalid_token',
        error_description: 'The access token expired',
      });
      const forged = await get('/any', [`Bearer ${await issuer.sign({ key: await makeKey('first') })}`]);
      expect(forged).to.include({
        status: 401,
        challenge: `${realm}, error="invalid_token", error_description="The access token is invalid"`,
        cacheControl: 'no-store',
      });
      expect(forged.body).to.deep.equal({
        error: 'invalid_token',
        error_description: 'The access token is invalid',
      });
      // The log gets the reason that the caller does not.
      expect(refusals[1])
        .to.have.property('reason')
        .that.matches(/signature/);
    });

    it('names the scopes that a token lacks', async () => {
      const answer = await get('/write', [`Bearer ${await issuer.sign()}`]);
      expect(answer).to.include({
        status: 403,
        challenge: `${realm}, error="insufficient_scope", error_description="The access token lacks a scope", scope="write"`,
        cacheControl: 'no-store',
      });
      expect(answer.body).to.include({ error: 'insufficient_scope' });
    });

    it('says how the person is to sign in, when the token does not tell of such a sign-in (RFC 9470)', async () => {
      const now = Math.floor(Date.now() / 1000);
      const challenge = `${realm}, error="insufficient_user_authentication", error_description="A different authentication of the person is required", acr_values="https://refeds.org/profile/mfa phr", max_age="300"`;
      for (const claims of [
        {},
        { acr: 'phr' },
        { auth_time: now },
        { acr: 'https://refeds.org/profile/sfa', auth_time: now },
        { acr: 'phr', auth_time: now - 400 },
      ]) {
        const answer = await get('/transfer', [`Bearer ${await issuer.sign({ claims })}`]);
        expect(answer, JSON.stringify(claims)).to.include({
          status: 401,
          challenge,
          cacheControl: 'no-store',
        });
        expect(answer.body).to.include({ error: 'insufficient_user_authentication' });
      }
      const good = { acr: 'phr', auth_time: now - 200 };
      const passed = await get('/transfer', [`Bearer ${await issuer.sign({ claims: good })}`]);
      expect(passed.status).to.equal(200);
      // A scope is missing whoever signs in again.
      const scopeless = await issuer.sign({ claims: { scope: '' } });
      expect((await get('/transfer', [`Bearer ${scopeless}`])).status).to.equal(403);
    });

    it('refuses two Authorization headers and a token in the query', async () => {
      const token = await issuer.sign();
      for (const answer of [
        await get('/any', [`Bearer ${token}`, `Bearer ${token}`]),
        await get('/any', [`Bearer ${token}`, 'Basic dXNlcjpwYXNz']),
        await get(`/any?access_token=${token}`),
        await get(`/any?access_token=${token}`, [`Bearer ${token}`]),
        await get('/any', ['Bearer']),
      ]) {
        expect(answer).to.include({ status: 400, cacheControl: 'no-store' });
        expect(answer.challenge).to.match(
          /^Bearer realm="Notes", error="invalid_request", error_description="[^"]+"$/,
        );
        expect(answer.body).to.include({ error: 'invalid_request' });
      }
    });

    it('answers 503 while the issuer is away, and recovers', async () => {
      const token = await issuer.sign();
      await issuer.close();
      const answer = await get('/any', [`Bearer ${token}`]);
      expect(answer).to.include({
        status: 503,
        retryAfter: '1',
        cacheControl: 'no-store',
        challenge: undefined,
      });
      expect(answer.body).to.include({ error: 'temporarily_unavailable' });
      expect(JSON.stringify(answer.body)).not.to.include('127.0.0.1');
      await issuer.listen();
      expect(await get('/any', [`Bearer ${token}`])).to.include({ status: 200 });
    });
  });
}
