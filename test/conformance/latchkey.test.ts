import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { expect } from 'chai';
import { announceNewKeys } from '../../scripts/conformance/announce-new-keys.ts';
import { type Latchkey, startLatchkey } from '../../scripts/conformance/latchkey.ts';

describe('a Latchkey that is put to the test of the conformance suite', function () {
  this.timeout(120_000);
  let folder: string;
  let latchkey: Latchkey | undefined;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-conformance-test-'));
  });
  after(async () => {
    await latchkey?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function get(address: string, authority: string): Promise<Record<string, unknown>> {
    const sent = request(address, { ca: readFileSync(authority), agent: false });
    const response = new Promise<Parameters<typeof json>[0]>((resolve, reject) => {
      sent.on('response', resolve);
      sent.on('error', reject);
    });
    sent.end();
    return (await json(await response)) as Record<string, unknown>;
  }

  it('listens on https with what the plan needs, and has its person and clients', async () => {
    latchkey = await startLatchkey('openid', folder, undefined);
    const { issuer, operator, person } = latchkey;
    expect(issuer).to.match(/^https:\/\/localhost:\d+$/);
    const authority = path.join(folder, 'openid', 'localhost.pem');
    const discovery = await get(`${issuer}/.well-known/openid-configuration`, authority);
    expect(discovery).to.include({
      issuer,
      registration_endpoint: `${issuer}/reg`,
      frontchannel_logout_supported: true,
    });
    expect(discovery.response_types_supported).to.include.members([
      'code',
      'code id_token',
      'id_token token',
    ]);
    const registered = await latchkey.register({
      redirect_uris: ['https://suite.example/test/a/a-plan/callback'],
    });
    expect(registered.client_secret).to.be.a('string');
    const refused = await latchkey.register({ redirect_uris: [] }).catch((error: Error) => error.message);
    expect(refused).to.match(/^latchkey clients create .*invalid_client_metadata/);
    const people = await operator(['users', 'show', person.login]);
    expect(people).to.have.nested.property('json.claims.zoneinfo', 'Europe/London');

    const before = await latchkey.publishedKeys();
    await announceNewKeys(latchkey, 100);
    const after = await latchkey.publishedKeys();
    expect(after).to.include.members(before);
    expect(after.length).to.be.above(before.length);
  });
});
