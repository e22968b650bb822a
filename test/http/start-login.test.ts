import { expect } from 'chai';
import { Application } from '../flows/application.ts';
import { LatchkeyProcess } from '../flows/latchkey-process.ts';

describe('sign-in that a third party begins', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let app: Application;
  let without: Application;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    app = await Application.register(latchkey, {
      redirect_uris: ['https://app.example.com/callback'],
      initiate_login_uri: 'https://app.example.com/login?tenant=1',
    });
    without = await Application.register(latchkey);
  });
  after(() => latchkey?.stop());

  const start = (parameters: string | Record<string, string>): Promise<Response> =>
    fetch(`${latchkey.issuer}/start-login?${new URLSearchParams(parameters)}`, { redirect: 'manual' });

  it('leads to the application’s own address, with the issuer and what was given', async () => {
    const plain = await start({ client_id: app.clientId });
    expect(plain.status).to.equal(303);
    const iss = encodeURIComponent(latchkey.issuer);
    expect(plain.headers.get('location')).to.equal(`https://app.example.com/login?tenant=1&iss=${iss}`);
    const hinted = await start({
      client_id: app.clientId,
      login_hint: 'ada@example.com',
      target_link_uri: 'https://app.example.com/notes/7?a=b',
    });
    expect(Object.fromEntries(new URL(hinted.headers.get('location') ?? '').searchParams)).to.deep.equal({
      tenant: '1',
      iss: latchkey.issuer,
      login_hint: 'ada@example.com',
      target_link_uri: 'https://app.example.com/notes/7?a=b',
    });
  });

  it('leads nowhere else', async () => {
    for (const target of [
      'https://evil.example/',
      'https://app.example.com.evil.example/',
      'javascript:x',
      '',
    ]) {
      const { status, headers } = await start({ client_id: app.clientId, target_link_uri: target });
      expect({ status, location: headers.get('location') }, target).to.deep.equal({
        status: 400,
        location: null,
      });
    }
    for (const parameters of [{ client_id: without.clientId }, { client_id: 'nobody' }, {}]) {
      expect((await start(parameters)).status).to.equal(404);
    }
    const { status } = await start(`client_id=${app.clientId}&client_id=${without.clientId}`);
    expect(status).to.equal(400);
    const posted = await fetch(`${latchkey.issuer}/start-login`, { method: 'POST' });
    expect(posted.status).to.equal(405);
  });
});
