import { randomInt } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { SignJWT } from 'jose';
import { ADA, Application } from './application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

/** Keeps asking until it is told to stop; answers how each attempt ended. */
function keepAsking<Result>(attempt: () => Promise<Result>): { stop(): Promise<Result[]> } {
  let going = true;
  const results: Result[] = [];
  const done = (async () => {
    while (going) results.push(await attempt());
  })();
  return {
    stop: async () => {
      going = false;
      await done;
      return results;
    },
  };
}

describe('a backup of a server under load, and the restore of it', function () {
  this.timeout(120_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let machine: Application;
  let secret: string;
  let folder: string;
  let file: string;

  async function assertion(): Promise<string> {
    return new SignJWT({ jti: `${randomInt(2 ** 47)}` })
      .setProtectedHeader({ alg: 'HS256' })
      .setIssuer(machine.clientId)
      .setSubject(machine.clientId)
      .setAudience(latchkey.issuer)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(Buffer.from(secret));
  }
  const present = (jwt: string) =>
    fetch(new URL('/token', latchkey.issuer), {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: jwt,
      }),
    });

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-backup-'));
    file = path.join(folder, 'backup.db');
    latchkey = await LatchkeyProcess.start({ LATCHKEY_LIFETIMES_REFRESH_TOKEN_GRACE: '0' });
    await latchkey.createPerson(ADA.login, ADA.password);
    app = await Application.register(latchkey);
    const registered = await latchkey.createClient({
      client_id: 'machine',
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'client_secret_jwt',
    });
    secret = registered.client_secret;
    machine = { clientId: 'machine' } as Application;
  });
  after(async () => {
    await latchkey.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it('lets every request through, and goes back to the directory alone: nothing that was granted counts', async () => {
    const offline = { scope: 'openid offline_access', prompt: 'consent' };
    const untouched = await app.signIn(new FormBrowser(latchkey.issuer), offline);
    const revokedLater = await app.signIn(new FormBrowser(latchkey.issuer), offline);
    const rotatedLater = await app.signIn(new FormBrowser(latchkey.issuer), offline);
    const browser = new FormBrowser(latchkey.issuer);
    await app.signIn(browser);

    // Sign-ins, refreshes and new people go on while backups are made.
    let line = (await app.signIn(new FormBrowser(latchkey.issuer), offline)).refresh_token;
    const refreshes = keepAsking(async () => {
      const { status, body } = await app.refresh(line);
      line = body.refresh_token ?? line;
      return status;
    });
    const signIns = keepAsking(async () => (await app.signIn(browser)).token_type);
    let people = 0;
    const creations = keepAsking(async () => {
      people += 1;
      return (await latchkey.createPerson(`person-${people}@example.com`, ADA.password)).sub;
    });
    for (let round = 1; round <= 3; round += 1) {
      const { code, stderr } = await latchkey.command(['backup', '--to', `${file}.${round}`]);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    }
    await latchkey.json(['backup', '--to', file]);
    const [statuses, types, created] = await Promise.all([
      refreshes.stop(),
      signIns.stop(),
      creations.stop(),
    ]);
    expect(new Set(statuses), 'every refresh was answered').to.deep.equal(new Set([200]));
    expect(new Set(types)).to.deep.equal(new Set(['Bearer']));
    expect(created.length).to.be.above(0);

    // What happens after the backup, and must not be undone by it.
    expect((await app.revoke(revokedLater.refresh_token)).status).to.equal(200);
    const rotated = await app.refresh(rotatedLater.refresh_token);
    expect(rotated.status).to.equal(200);
    const used = await assertion();
    expect((await present(used)).status).to.equal(200);
    const kidsBefore = (await latchkey.json<{ kid: string }[]>(['keys', 'list'])).map(({ kid }) => kid);

    const refused = await latchkey.command(['restore', '--from', file, '--json']);
    expect(refused.code).to.equal(1);
    expect(JSON.parse(refused.stderr)).to.include({ error: 'in_use' });
    expect((await app.userinfo(untouched.access_token)).status).to.equal(200);

    // A server that was killed leaves its newest transactions beside the database.
    await latchkey.crash();
    await latchkey.json(['restore', '--from', file]);
    await latchkey.launch();

    for (const { refresh_token: token } of [untouched, revokedLater, rotatedLater, rotated.body]) {
      const { status, body } = await app.refresh(token);
      expect({ status, error: body.error }).to.deep.equal({ status: 400, error: 'invalid_grant' });
    }
    expect((await app.userinfo(untouched.access_token)).status).to.equal(401);
    expect((await app.userinfo(rotated.body.access_token)).status).to.equal(401);

    // RFC 7523 §3: it was used before, which the restored store cannot know.
    const replayed = await present(used);
    expect(replayed.status).to.equal(401);
    expect(await replayed.json()).to.include({ error: 'invalid_client' });

    const landing = await browser.visit(app.authorizationRequest().url);
    expect(landing.pageName).to.equal('login');
    const again = await app.signIn();
    expect(again.id_token).to.be.a('string');
    const { keys } = (await (await fetch(new URL('/jwks', latchkey.issuer))).json()) as {
      keys: { kid: string }[];
    };
    for (const { kid } of keys) expect(kidsBefore).not.to.include(kid);
  });

  it('finds nothing wrong afterwards but what a restore leaves to do', async () => {
    const { stdout } = await latchkey.command(['doctor', '--json']);
    const { healthy, findings } = JSON.parse(stdout) as {
      healthy: boolean;
      findings: { check: string; status: string }[];
    };
    expect(healthy, stdout).to.equal(true);
    const warnings = findings.filter(({ status }) => status === 'warning').map(({ check }) => check);
    expect(warnings).to.include('restores');
    expect(findings.find(({ check }) => check === 'issuer')).to.include({ status: 'ok' });
    expect(readdirSync(latchkey.dataDir).filter((name) => name.startsWith('restoring-'))).to.deep.equal([]);
  });
});
