import { expect } from 'chai';
import type { RequestHandler } from 'express';
import session from 'express-session';
import passport from 'passport';
import OpenIDConnectStrategy, { type Profile } from 'passport-openidconnect';
import { ADA } from '../flows/application.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { type RunningApplication, startExpress } from './express-application.ts';
import { type Answers, Visitor } from './visitor.ts';

describe('passport-openidconnect', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  const running: RunningApplication[] = [];

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_FEATURES_CODE_CHALLENGES: 'public_clients' });
    await latchkey.createPerson(ADA.login, ADA.password);
  });
  after(async () => {
    await Promise.all(running.map((application) => application.stop()));
    await latchkey.stop();
  });

  /** The application of the library's README, registered as docs/clients.md says. */
  async function start(
    metadata: Record<string, unknown> = {},
    options: Record<string, unknown> = {},
  ): Promise<RunningApplication> {
    const application = await startExpress(async (app, origin) => {
      const client = await latchkey.createClient({
        redirect_uris: [`${origin}/callback`],
        ...metadata,
      });
      const authenticator = new passport.Passport();
      authenticator.serializeUser((user, done) => done(null, user));
      authenticator.deserializeUser((user, done) => done(null, user));
      authenticator.use(
        new OpenIDConnectStrategy(
          {
            issuer: latchkey.issuer,
            authorizationURL: `${latchkey.issuer}/auth`,
            tokenURL: `${latchkey.issuer}/token`,
            userInfoURL: `${latchkey.issuer}/me`,
            clientID: client.client_id,
            clientSecret: client.client_secret,
            callbackURL: `${origin}/callback`,
            scope: ['profile', 'email'],
            nonce: true,
            skipUserProfile: false,
            ...options,
          },
          (issuer, profile: Profile, _context, _idToken, _accessToken, _refreshToken, done) => {
            done(null, { issuer, ...profile });
          },
        ),
      );
      app.use(session({ secret: 'of the application itself', resave: false, saveUninitialized: false }));
      app.use(authenticator.session());
      const authenticate = authenticator.authenticate('openidconnect', { failWithError: true });
      const showUser: RequestHandler = (request, response) => {
        response.json((request as unknown as { user?: unknown }).user ?? null);
      };
      app.get('/login', authenticate);
      app.get('/callback', authenticate, (_request, response) => response.redirect('/'));
      app.get('/', showUser);
    });
    running.push(application);
    return application;
  }

  const visitorOf = (application: RunningApplication, answers: Partial<Answers> = {}) =>
    new Visitor(application.origin, latchkey.issuer, { ...ADA, ...answers });

  it('signs in with consent, then without, and has the profile from userinfo', async () => {
    const visitor = visitorOf(await start());
    expect(JSON.parse((await visitor.visit('/')).landing.page)).to.equal(null);
    const first = await visitor.visit('/login');
    expect(first.pages).to.deep.equal(['login', 'consent']);
    const user = JSON.parse(first.landing.page);
    expect(user).to.include({ issuer: latchkey.issuer, displayName: 'Ada Lovelace' });
    expect(user.emails).to.deep.equal([{ value: ADA.login }]);
    const again = await visitor.visit('/login');
    expect(again.pages).to.deep.equal([]);
    expect(JSON.parse(again.landing.page)).to.deep.equal(user);
  });

  it('has the profile from the ID token alone where the client registered id_token_scope_claims', async () => {
    const options = { skipUserProfile: true };
    const without = await visitorOf(await start({}, options)).visit('/login');
    expect(JSON.parse(without.landing.page)).not.to.have.property('emails');
    const within = await visitorOf(await start({ id_token_scope_claims: true }, options)).visit('/login');
    expect(JSON.parse(within.landing.page)).to.include({ displayName: 'Ada Lovelace' });
  });

  it('fails with 401 when the person did not allow it, and with invalid_client for a wrong secret', async () => {
    const denied = await visitorOf(await start(), { consent: 'deny' }).visit('/login');
    expect(denied.pages).to.deep.equal(['login', 'consent']);
    expect(denied.landing.status).to.equal(401);
    expect(JSON.parse(denied.landing.page)).to.include({ name: 'AuthenticationError' });

    const wrong = await visitorOf(await start({}, { clientSecret: 'not the secret' })).visit('/login');
    expect(JSON.parse(wrong.landing.page)).to.include({ name: 'TokenError', error: 'invalid_client' });
  });

  it('is told that PKCE is missing where it is for a public client', async () => {
    const { landing } = await visitorOf(await start({ token_endpoint_auth_method: 'none' })).visit('/login');
    const told = JSON.parse(landing.page);
    expect(told).to.include({ name: 'AuthorizationError', error: 'invalid_request' });
    expect(told.message).to.match(/PKCE/);
  });
});
