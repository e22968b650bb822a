/* global oidc */
const { UserManager, WebStorageStateStore } = oidc;
const settings = await (await fetch('/settings.json')).json();
const element = (id) => document.getElementById(id);

// Tabs share one sign-in through localStorage; each renews the token by itself, with the refresh token it finds there.
const store = new WebStorageStateStore({ store: window.localStorage });
const manager = new UserManager({
  authority: settings.issuer,
  client_id: settings.clientId,
  redirect_uri: `${location.origin}/callback`,
  post_logout_redirect_uri: `${location.origin}/signed-out`,
  // Reading is all this app asks for: the API refuses it writing.
  scope: 'openid profile email offline_access read',
  // The access token is for the API (RFC 8707), so it is no good for userinfo.
  resource: settings.api,
  extraTokenParams: { resource: settings.api },
  loadUserInfo: false,
  automaticSilentRenew: true,
  userStore: store,
  stateStore: store,
});

async function show(problem) {
  const user = await manager.getUser();
  const name = user?.profile.name ?? user?.profile.email ?? user?.profile.sub;
  element('status').textContent = problem ?? (user ? `Signed in as ${name}` : 'You are not signed in.');
  document.body.dataset.signedIn = String(user !== null);
  element('sign-in').hidden = user !== null;
  for (const id of ['renew', 'sign-out', 'token']) element(id).hidden = user === null;
  const expiry = user === null ? undefined : new Date(user.expires_at * 1000);
  element('token-expiry').textContent = expiry?.toLocaleTimeString() ?? '';
  element('token-expiry').dateTime = expiry?.toISOString() ?? '';
}

/** Renews the tokens; when the provider says that the sign-in is over, it is over here too. */
async function renew() {
  try {
    return await manager.signinSilent();
  } catch (error) {
    await renewalFailed(error);
    return null;
  }
}

async function renewalFailed(error) {
  if (error.error === 'invalid_grant') {
    await manager.removeUser();
    await show('Your sign-in has ended. Sign in again.');
  } else {
    await show(`The token could not be renewed: ${error.message}`);
  }
}

async function callApi(init = {}, token = undefined) {
  const headers = { ...init.headers, ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }) };
  const output = element('api-result');
  output.textContent = '…';
  delete output.dataset.status;
  try {
    const response = await fetch(new URL('notes', settings.api), { ...init, headers });
    const challenge = response.headers.get('WWW-Authenticate');
    const body = JSON.stringify(await response.json(), null, 2);
    output.textContent = `${response.status}\n${challenge === null ? '' : `${challenge}\n`}${body}`;
    output.dataset.status = String(response.status);
  } catch (error) {
    output.textContent = `The API could not be reached: ${error.message}`;
    output.dataset.status = 'unreachable';
  }
}

/** The access token, renewed first if it ended while the computer slept and no timer ran. */
async function accessToken() {
  const user = await manager.getUser();
  return (user?.expired ? await renew() : user)?.access_token;
}

/** @returns the token with another signature. */
function forge(token) {
  const [header, payload] = (token ?? 'e30.e30.').split('.');
  return `${header}.${payload}.${'A'.repeat(86)}`;
}

function onClick(id, work) {
  element(id).addEventListener('click', async () => {
    element(id).disabled = true;
    try {
      await work();
    } catch (error) {
      await show(error.message);
    } finally {
      element(id).disabled = false;
    }
  });
}

onClick('sign-in', () => manager.signinRedirect());
onClick('sign-out', () => manager.signoutRedirect());
onClick('renew', renew);
onClick('call-api', async () => callApi({}, await accessToken()));
onClick('call-api-write', async () =>
  callApi(
    {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ text: 'From the single-page app' }),
    },
    await accessToken(),
  ),
);
onClick('call-api-missing', () => callApi());
onClick('call-api-invalid', async () => callApi({}, forge(await accessToken())));

manager.events.addUserLoaded(() => show());
manager.events.addUserUnloaded(() => show());
manager.events.addSilentRenewError(renewalFailed);
// Another tab signed in, renewed or signed out: take its tokens and their timers over.
window.addEventListener('storage', async () => {
  const user = await manager.getUser();
  if (user === null) await manager.events.unload();
  await show();
});

/** The address holds a code and a state that are good once: they leave it whatever comes of them. */
async function comeBack(work) {
  try {
    await work(location.href);
  } catch (error) {
    if (error.error === 'access_denied') return 'You stopped before you were signed in.';
    return error.error === undefined ? undefined : (error.error_description ?? error.error);
  } finally {
    history.replaceState(null, '', '/');
  }
  return undefined;
}

let problem;
if (location.pathname === '/callback') problem = await comeBack((url) => manager.signinCallback(url));
if (location.pathname === '/signed-out') problem = await comeBack((url) => manager.signoutCallback(url));
await show(problem);
document.body.dataset.ready = 'true';
