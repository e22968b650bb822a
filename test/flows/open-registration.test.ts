import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import type { Answer } from './application.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { CALLBACK, send } from './registration-request.ts';

type Key = Awaited<ReturnType<typeof generateKeyPair>>['privateKey'];

describe('open registration', function () {
  this.timeout(60_000);
  const issuer = 'https://vendor.example';
  let folder: string;
  let latchkey: LatchkeyProcess;
  let vendor: Key;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-statements-'));
    const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
    vendor = privateKey;
    const file = path.join(folder, 'issuers.json');
    writeFileSync(
      file,
      JSON.stringify({ [issuer]: { keys: [{ ...(await exportJWK(publicKey)), kid: 'one' }] } }),
    );
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_CLIENT_REGISTRATION_MODE: 'open',
      LATCHKEY_CLIENT_REGISTRATION_STATEMENT_ISSUERS_FILE: file,
      LATCHKEY_CLIENT_REGISTRATION_LIMITS_PER_ADDRESS: '9',
    });
  });
  after(async () => {
    await latchkey?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const statement = (claims: Record<string, unknown>, key: Key = vendor): Promise<string> =>
    new SignJWT({ iss: issuer, ...claims }).setProtectedHeader({ alg: 'ES256', kid: 'one' }).sign(key);
  const register = (metadata: Record<string, unknown>): Promise<Answer> =>
    send(`${latchkey.issuer}/reg`, 'POST', { body: { redirect_uris: [CALLBACK], ...metadata } });

  it('takes what a trusted issuer states over what is asked for', async () => {
    const software = await statement({
      client_name: 'Stated',
      software_id: 'app-1',
      redirect_uris: [CALLBACK],
    });
    const { status, body } = await register({
      software_statement: software,
      client_name: 'Asked for',
      redirect_uris: ['https://elsewhere.example/'],
    });
    expect(status, JSON.stringify(body)).to.equal(201);
    expect(body).to.include({ client_name: 'Stated', software_id: 'app-1', software_statement: software });
    expect(body.redirect_uris).to.deep.equal([CALLBACK]);
  });

  it('refuses statements of others, of nobody’s key, expired ones, and those for somebody else', async () => {
    const stranger = (await generateKeyPair('ES256')).privateKey;
    const cases = [
      [await statement({ iss: 'https://stranger.example' }), 'unapproved_software_statement'],
      [await statement({}, stranger), 'invalid_software_statement'],
      [await statement({ exp: 1 }), 'invalid_software_statement'],
      [await statement({ aud: 'https://other.example' }), 'invalid_software_statement'],
      ['nonsense', 'invalid_software_statement'],
    ] as const;
    for (const [software, error] of cases) {
      const { status, body } = await register({ software_statement: software });
      expect({ status, error: body.error }).to.deep.equal({ status: 400, error });
    }
  });

  it('is told to wait when it becomes a flood, over all workers, and says when to come back', async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => register({})));
    const refused = answers.filter(({ status }) => status === 429);
    expect(refused).to.have.length(9);
    expect(answers.filter(({ status }) => status === 201)).to.have.length(3);
    expect(Number(refused[0]?.headers.get('retry-after'))).to.be.greaterThan(0);
    expect((await fetch(`${latchkey.issuer}/jwks`)).status).to.equal(200);
  });
});
