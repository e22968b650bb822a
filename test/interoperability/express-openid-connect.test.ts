import { expect } from 'chai';
import openid from 'express-openid-connect';
import { ADA } from '../flows/application.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { type RunningApplication, startExpress } from './express-application.ts';
import { type Answers, Visitor } from './visitor.ts';

describe('express-openid-connect', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  const running: RunningApplication[] = [];

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(async () => {
    await Promise.all(running.map((application) => application.stop()));
    await latchkey.stop();
  });

  /** The application of the library's own examples, registered as docs/clients.md says. */
  async function start(
    metadata: Record<string, unknown> = {},
    parameters: openid.ConfigParams = {},
  ): Promise<RunningApplication> {
    const application = await startExpress(async (app, origin) => {
      const client = await latchkey.createClient({
        redirect_uris: [`${origin}/callback`],
        post_logout_redirect_uris: [origin],
        grant_types: ['authorization_code', 'refresh_token'],
        ...metadata,
      });
      app.use(
        openid.auth({
          issuerBaseURL: latchkey.issuer,
          baseURL: origin,
          clientID: client.client_id,
          clientSecret: client.client_secret,
          secret: 'a secret of the application itself',
          authRequired: false,
          idpLogout: true,
          authorizationParams: { response_type: 'code', scope: 'openid profile email offline_access' },
          ...parameters,
        }),
      );
      app.get('/', (request, response) => {
        response.json({ signedIn: request.oidc.isAuthenticated() });
      });
      app.get('/profile', openid.requiresAuth(), async (request, response) => {
        response.json({
          user: request.oidc.user ?? {},
          userinfo: await request.oidc.fetchUserInfo(),
          accessToken: request.oidc.accessToken?.access_token,
          refreshToken: request.oidc.refreshToken,
        });
      });
      app.get('/refreshed', openid.requiresAuth(), async (request, response) => {
        await request.oidc.accessToken?.refresh();
        response.redirect('/profile');
      });
    });
    running.push(application);
    return application;
  }

  const visitorOf = (application: RunningApplication, answers: Partial<Answers> = {}) =>
    new Visitor(application.origin, latchkey.issuer, { ...ADA, ...answers });

  it('signs in with consent, then without; userinfo, refresh with rotation, and logout here and there', async () => {
    const application = await start();
    const visitor = visitorOf(application);
    const first = await visitor.visit('/profile');
    expect(first.pages).to.deep.equal(['login', 'consent']);
    const profile = JSON.parse(first.landing.page);
    expect(profile.userinfo).to.include({ email: ADA.login, name: 'Ada Lovelace' });
    expect(profile.userinfo.sub).to.equal(profile.user.sub);

    const refreshed = JSON.parse((await visitor.visit('/refreshed')).landing.page);
    expect(refreshed.userinfo).to.deep.equal(profile.userinfo);
    expect(refreshed.refreshToken).to.be.a('string').and.not.equal(profile.refreshToken);
    expect(refreshed.accessToken).to.be.a('string').and.not.equal(profile.accessToken);

    const again = await visitor.visit('/login');
    expect(again.pages).to.deep.equal([]);
    expect(JSON.parse(again.landing.page)).to.deep.equal({ signedIn: true });

    const out = await visitor.visit('/logout');
    expect(out.pages).to.deep.equal(['logout']);
    expect(out.landing.url.origin).to.equal(application.origin);
    expect(JSON.parse(out.landing.page)).to.deep.equal({ signedIn: false });
    expect((await visitor.visit('/profile')).pages, 'the provider has forgotten too').to.deep.equal([
      'login',
    ]);
  });

  it('has the person’s claims in req.oidc.user where the client registered id_token_scope_claims', async () => {
    const without = await visitorOf(await start()).visit('/profile');
    expect(JSON.parse(without.landing.page).user).not.to.have.property('email');
    const within = await visitorOf(await start({ id_token_scope_claims: true })).visit('/profile');
    expect(JSON.parse(within.landing.page).user).to.include({ email: ADA.login, name: 'Ada Lovelace' });
  });

  it('verifies ID tokens that are signed with ES256, by idTokenSigningAlg', async () => {
    const application = await start(
      { id_token_signed_response_alg: 'ES256' },
      { idTokenSigningAlg: 'ES256' },
    );
    const { landing } = await visitorOf(application).visit('/profile');
    expect(JSON.parse(landing.page).userinfo).to.include({ email: ADA.login });
  });

  it('pushes its requests where it is told to', async () => {
    const application = await start(
      { require_pushed_authorization_requests: true },
      { pushedAuthorizationRequests: true },
    );
    const { landing } = await visitorOf(application).visit('/profile');
    expect(JSON.parse(landing.page).userinfo).to.include({ email: ADA.login });
  });

  it('tells of a person who did not allow it, and of a wrong secret', async () => {
    const denied = await visitorOf(await start(), { consent: 'deny' }).visit('/profile');
    expect(denied.pages).to.deep.equal(['login', 'consent']);
    expect(denied.landing.status).to.equal(400);
    expect(JSON.parse(denied.landing.page)).to.include({ error: 'access_denied' });

    const wrong = await start({}, { clientSecret: 'not the secret' });
    const refused = await visitorOf(wrong).visit('/profile');
    expect(refused.landing.status).to.equal(400);
    // RFC 6749 §5.2 asks for a challenge where the client has used HTTP Basic; the library tells of that.
    expect(JSON.parse(refused.landing.page)).to.include({ error: 'OAUTH_WWW_AUTHENTICATE_CHALLENGE' });
    const posted = await start(
      { token_endpoint_auth_method: 'client_secret_post' },
      { clientAuthMethod: 'client_secret_post', clientSecret: 'not the secret' },
    );
    const refusedPost = await visitorOf(posted).visit('/profile');
    expect(JSON.parse(refusedPost.landing.page)).to.include({ error: 'invalid_client' });
  });
});
