import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose';
import { PostgresServer } from '../database/postgres-server.ts';
import { RedisServer } from '../redis/redis-servers.ts';
import { ADA, Application } from './application.ts';
import { FormBrowser, type Landing } from './form-browser.ts';
import { eventually, LatchkeyProcess, runCommand } from './latchkey-process.ts';
import { NoticeReceiver, type ReceivedNotice } from './notice-receiver.ts';

const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const LOOPBACK = { LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: 'loopback', LATCHKEY_NOTIFICATIONS_FIRST_RETRY: '1' };

interface Waiting {
  id: string;
  kind: string;
  recipient: string;
  state: string;
  attempts: number;
  problem?: string;
}

const tokenIn = ({ body }: ReceivedNotice): string => new URLSearchParams(body).get('logout_token') ?? '';

async function signOut(browser: FormBrowser): Promise<Landing> {
  const landing = await browser.submit(await browser.visit('/session/end'), 'confirm');
  expect(landing).to.include({ status: 200, pageName: 'logged-out' });
  return landing;
}

let names = 0;

/** An application that hears of logouts at a path of its own. */
async function registerListener(
  latchkey: LatchkeyProcess,
  receiver: NoticeReceiver,
  metadata: Record<string, unknown> = {},
): Promise<{ app: Application; path: string }> {
  names += 1;
  const path = `/logout-${names}`;
  const app = await Application.register(latchkey, {
    backchannel_logout_uri: `${receiver.origin}${path}`,
    backchannel_logout_session_required: true,
    ...metadata,
  });
  return { app, path };
}

