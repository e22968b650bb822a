import { expect } from 'chai';
import { DocumentServer } from './document-server.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';

describe('client ID metadata documents of addresses that are not public', function () {
  this.timeout(60_000);
  let documents: DocumentServer;
  let latchkey: LatchkeyProcess;
  before(async () => {
    documents = await DocumentServer.start();
    const { NODE_EXTRA_CA_CERTS: certificates = '' } = documents.environment;
    latchkey = await LatchkeyProcess.start({
      NODE_EXTRA_CA_CERTS: certificates,
      LATCHKEY_CLIENT_DOCUMENTS_ENABLED: 'true',
      LATCHKEY_CLIENT_DOCUMENTS_LIMITS_PER_ADDRESS: '8',
    });
  });
  after(async () => {
    await latchkey?.stop();
    await documents?.stop();
  });

  it('are not fetched, by name or by address, and a flood of them is told to wait', async () => {
    const { port } = new URL(documents.origin);
    documents.json('/client.json', { client_id: `${documents.origin}/client.json` });
    const ask = (clientId: string) =>
      new FormBrowser(latchkey.issuer).visit(`/auth?${new URLSearchParams({ client_id: clientId })}`);
    for (const host of [
      'localhost',
      '127.0.0.1',
      '[::1]',
      '[::ffff:7f00:1]',
      '10.0.0.1',
      '169.254.169.254',
    ]) {
      const landing = await ask(`https://${host}:${port}/client.json`);
      expect(landing.status, host).to.equal(400);
      expect(landing.page, host).to.match(/not of the public Internet/);
    }
    expect(documents.asked('/client.json')).to.equal(0);
    const flood = await Promise.all(
      Array.from({ length: 6 }, (_, index) => ask(`https://127.0.0.1:${port}/${index}.json`)),
    );
    expect(flood.filter(({ status }) => status === 429)).to.have.length(4);
    expect((await ask('https://127.0.0.1/x.json')).page).to.include('temporarily_unavailable');
  });
});
