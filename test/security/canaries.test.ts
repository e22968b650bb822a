import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { Application } from '../flows/application.ts';
import { FormBrowser } from '../flows/form-browser.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { formOf, post } from '../interactions/page-forms.ts';

const ADA = { login: 'ada@example.com', password: 'canary-right-Password-41' };
const WRONG = 'canary-wrong-Password-42';
const IN_LOGIN_FIELD = 'canary-typed-in-Login-43';

/** Every file below a folder, whole. */
function filesIn(folder: string): [path: string, bytes: Buffer][] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => [path, readFileSync(path)]);
}

/** The ways in which a careless program writes a secret down. */
function spellings(secret: string): Buffer[] {
  const plain = Buffer.from(secret);
  return [
    plain,
    Buffer.from(secret, 'utf16le'),
    Buffer.from(encodeURIComponent(secret)),
    Buffer.from(plain.toString('hex')),
    // Base64 at the three places a text can have in what is encoded with it, without the characters its neighbours change.
    ...[0, 1, 2].map((offset) =>
      Buffer.from(
        Buffer.concat([Buffer.alloc(offset), plain])
          .toString('base64')
          .slice(4, -4),
      ),
    ),
  ];
}

describe('secrets that are planted', () => {
  let latchkey: LatchkeyProcess;
  /** What must be nowhere, by what it is. */
  const canaries = new Map<string, string>();
  const plant = (what: string, value: string | null | undefined): void => {
    if (value === null || value === undefined || value.length < 12)
      throw new Error(`${what} is no canary: ${value}`);
    canaries.set(what, value);
  };
  const plantCookies = (browser: FormBrowser, when: string): void => {
    for (const [name, { value }] of browser.cookies) plant(`cookie ${name} ${when}`, value);
  };

  before(async () => {
    latchkey = await LatchkeyProcess.start({ LATCHKEY_LOG_LEVEL: 'trace' });
    plant('password', ADA.password);
    plant('wrong password', WRONG);
    plant('password in the login field', IN_LOGIN_FIELD);
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json(['apis', 'create', '--identifier', 'https://api.example.com', '--scopes', 'read']);
    for (const method of ['client_secret_basic', 'client_secret_post', 'client_secret_jwt']) {
      await run(
        await Application.register(latchkey, {
          token_endpoint_auth_method: method,
          grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
        }),
        method,
      );
    }
  });
  after(() => latchkey?.stop());

  /** A whole story of an application, with every secret also sent where it does not belong. */
  async function run(notes: Application, method: string): Promise<void> {
    const { issuer } = latchkey;
    const named = (what: string) => `${what} (${method})`;
    plant(named('client secret'), notes.secret);
    const browser = new FormBrowser(issuer);
    const scope = 'openid profile email offline_access read';
    const { url, verifier } = notes.authorizationRequest({
      scope,
      resource: 'https://api.example.com',
      prompt: 'consent login',
    });
    plant(named('verifier'), verifier);

    const login = await browser.visit(url);
    plantCookies(browser, named('before login'));
    plant(named('csrf'), formOf(login, 'submit').csrf);
    await browser.submit(login, 'submit', { ...ADA, password: WRONG });
    await browser.submit(login, 'submit', { login: IN_LOGIN_FIELD, password: '' });
    await browser.submit(login, 'submit', { login: IN_LOGIN_FIELD, password: WRONG });
    const tooMuch = await post(browser, `${login.url.pathname}/login`, {
      ...ADA,
      filling: 'a'.repeat(60_000),
    });
    expect(tooMuch.status).to.equal(413);
    await browser.request(`${login.url.pathname}/login?password=${ADA.password}`);
    await browser.request(`${login.url.pathname}/${ADA.password}`);
    const consent = await browser.submit(login, 'submit', { ...ADA });
    expect(consent.pageName).to.equal('consent');
    plantCookies(browser, named('at consent'));
    plant(named('csrf of consent'), formOf(consent, 'approve').csrf);
    const end = await browser.submit(consent, 'approve');
    plantCookies(browser, named('at the end'));
    const code = end.url.searchParams.get('code') ?? '';
    plant(named('code'), code);
    await browser.visit(login.url);
    await browser.visit(consent.url.pathname.replace('interaction', 'auth'));

    const asItself = method === 'client_secret_basic';
    const redeemed = asItself
      ? await notes.redeem({ code, verifier })
      : await notes.redeem(
          { code, verifier },
          { client_id: notes.clientId, client_secret: notes.secret ?? '' },
          { Authorization: '' },
        );
    const wrongPlaces = [code, verifier, notes.secret ?? '', ADA.password];
    if (method !== 'client_secret_jwt') {
      expect(redeemed.status, JSON.stringify(redeemed.body)).to.equal(200);
      const { access_token, refresh_token, id_token } = redeemed.body;
      plant(named('access token'), access_token);
      plant(named('refresh token'), refresh_token);
      plant(named('ID token'), id_token);
      plant(named('signature of the ID token'), id_token.split('.')[2]);
      wrongPlaces.push(access_token, refresh_token, id_token);
      const credentials: Record<string, string> = asItself
        ? {}
        : { client_id: notes.clientId, client_secret: notes.secret ?? '' };
      const header = (asItself ? {} : { Authorization: '' }) as Record<string, string>;
      const refreshed = await notes.post(
        '/token',
        { grant_type: 'refresh_token', refresh_token, ...credentials },
        header,
      );
      expect(refreshed.status).to.equal(200);
      plant(named('second refresh token'), refreshed.body.refresh_token);
      plant(named('second access token'), refreshed.body.access_token);
      for (const path of ['/introspection', '/token/revocation']) {
        await notes.post(path, { token: refreshed.body.refresh_token, ...credentials }, header);
      }
      await notes.post(
        '/token',
        {
          grant_type: 'authorization_code',
          code,
          code_verifier: verifier,
          redirect_uri: notes.redirectUri,
          ...credentials,
        },
        header,
      );
      const machine = await notes.post(
        '/token',
        { grant_type: 'client_credentials', resource: 'https://api.example.com', ...credentials },
        header,
      );
      plant(named('token of the application'), machine.body.access_token);
      const logout = await browser.visit(`/session/end?id_token_hint=${id_token}`);
      plant(named('xsrf of log-out'), /name="xsrf" value="([^"]+)"/.exec(logout.page)?.[1]);
      await browser.visit(`/session/end?id_token_hint=${id_token.slice(0, -9)}`);
      await browser.visit(`/session/end?id_token_hint=${id_token.replaceAll('.', '')}`);
      await browser.submit(await browser.visit('/session/end'), 'confirm');
    }
    for (const secret of wrongPlaces) await sendEverywhere(notes, secret);
  }

  /** One secret in each place that a confused program or person puts one. */
  async function sendEverywhere(notes: Application, secret: string): Promise<void> {
    const { issuer } = latchkey;
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(issuer + path, { redirect: 'manual', headers: { accept: 'text/html', ...headers } }).then(
        (response) => response.text(),
      );
    const encoded = encodeURIComponent(secret);
    const own = notes.authorizationRequest().url.search;
    await Promise.all([
      get(`/${encoded}`),
      get(`/auth/${encoded}`),
      get(`/interaction/${encoded}`),
      get(`/interaction/${encoded}/login?client_id=${encoded}`),
      get(`/assets/${encoded}`),
      get(`/auth?client_id=${encoded}`),
      get(`/auth${own}&client_secret=${encoded}`),
      ...[
        'redirect_uri',
        'scope',
        'response_type',
        'response_mode',
        'prompt',
        'max_age',
        'resource',
        'claims',
        'request',
        'request_uri',
        'id_token_hint',
        'code_challenge',
        'code_challenge_method',
        'nonce',
        'login_hint',
        'ui_locales',
        'acr_values',
      ].map((name) =>
        get(
          `/auth?${new URLSearchParams({ ...Object.fromEntries(new URLSearchParams(own)), [name]: secret })}`,
        ),
      ),
      get(`/session/end?id_token_hint=${encoded}&client_id=${encoded}&post_logout_redirect_uri=${encoded}`),
      get(`/session/end/success?client_id=${encoded}`),
      get(`/me?access_token=${encoded}`),
      get('/me', { authorization: `Bearer ${secret}x` }),
      get('/me', { authorization: `Basic ${secret}` }),
      get('/me', { authorization: `DPoP ${secret}`, dpop: secret }),
      get('/', {
        referer: `https://notes.example/cb?code=${encoded}`,
        'user-agent': secret,
        cookie: `latchkey-session=${secret}`,
      }),
      notes.post(`/token?client_secret=${encoded}`, { grant_type: secret }),
      ...[
        'code',
        'refresh_token',
        'redirect_uri',
        'client_id',
        'client_secret',
        'scope',
        'resource',
        'code_verifier',
        'client_assertion',
        'client_assertion_type',
        'password',
      ].flatMap((name) =>
        ['authorization_code', 'refresh_token', 'client_credentials'].map((grant) =>
          notes.post('/token', { grant_type: grant, code: 'x', refresh_token: 'x', [name]: secret }),
        ),
      ),
      notes.post(
        '/token',
        {
          client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
          client_assertion: secret,
        },
        { Authorization: '' },
      ),
      notes.post('/token', { grant_type: 'client_credentials' }, { Authorization: `Basic ${secret}` }),
      notes.post(
        '/token',
        { grant_type: 'client_credentials' },
        { Authorization: `Basic ${btoa(`${secret}:${secret}`)}` },
      ),
      notes.post('/introspection', { token: `${secret}x`, token_type_hint: secret }),
      notes.post('/request', { scope: secret, redirect_uri: secret }),
      notes.post(`/${encoded}`, { [secret]: secret }),
    ]);
  }

  function expectNowhere(places: [place: string, bytes: Buffer][]): void {
    const found: string[] = [];
    for (const [what, secret] of canaries) {
      for (const spelling of spellings(secret)) {
        for (const [place, bytes] of places) {
          const at = bytes.indexOf(spelling);
          if (at !== -1)
            found.push(
              `${what} in ${place}: …${bytes.subarray(Math.max(0, at - 150), at + 20).toString('latin1')}…`,
            );
        }
      }
    }
    expect(found.join('\n')).to.equal('');
  }

  it('are many, and found where they are', () => {
    expect(canaries.size).to.be.greaterThan(40);
    expect(() =>
      expectNowhere([['here', Buffer.from(`{"code":"${canaries.get('code (client_secret_basic)')}"}`)]]),
    ).to.throw();
    expect(() => expectNowhere([['here', Buffer.from(btoa(`user:${ADA.password}:`))]])).to.throw();
  });

  it('are not in what the server wrote, at level trace', () => {
    expect(latchkey.output)
      .to.contain('protocol error')
      .and.contain('login failed')
      .and.contain('request refused');
    expectNowhere([['the log', Buffer.from(latchkey.output)]]);
  });

  it('are not in the files of the data directory, while it runs and after a crash', async () => {
    const files = filesIn(latchkey.dataDir);
    expect(files.map(([path]) => path).join()).to.match(/\.(db|sqlite)/);
    expect(files.reduce((sum, [, bytes]) => sum + bytes.length, 0)).to.be.greaterThan(100_000);
    expectNowhere(files);
    await latchkey.crash();
    expectNowhere(filesIn(latchkey.dataDir));
  });
});
