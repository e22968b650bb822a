import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { exportJWK, generateKeyPair } from 'jose';
import { ADA, answerIn } from '../flows/application.ts';
import type { Landing } from '../flows/form-browser.ts';
import { hrefOf } from '../interactions/page-forms.ts';
import { GRACE, UpstreamPair } from './upstream-pair.ts';

/** Where the application wants people who have signed out. */
const LEFT = 'http://localhost:9/left';

describe('signing in at another provider', () => {
  let pair: UpstreamPair;
  let folder: string;
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-upstream-'));
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    const known = { kid: 'one', alg: 'ES256' };
    const jwk = { ...(await exportJWK(publicKey)), ...known };
    const file = path.join(folder, 'key.json');
    writeFileSync(file, JSON.stringify({ ...(await exportJWK(privateKey)), ...known }));
    pair = await UpstreamPair.start({
      settings: {
        provisioning: 'just_in_time',
        logout: 'automatic',
        client_secret: undefined,
        client_authentication: 'private_key_jwt',
        private_key_file: file,
      },
      client: () => ({
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [jwk] },
      }),
      application: { post_logout_redirect_uris: [LEFT] },
    });
  });
  after(async () => {
    await pair?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const codeIn = (landing: Landing): string => answerIn(landing).code ?? '';

  it('makes an account for somebody new, and finds it again, known there by a key', async () => {
    const worker = await pair.createWorker('new@works.example');
    const first = await pair.visitor().signIn(worker);
    expect(codeIn(first), first.page).not.to.equal('');
    const again = await pair.visitor().signIn(worker);
    expect(codeIn(again), again.page).not.to.equal('');
    const shown = await pair.latchkey.json<{ claims: Record<string, unknown>; has_password: boolean }>([
      'users',
      'show',
      'new@works.example',
    ]);
    expect(shown.claims).to.include({
      name: 'Grace Hopper',
      email: 'new@works.example',
      email_verified: true,
    });
    expect(shown.has_password).to.equal(false);
  });

  it('does not take over an account by its address, and links it by proof', async () => {
    const worker = await pair.createWorker(ADA.login);
    const visitor = pair.visitor();
    const connect = await visitor.signIn(worker);
    expect(connect).to.include({ pageName: 'connect', status: 200 });
    expect(connect.page).to.include(ADA.login);
    const login = await visitor.here.visit(new URL(hrefOf(connect, 'sign-in'), pair.latchkey.issuer));
    expect(login.pageName).to.equal('login');
    expect(login.page).to.include('id="connecting"');
    const landed = await visitor.consent(await visitor.here.submit(login, 'submit', { ...ADA }));
    expect(codeIn(landed), landed.page).not.to.equal('');
    const after = await pair.visitor().signIn(worker);
    expect(codeIn(after), after.page).not.to.equal('');
  });

  it('believes no address that the provider has not verified', async () => {
    const landing = await pair.visitor().signIn(GRACE);
    expect(landing.pageName).to.equal('connect');
    expect((await pair.latchkey.command(['users', 'show', GRACE.login])).code).to.equal(1);
  });

  it('makes no second account for an address that somebody’s record has', async () => {
    const words = ['users', 'create', '--login', 'jo', '--email', 'Jo_Doe@works.example', '--password-stdin'];
    await pair.latchkey.json(words, ADA.password);
    const landing = await pair.visitor().signIn(await pair.createWorker('jo_doe@works.example'));
    expect(landing.pageName, landing.page).to.equal('connect');
    const other = await pair.visitor().signIn(await pair.createWorker('jo-doe@works.example'));
    expect(codeIn(other), other.page).not.to.equal('');
  });

  it('signs out there as well, and then leads where the application wants', async () => {
    const visitor = pair.visitor();
    await visitor.signIn(await pair.createWorker('leaves@works.example'));
    const asked = new URL('/session/end', pair.latchkey.issuer);
    const { clientId } = pair.application;
    asked.search = new URLSearchParams({
      ...{ client_id: clientId, post_logout_redirect_uri: LEFT, state: 'a-state' },
    }).toString();
    const there = await visitor.here.submit(await visitor.here.visit(asked), 'confirm');
    expect(there.url.origin, there.page).to.equal(pair.works.issuer);
    const back = await visitor.there.submit(await visitor.there.visit(there.url), 'confirm');
    expect(back.url.href).to.equal(`${pair.latchkey.issuer}/upstream/works/signed-out`);
    expect((await visitor.here.visit(back.url)).url.href).to.equal(`${LEFT}?state=a-state`);
    expect((await visitor.here.visit('/account')).pageName).to.equal('login');
    expect((await visitor.there.visit('/account')).pageName).to.equal('login');
    // Nobody is led anywhere a second time.
    expect((await visitor.here.visit(back.url)).pageName).to.equal('home');
  });
});
