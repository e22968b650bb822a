import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { startApprovalDesk } from '../../scripts/conformance/approval-desk.ts';
import { API_SCOPE, type GuardedApi, startGuardedApi } from '../../scripts/conformance/guarded-api.ts';
import { testCertificate } from '../config/test-certificate.ts';
import { ADA, Application } from '../flows/application.ts';
import { ask, ON, outcomeOf, POLLING, poll } from '../flows/ciba-requests.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';
import { ProfiledApplication } from '../flows/profiled-application.ts';

describe('what stands beside Latchkey for the conformance suite', function () {
  this.timeout(120_000);
  let folder: string;
  let latchkey: LatchkeyProcess;
  let api: GuardedApi;

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-conformance-test-'));
    const files = { certificate: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
    writeFileSync(files.certificate, testCertificate.certificate);
    writeFileSync(files.key, testCertificate.key);
    api = await startGuardedApi(files);
    latchkey = await LatchkeyProcess.start(ON);
    await latchkey.createPerson(ADA.login, ADA.password);
    await latchkey.json(['apis', 'create', '--identifier', api.identifier, '--scopes', API_SCOPE]);
    api.trust(latchkey.issuer, (url, init) => fetch(url, init));
  });
  after(async () => {
    await api?.stop();
    await latchkey?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The status of the API's answer. */
  const call = (headers: Record<string, string>) =>
    new Promise<number | undefined>((resolve, reject) => {
      const options = { headers, ca: testCertificate.certificate, agent: false };
      const sent = request(api.identifier, options, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject);
      sent.end();
    });

  it('an API takes the tokens of its issuer with the proof of their key, once, and no other', async () => {
    const bank = await ProfiledApplication.register(latchkey, {
      profile: 'fapi2-security',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      default_resource: api.identifier,
    });
    const { body } = await bank.post('/token', { grant_type: 'client_credentials', scope: API_SCOPE });
    const token = body.access_token as string;
    const ath = createHash('sha256').update(token).digest('base64url');
    const proof = await bank.proof(api.identifier, 'GET', { claims: { ath } });
    const presented = { authorization: `DPoP ${token}`, dpop: proof };
    expect(await call(presented)).to.equal(200);
    expect(await call(presented), 'used before').to.equal(401);
    expect(await call({ authorization: `Bearer ${token}` })).to.equal(401);
    const usual = await Application.register(latchkey, {
      grant_types: ['client_credentials'],
      redirect_uris: [],
    });
    const unbound = await usual.token({ grant_type: 'client_credentials', resource: api.identifier });
    expect(await call({ authorization: `Bearer ${unbound.body.access_token}` }), 'unbound').to.equal(401);
    expect(await call({})).to.equal(401);
  });

  it('somebody answers requests in a person’s stead, the latest first, as the suite wants it', async () => {
    const desk = await startApprovalDesk(latchkey.issuer);
    try {
      const address = desk.addressFor(ADA);
      // The suite takes whatever stands in braces for a variable, and encodes the rest anew.
      expect(address.replace('{action}', '')).to.match(/^[\w:/.?&=-]+$/);
      const act = (action: string) => fetch(address.replace('{action}', action), { method: 'POST' });
      const counter = await Application.register(latchkey, POLLING);
      const [first, second] = [await ask(counter), await ask(counter)];
      expect((await act('allow')).status).to.equal(200);
      expect((await act('deny')).status).to.equal(200);
      expect(outcomeOf(await poll(counter, second))).to.equal('tokens');
      expect(outcomeOf(await poll(counter, first))).to.equal('access_denied');
      expect((await act('allow')).status, 'nothing waits').to.equal(500);
      const stranger = address.replace(/person=[^&]+/, 'person=nobody');
      expect((await fetch(stranger, { method: 'POST' })).status).to.equal(500);
    } finally {
      await desk.stop();
    }
  });
});
