import { expect } from 'chai';
import { SignJWT } from 'jose';
import { ADA, type Application, answerIn, answerOf, type Tokens } from '../flows/application.ts';
import { FormBrowser, type Landing } from '../flows/form-browser.ts';
import type { Cast } from './load.ts';
import { logOut } from './log-out.ts';

/** Something that can be interrupted: how it is begun, and what must be so after it was, once it has been repeated. */
export interface InterruptedFlow {
  name: string;
  /** Makes ready, undisturbed; answers what is then disturbed. */
  begin(): Promise<Attempt>;
}

export interface Attempt {
  /** Answers 200 when it did what it should, else the status. */
  run(): Promise<number>;
  /** Looks, undisturbed, whether everything is as the answer said; repeats it first when it was 503. */
  expectConsistent(status: number): Promise<void>;
}

/** Of an authorization: 200 with a code; RFC 6749 section 4.1.2.1 has a word for 503, which no redirection can say. */
function statusOf(landing: Landing): number {
  const { code, error } = answerIn(landing);
  if (code !== undefined) return 200;
  return error === 'temporarily_unavailable' ? 503 : Math.max(landing.status, 400);
}

/** Every flow of the protocol that this provider has, at `cast.app` and as its service. */
export function interruptedFlows(cast: Cast): InterruptedFlow[] {
  const { app, service } = cast;
  const signedIn = async (): Promise<{ browser: FormBrowser; tokens: Tokens }> => {
    const browser = new FormBrowser(app.issuer);
    return { browser, tokens: await app.signIn(browser) };
  };
  /** What is asked for again until it is answered. */
  const repeated = async (status: number, run: () => Promise<number>): Promise<number> =>
    status === 503 ? run() : status;
  const expectAlive = async (refreshToken: string): Promise<void> => {
    const { status, body } = await app.refresh(refreshToken);
    expect(status, `the family ended: ${JSON.stringify(body)}`).to.equal(200);
  };
  const expectEnded = async ({ refresh_token, access_token }: Tokens): Promise<void> => {
    expect((await app.refresh(refresh_token)).body.error).to.equal('invalid_grant');
    expect((await app.userinfo(access_token)).status).to.equal(401);
  };

  return [
    {
      name: 'a sign-in with consent',
      begin: async () => {
        const run = async () =>
          statusOf(
            await new FormBrowser(app.issuer).authorize(
              app.authorizationRequest({ prompt: 'consent' }).url,
              ADA,
            ),
          );
        return {
          run,
          expectConsistent: async (status) => {
            expect(await repeated(status, run)).to.equal(200);
          },
        };
      },
    },
    {
      name: 'an authorization in a session',
      begin: async () => {
        const { browser, tokens } = await signedIn();
        const run = async () =>
          statusOf(await browser.visit(app.authorizationRequest({ prompt: 'none' }).url));
        return {
          run,
          expectConsistent: async (status) => {
            expect(await repeated(status, run)).to.equal(200);
            await expectAlive(tokens.refresh_token);
          },
        };
      },
    },
    {
      name: 'a code',
      begin: async () => {
        const { browser } = await signedIn();
        const authorized = await app.authorize(browser);
        let tokens: Tokens | undefined;
        return {
          run: async () => {
            const { status, body } = await app.redeem(authorized);
            if (status === 200) tokens = body;
            return status;
          },
          expectConsistent: async (status) => {
            if (status === 200) await expectAlive((tokens as Tokens).refresh_token);
            const again = await app.redeem(authorized);
            // Refused before, it may be used now, or was used then; and once it was used it is of no use.
            if (again.status === 200) expect(status).to.equal(503);
            else expect(again.body.error).to.equal('invalid_grant');
            expect((await app.redeem(authorized)).body.error).to.equal('invalid_grant');
          },
        };
      },
    },
    {
      name: 'a refresh',
      begin: async () => {
        const { tokens } = await signedIn();
        let newest = tokens.refresh_token;
        const run = async () => {
          const { status, body } = await app.refresh(tokens.refresh_token);
          if (status === 200) newest = body.refresh_token;
          return status;
        };
        return {
          run,
          expectConsistent: async (status) => {
            expect(await repeated(status, run)).to.equal(200);
            await expectAlive(newest);
          },
        };
      },
    },
    {
      name: 'a revocation',
      begin: async () => {
        const { tokens } = await signedIn();
        const run = async () => (await app.revoke(tokens.refresh_token)).status;
        return {
          run,
          expectConsistent: async (status) => {
            expect(await repeated(status, run)).to.equal(200);
            await expectEnded(tokens);
          },
        };
      },
    },
    {
      name: 'an introspection',
      begin: async () => {
        const { tokens } = await signedIn();
        return {
          run: async () => {
            const { status, body } = await app.introspect(tokens.access_token);
            if (status === 200) expect(body.active, 'a store in trouble is no inactive token').to.equal(true);
            return status;
          },
          expectConsistent: () => expectAlive(tokens.refresh_token),
        };
      },
    },
    {
      name: 'a look at userinfo',
      begin: async () => {
        const { tokens } = await signedIn();
        return {
          run: async () => (await app.userinfo(tokens.access_token)).status,
          expectConsistent: () => expectAlive(tokens.refresh_token),
        };
      },
    },
    {
      name: 'a log-out with its pages',
      begin: async () => {
        const { browser, tokens } = await signedIn();
        const run = async () => {
          const last = await logOut(browser, tokens.id_token);
          return last.pageName === 'logged-out' ? last.status : Math.max(last.status, 400);
        };
        return {
          run,
          expectConsistent: async (status) => {
            expect(await repeated(status, run)).to.equal(200);
            await expectEnded(tokens);
            const silent = await browser.visit(app.authorizationRequest({ prompt: 'none' }).url);
            expect(answerIn(silent).error).to.equal('login_required');
          },
        };
      },
    },
    {
      name: 'an assertion',
      begin: async () => {
        const assertion = await new SignJWT({ jti: crypto.randomUUID() })
          .setProtectedHeader({ alg: 'ES256' })
          .setIssuer(service.clientId)
          .setSubject(service.clientId)
          .setAudience(app.issuer)
          .setIssuedAt()
          .setExpirationTime('1m')
          .sign(service.privateKey);
        const run = async () => (await showAssertion(app, service.api, assertion)).status;
        return {
          run,
          expectConsistent: async (status) => {
            const again = await run();
            expect(again).to.be.oneOf(status === 200 ? [401] : [200, 401]);
            expect(await run(), 'shown for the third time').to.equal(401);
          },
        };
      },
    },
    {
      name: 'a pushed request',
      begin: async () => {
        const { browser } = await signedIn();
        const { url } = app.authorizationRequest({ prompt: 'none' });
        const run = async () => {
          const pushed = await app.post('/request', Object.fromEntries(url.searchParams));
          if (pushed.status !== 201) return pushed.status;
          const uri = encodeURIComponent(pushed.body.request_uri);
          return statusOf(await browser.visit(`/auth?client_id=${app.clientId}&request_uri=${uri}`));
        };
        return {
          run,
          expectConsistent: async (status) => {
            expect(await repeated(status, run)).to.equal(200);
          },
        };
      },
    },
  ];
}

async function showAssertion(app: Application, api: string, assertion: string) {
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    resource: api,
    scope: 'read',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
  });
  return answerOf(await fetch(`${app.issuer}/token`, { method: 'POST', body }));
}