describe('back-channel logout', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let receiver: NoticeReceiver;
  let sub: string;

  before(async () => {
    receiver = await NoticeReceiver.start();
    latchkey = await LatchkeyProcess.start(LOOPBACK);
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
  });
  after(async () => {
    await latchkey?.stop();
    await receiver?.down();
  });
  afterEach(() => {
    receiver.reaction = 200;
  });

  const waiting = (): Promise<Waiting[]> => latchkey.json<Waiting[]>(['notifications', 'list']);
  const settled = (): Promise<void> =>
    eventually('nothing waits', async () => (await waiting()).length === 0, 20_000);

  it('is told in discovery', async () => {
    const discovery = await (await fetch(`${latchkey.issuer}/.well-known/openid-configuration`)).json();
    expect(discovery).to.include({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    });
  });

  it('tells each client of the session, with a token that its keys verify', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const one = await registerListener(latchkey, receiver);
    const two = await registerListener(latchkey, receiver, { backchannel_logout_session_required: false });
    const silent = await Application.register(latchkey);
    const tokens = await one.app.signIn(browser);
    await two.app.signIn(browser);
    await silent.signIn(browser);
    await signOut(browser);
    const [first] = await receiver.have(1, one.path);
    const [second] = await receiver.have(1, two.path);
    expect(first?.headers['content-type']).to.match(/^application\/x-www-form-urlencoded/);
    const keys = createRemoteJWKSet(new URL('/jwks', latchkey.issuer));
    const { payload, protectedHeader } = await jwtVerify(tokenIn(first as ReceivedNotice), keys, {
      issuer: latchkey.issuer,
      audience: one.app.clientId,
      typ: 'logout+jwt',
      algorithms: ['RS256'],
    });
    expect(protectedHeader.alg).to.equal('RS256');
    expect(payload).to.have.all.keys('iss', 'aud', 'iat', 'exp', 'jti', 'sub', 'sid', 'events');
    expect(payload.sub).to.equal(sub);
    expect(payload.sid).to.equal(decodeJwt(tokens.id_token).sid);
    expect(payload.events).to.deep.equal({ [EVENT]: {} });
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).to.be.within(1, 120);
    expect(decodeJwt(tokenIn(second as ReceivedNotice))).to.not.have.property('sid');
    await settled();
    expect(await receiver.have(1, one.path)).to.have.length(1);
  });

  it('tells a pairwise client by its own name for the person', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { app, path } = await registerListener(latchkey, receiver, { subject_type: 'pairwise' });
    const tokens = await app.signIn(browser);
    await signOut(browser);
    const [notice] = await receiver.have(1, path);
    const told = decodeJwt(tokenIn(notice as ReceivedNotice));
    expect(told.sub).to.equal(decodeJwt(tokens.id_token).sub);
    expect(told.sub).to.not.equal(sub);
  });

  it('happens when the operator ends a session, and when a person is disabled or deleted', async () => {
    const { app, path } = await registerListener(latchkey, receiver);
    await app.signIn(new FormBrowser(latchkey.issuer));
    const [session] = await latchkey.json<{ uid: string }[]>(['sessions', 'list', '--account', sub]);
    await latchkey.json(['sessions', 'revoke', String(session?.uid)]);
    await receiver.have(1, path);
    const person = { login: 'bob@example.com', password: 'orange juice at noon' };
    const bob = await latchkey.createPerson(person.login, person.password);
    await app.signIn(new FormBrowser(latchkey.issuer), {}, person);
    await latchkey.json(['users', 'disable', bob.sub]);
    await receiver.have(2, path);
    await latchkey.json(['users', 'enable', bob.sub]);
    await app.signIn(new FormBrowser(latchkey.issuer), {}, person);
    await latchkey.json(['users', 'delete', bob.sub]);
    const [, disabled, deleted] = await receiver.have(3, path);
    for (const notice of [disabled, deleted]) {
      expect(decodeJwt(tokenIn(notice as ReceivedNotice)).sub).to.equal(bob.sub);
    }
  });

  it('does not make the person wait for a receiver that hangs, nor others behind it', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { app, path } = await registerListener(latchkey, receiver);
    await app.signIn(browser);
    receiver.reaction = 'hang';
    await signOut(browser);
    const [stuck] = await receiver.have(1, path);
    // It still hangs.
    expect(await waiting()).to.have.length(1);
    receiver.reaction = 200;
    const other = await registerListener(latchkey, receiver);
    const otherBrowser = new FormBrowser(latchkey.issuer);
    await other.app.signIn(otherBrowser);
    await signOut(otherBrowser);
    await receiver.have(1, other.path);
    const [, again] = await receiver.have(2, path, 30_000);
    expect(decodeJwt(tokenIn(again as ReceivedNotice)).jti).to.equal(
      decodeJwt(tokenIn(stuck as ReceivedNotice)).jti,
    );
    await settled();
  });

  it('survives a crash between the logout and the delivery, and a receiver that is down', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { app, path } = await registerListener(latchkey, receiver);
    await app.signIn(browser);
    await receiver.down();
    await signOut(browser);
    await latchkey.crash();
    await latchkey.launch();
    await eventually('an attempt has failed', async () => ((await waiting())[0]?.attempts ?? 0) > 0);
    const [notice] = await waiting();
    expect(notice).to.include({ kind: 'backchannel-logout', recipient: app.clientId, state: 'waiting' });
    await receiver.up();
    await receiver.have(1, path, 30_000);
    await settled();
  });

  it('is given up when its client is gone, and the operator may try it again or discard it', async () => {
    const browser = new FormBrowser(latchkey.issuer);
    const { app, path } = await registerListener(latchkey, receiver);
    await app.signIn(browser);
    receiver.reaction = 503;
    await signOut(browser);
    await receiver.have(1, path);
    await latchkey.json(['clients', 'delete', app.clientId]);
    await eventually('it is given up', async () => (await waiting())[0]?.state === 'failed', 20_000);
    const [notice] = await waiting();
    expect(notice?.problem).to.equal('the client takes no such notices any more');
    const id = String(notice?.id);
    await latchkey.json(['notifications', 'retry', id]);
    await eventually('it is given up again', async () => (await waiting())[0]?.state === 'failed');
    await latchkey.json(['notifications', 'discard', id]);
    expect(await waiting()).to.deep.equal([]);
    const { code } = await latchkey.command(['notifications', 'retry', id]);
    expect(code).to.equal(1);
  });

  it('tells in the log and the metrics what came of it', async () => {
    const metrics = await latchkey.metrics();
    expect(metrics).to.match(
      /latchkey_notification_attempts_total\{kind="backchannel-logout",outcome="delivered"\} [1-9]/,
    );
    expect(metrics).to.contain('latchkey_notifications{state="waiting"} 0');
    expect(latchkey.output).to.contain('a notice was delivered');
    expect(latchkey.output).to.contain('a notice is given up');
    expect(latchkey.output, 'a token').to.not.match(/eyJ[\w-]{8,}\.eyJ/);
  });
});

