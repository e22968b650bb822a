import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { ADA, Application } from '../flows/application.ts';
import { eventually, type LatchkeyProcess } from '../flows/latchkey-process.ts';
import { comparableHeaders } from '../flows/plain-answer.ts';
import { type LogLine, logOf } from '../flows/server-log.ts';
import { FailingStorage } from './failing-storage.ts';
import { startAlone } from './installation.ts';

describe('a plain request that a store in trouble stops', () => {
  let latchkey: LatchkeyProcess;
  let folder: string;
  let storage: FailingStorage;
  let app: Application;
  let tokens: { access_token: string; refresh_token: string };

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-plain-'));
    const socketFile = path.join(folder, 'socket');
    latchkey = await startAlone(FailingStorage.environment(socketFile));
    await latchkey.createPerson(ADA.login, ADA.password);
    app = await Application.register(latchkey);
    tokens = await app.signIn(undefined, { scope: 'openid offline_access', prompt: 'consent' });
    storage = await FailingStorage.connect(socketFile);
  });
  after(async () => {
    storage?.close();
    await latchkey?.stop();
    rmSync(folder, { recursive: true });
  });

  const basic = () => `Basic ${Buffer.from(`${app.clientId}:${app.secret}`).toString('base64')}`;
  const form = (fields: Record<string, string>): RequestInit => ({
    method: 'POST',
    body: new URLSearchParams(fields),
    headers: { authorization: basic() },
  });
  const requests: [path: string, endpoint: string, request: () => RequestInit][] = [
    ['/token', 'token', () => form({ grant_type: 'refresh_token', refresh_token: tokens.refresh_token })],
    ['/introspection', 'introspection', () => form({ token: tokens.access_token })],
    ['/me', 'userinfo', () => ({ headers: { authorization: `Bearer ${tokens.access_token}` } })],
  ];

  /** What is answered when the store's `call`th call fails, and what the log says of it. */
  async function fail(target: string, request: RequestInit, call: number) {
    const mark = logOf(latchkey).length;
    await storage.fail(call);
    const response = await fetch(`${latchkey.issuer}${target}`, request);
    const body: unknown = await response.json();
    expect((await storage.fail(0)).hasFailed, `call ${call} was made`).to.equal(true);
    const reference = response.headers.get('latchkey-reference');
    const line = () =>
      logOf(latchkey)
        .slice(mark)
        .find((one) => one.reference === reference);
    await eventually('the log tells of it', () => line() !== undefined);
    const { level, status, method, path: told, endpoint, clientId } = line() as LogLine;
    const { sent } = comparableHeaders(response.headers);
    // For browsers of other origins as well, where the engine answers; nothing of it is stored.
    delete sent.vary;
    return { status: response.status, body, sent, told: { level, status, method, told, endpoint, clientId } };
  }

  for (const [target, endpoint, request] of requests) {
    it(`is answered and logged as by the engine: ${endpoint}`, async () => {
      // A token is found by one call; a refresh has more to do.
      for (const call of endpoint === 'token' ? [1, 2] : [1]) {
        const plain = await fail(target, request(), call);
        const engine = await fail(`${target}?`, request(), call);
        expect(plain, `call ${call}`).to.deep.equal(engine);
        expect(plain.status).to.equal(503);
        expect(plain.sent, 'no word against the token')
          .to.include.keys('retry-after')
          .and.not.have.property('www-authenticate');
        expect(plain.told).to.include({ level: 50, endpoint });
        if (endpoint !== 'userinfo') expect(plain.told.clientId).to.equal(app.clientId);
      }
    });
  }
});
