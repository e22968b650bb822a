/**
 * A third-party web app with a server: it signs people in by the authorization code flow with PKCE, as a confidential
 * client, over openid-client. Tokens stay on the server; the browser holds a session cookie.
 */
import { fileURLToPath } from 'node:url';
import express, { type NextFunction, type Request, type Response } from 'express';
import { AuthorizationResponseError, ResponseBodyError, WWWAuthenticateChallengeError } from 'openid-client';
import { createLoginProvider } from './login-provider.ts';
import { errorPage, memberPage, signedOutPage, welcomePage } from './pages.ts';
import { createSessions, rememberSignIn, type SignedIn } from './sessions.ts';
import { readSettings } from './settings.ts';

const settings = readSettings(process.env);
const provider = createLoginProvider(settings);
const sessions = createSessions(settings.origin.startsWith('https:'));
const app = express();
app.disable('x-powered-by');

app.use((_request, response, next) => {
  response.set({
    // Signing out posts here and is redirected to the provider, which form-action has to allow.
    'Content-Security-Policy': `default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' ${settings.issuer.origin}`,
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'no-referrer',
  });
  next();
});
app.use(express.static(fileURLToPath(new URL('public', import.meta.url))));
app.use((_request, response, next) => {
  response.set('Cache-Control', 'no-store');
  next();
});

/** Forms count only when this app's own pages send them. */
function fromOwnPage(request: Request, response: Response, next: NextFunction): void {
  // The Referrer-Policy turns the Origin of a form into "null"; Sec-Fetch-Site is not affected.
  const site = request.get('sec-fetch-site');
  if (site === undefined ? request.get('origin') === settings.origin : site === 'same-origin') next();
  else response.status(403).send(errorPage('Not from here', 'This form was not sent by this app.'));
}

/** Hands the signed-in person on, or goes to the start page. */
function signedIn(work: (person: SignedIn, request: Request, response: Response) => Promise<void>) {
  return async (request: Request, response: Response): Promise<void> => {
    const person = sessions.find(request)?.person;
    if (person === undefined) response.redirect(303, '/');
    else await work(person, request, response);
  };
}

app.get('/', (request, response) => {
  const person = sessions.find(request)?.person;
  response.send(person === undefined ? welcomePage() : memberPage(person));
});

app.get('/sign-in', async (request, response) => {
  const { url, state, secrets } = await provider.beginSignIn();
  rememberSignIn(sessions.find(request) ?? sessions.start(request, response), state, secrets);
  response.redirect(303, url.href);
});

app.get('/callback', async (request, response) => {
  const returned = new URL(request.originalUrl, settings.origin);
  const state = returned.searchParams.get('state') ?? '';
  const session = sessions.find(request);
  const secrets = session?.signIns.get(state);
  if (session === undefined || secrets === undefined) {
    // A reloaded or bookmarked answer.
    if (session?.person !== undefined) response.redirect(303, '/');
    else
      response.status(400).send(errorPage('Not signed in', 'This sign-in is over or was begun elsewhere.'));
    return;
  }
  session.signIns.delete(state);
  const person = await provider.finishSignIn(returned, state, secrets);
  sessions.start(request, response).person = person;
  response.redirect(303, '/');
});

app.post(
  '/refresh',
  fromOwnPage,
  signedIn(async (person, _request, response) => {
    Object.assign(person, await provider.refresh(person));
    response.send(memberPage(person, 'The provider gave new tokens.'));
  }),
);

app.post(
  '/userinfo',
  fromOwnPage,
  signedIn(async (person, _request, response) => {
    if (person.expiresAt <= Date.now()) Object.assign(person, await provider.refresh(person));
    Object.assign(person.claims, await provider.userinfo(person));
    response.send(memberPage(person, 'The provider was asked again.'));
  }),
);

app.post(
  '/sign-out',
  fromOwnPage,
  signedIn(async (person, request, response) => {
    sessions.end(request, response);
    response.redirect(303, (await provider.signOutUrl(person)).href);
  }),
);

app.get('/signed-out', (_request, response) => {
  response.send(signedOutPage());
});

app.use((_request, response) => {
  response.status(404).send(errorPage('Not found', 'There is no such page.'));
});

app.use((error: unknown, request: Request, response: Response, _next: NextFunction) => {
  // The refresh token or the access token is no longer good: somebody signed out elsewhere, or was disabled.
  const over =
    error instanceof WWWAuthenticateChallengeError ||
    (error instanceof ResponseBodyError && error.error === 'invalid_grant');
  if (over) {
    sessions.end(request, response);
    response.status(401).send(errorPage('Signed out', 'The provider says that your sign-in is over.'));
    return;
  }
  if (error instanceof AuthorizationResponseError || error instanceof ResponseBodyError) {
    // What the provider answered. The person stopped at its pages, or it could not do what was asked.
    const words =
      error.error === 'access_denied'
        ? 'You stopped before you were signed in, so this app has learned nothing about you.'
        : (error.error_description ?? error.error);
    response.status(400).send(errorPage('Not signed in', words));
    return;
  }
  console.error(error);
  response
    .status(502)
    .send(errorPage('Something went wrong', 'The provider could not be asked. Try again later.'));
});

app.listen(settings.port, settings.host, (error) => {
  if (error) throw error;
  console.log(`web app listening on ${settings.origin}`);
});
