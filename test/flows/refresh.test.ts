import { expect } from 'chai';
import { ADA, Application, answerIn } from './application.ts';
import { dpopKey } from './dpop-key.ts';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';

const GRACE_SECONDS = 1;

describe('refresh tokens', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let spa: Application;
  let strict: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_WORKERS: '2',
      LATCHKEY_LIFETIMES_REFRESH_TOKEN_GRACE: String(GRACE_SECONDS),
    });
    [app, spa, strict] = await Promise.all([
      Application.register(latchkey),
      Application.register(latchkey, { token_endpoint_auth_method: 'none' }),
      Application.register(latchkey, { refresh_token_grace: 0 }),
      latchkey.createPerson(ADA.login, ADA.password),
    ]);
  });
  after(() => latchkey.stop());

  /** Waits until the whole second after the grace has begun: times are kept in seconds. */
  function graceIsOver(): Promise<void> {
    const over = Date.now() + (GRACE_SECONDS + 1) * 1000 + 50;
    return eventually('the grace is over', () => Date.now() > over);
  }

  it('two tabs at once: the same successor, and the person stays signed in', async () => {
    const { refresh_token } = await spa.signIn();
    const [one, two] = await Promise.all([spa.refresh(refresh_token), spa.refresh(refresh_token)]);
    expect([one.status, two.status]).to.deep.equal([200, 200]);
    expect(one.body.refresh_token).to.equal(two.body.refresh_token);
    expect(one.body.access_token).to.not.equal(two.body.access_token);
    await graceIsOver();
    expect((await spa.refresh(one.body.refresh_token)).status).to.equal(200);
  });

  it('a stolen token used after its grace ends its family, and no other device', async () => {
    const [laptop, phone] = [new FormBrowser(latchkey.issuer), new FormBrowser(latchkey.issuer)];
    const onLaptop = await app.signIn(laptop);
    const onPhone = await app.signIn(phone);
    const next = await app.refresh(onLaptop.refresh_token);
    await graceIsOver();
    const reused = await app.refresh(onLaptop.refresh_token);
    expect({ status: reused.status, error: reused.body.error }).to.deep.equal({
      status: 400,
      error: 'invalid_grant',
    });
    expect((await app.refresh(next.body.refresh_token)).body.error, 'the successor').to.equal(
      'invalid_grant',
    );
    expect((await app.userinfo(next.body.access_token)).status, 'the access token').to.equal(401);

    expect((await app.userinfo(onPhone.access_token)).status).to.equal(200);
    expect((await app.refresh(onPhone.refresh_token)).status).to.equal(200);
    // The consent and the session on the laptop are the person's own; the thief had neither.
    const silent = await app.authorize(laptop, { prompt: 'none' });
    expect(answerIn(silent.landing).error).to.equal(undefined);
    expect((await app.redeem(silent)).status).to.equal(200);
  });

  it('two sign-ins on one device share a fate: they are one session’s grant', async () => {
    const device = new FormBrowser(latchkey.issuer);
    const first = await app.signIn(device);
    const second = await app.signIn(device);
    await app.revoke(first.refresh_token);
    expect((await app.refresh(second.refresh_token)).body.error).to.equal('invalid_grant');
  });

  it('a client may have no grace at all: then the first reuse ends the family', async () => {
    const { refresh_token } = await strict.signIn();
    const { body } = await strict.refresh(refresh_token);
    expect((await strict.refresh(refresh_token)).body.error).to.equal('invalid_grant');
    expect((await strict.refresh(body.refresh_token)).body.error).to.equal('invalid_grant');
  });

  it('a token bound to a key has no grace: who holds the key can tell', async () => {
    const key = await dpopKey();
    const proof = async () => ({ DPoP: await key.proof(`${latchkey.issuer}/token`) });
    const { body } = await spa.redeem(
      await spa.authorize(new FormBrowser(latchkey.issuer)),
      {},
      await proof(),
    );
    const parameters = { grant_type: 'refresh_token', refresh_token: body.refresh_token };
    expect((await spa.token(parameters, await proof())).status).to.equal(200);
    expect((await spa.token(parameters, await proof())).body.error).to.equal('invalid_grant');
  });

  it('scopes may be narrowed and never widened', async () => {
    const { refresh_token } = await app.signIn(undefined, { scope: 'openid email' });
    const narrowed = await app.refresh(refresh_token, { scope: 'openid' });
    expect(narrowed.body.scope).to.equal('openid');
    const widened = await app.refresh(narrowed.body.refresh_token, { scope: 'openid email phone' });
    expect(widened.body.error).to.equal('invalid_scope');
    expect((await app.refresh(narrowed.body.refresh_token)).body.scope, 'RFC 6749 §6').to.equal(
      'openid email',
    );
  });

  it('offline_access is not missed where it was not granted: a library may send all that it asked for', async () => {
    const { refresh_token, scope } = await app.signIn();
    expect(scope.split(' ')).not.to.include('offline_access');
    const next = await app.refresh(refresh_token, { scope: `${scope} offline_access` });
    expect(next.status, JSON.stringify(next.body)).to.equal(200);
    expect(next.body.scope).to.equal(scope);
    const alone = await app.refresh(next.body.refresh_token, { scope: 'offline_access' });
    expect(alone.body.scope).to.equal(scope);
    const wider = await app.refresh(alone.body.refresh_token, { scope: `${scope} offline_access phone` });
    expect(wider.body.error).to.equal('invalid_scope');
  });

  it('another client’s refresh token is invalid_grant, and stays good for its owner', async () => {
    const { refresh_token } = await app.signIn();
    expect((await spa.refresh(refresh_token)).body.error).to.equal('invalid_grant');
    expect((await app.refresh(refresh_token)).status).to.equal(200);
  });

  it('a client without the grant type gets none', async () => {
    const plain = await Application.register(latchkey, { grant_types: ['authorization_code'] });
    expect(await plain.signIn()).to.not.have.property('refresh_token');
  });

  it('without offline_access it ends with the session, with it it outlives a sign-out', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const online = await app.signIn(browser);
    const offline = await spa.signIn(browser, { scope: 'openid offline_access', prompt: 'consent' });
    const page = await browser.visit('/session/end');
    const done = await browser.submit(page, 'confirm');
    expect(done.pageName).to.equal('logged-out');
    expect((await app.refresh(online.refresh_token)).body.error).to.equal('invalid_grant');
    expect((await spa.refresh(offline.refresh_token)).status).to.equal(200);
  });
});