describe('addresses of notices', function () {
  this.timeout(60_000);

  it('on this machine are not called unless that is allowed', async () => {
    const receiver = await NoticeReceiver.start();
    const latchkey = await LatchkeyProcess.start({ LATCHKEY_NOTIFICATIONS_ATTEMPTS: '1' });
    try {
      await latchkey.createPerson(ADA.login, ADA.password);
      const browser = new FormBrowser(latchkey.issuer);
      const { app } = await registerListener(latchkey, receiver);
      await app.signIn(browser);
      await signOut(browser);
      const list = () => latchkey.json<Waiting[]>(['notifications', 'list']);
      await eventually('it is given up', async () => (await list())[0]?.state === 'failed');
      expect((await list())[0]?.problem).to.match(/is called over https only/);
      expect(receiver.received).to.deep.equal([]);
    } finally {
      await latchkey.stop();
      await receiver.down();
    }
  });

  it('cannot be allowed on this machine by an issuer that is not', async () => {
    const latchkey = { LATCHKEY_ISSUER: 'https://id.example.com', LATCHKEY_TRUSTED_PROXIES: 'loopback' };
    const here = ['loopback', '127.0.0.53', '::1', '0.0.0.0/7', '126.0.0.0/7', '::/64'];
    const check = (networks: readonly string[]) =>
      runCommand({ ...latchkey, LATCHKEY_OUTBOUND_PRIVATE_NETWORKS: networks.join(',') }, [
        ...['config', 'check'],
      ]);
    const { code, stderr } = await check([...here, '10.0.0.0/8']);
    expect(code).to.equal(2);
    const refused = [
      ...stderr.matchAll(/"([^"]+)" is this machine, which only an issuer on loopback may allow/g),
    ];
    expect(refused.map(([, network]) => network)).to.deep.equal(here);
    expect((await check(['10.0.0.0/8', 'fd00::/8'])).code).to.equal(0);
  });
});

describe('back-channel logout over PostgreSQL and Redis', function () {
  this.timeout(90_000);

  it('is delivered once by two processes, whichever process the logout was at', async () => {
    const receiver = await NoticeReceiver.start();
    const [postgres, redis] = await Promise.all([PostgresServer.start(), RedisServer.start()]);
    const servers: LatchkeyProcess[] = [];
    try {
      const environment = {
        ...LOOPBACK,
        LATCHKEY_DATABASE_URL: postgres.url(await postgres.createDatabase()),
        LATCHKEY_REDIS_URL: redis.url,
        LATCHKEY_ENCRYPTION_KEY: randomBytes(32).toString('base64'),
      };
      const one = await LatchkeyProcess.start(environment);
      servers.push(one);
      const two = await LatchkeyProcess.start({ ...environment, LATCHKEY_ISSUER: one.issuer });
      servers.push(two);
      const { sub } = await one.createPerson(ADA.login, ADA.password);
      const listeners = await Promise.all([1, 2, 3, 4].map(() => registerListener(one, receiver)));
      const browser = new FormBrowser(one.issuer);
      for (const { app } of listeners) await app.signIn(browser);
      await two.json(['users', 'disable', sub]);
      for (const { path } of listeners) await receiver.have(1, path);
      await eventually(
        'nothing waits',
        async () => (await one.json<Waiting[]>(['notifications', 'list'])).length === 0,
      );
      expect(receiver.received).to.have.length(4);
    } finally {
      for (const server of servers) await server.stop();
      await Promise.all([receiver.down(), postgres.remove(), redis.remove()]);
    }
  });
});
