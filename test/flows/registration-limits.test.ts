import { expect } from 'chai';
import { LatchkeyProcess } from './latchkey-process.ts';
import { CALLBACK, send } from './registration-request.ts';

describe('limits on registrations with a token', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  before(async () => {
    latchkey = await LatchkeyProcess.start({
      LATCHKEY_CLIENT_REGISTRATION_MODE: 'initial_access_token',
      LATCHKEY_CLIENT_REGISTRATION_LIMITS_TOTAL: '6',
    });
  });
  after(() => latchkey?.stop());

  const register = (token?: string) =>
    send(`${latchkey.issuer}/reg`, 'POST', { body: { redirect_uris: [CALLBACK] }, token });

  it('are not used up by those who have none, and bound what its holder has written', async () => {
    for (let attempt = 0; attempt < 10; attempt += 1) {
      expect((await register(attempt % 2 === 0 ? undefined : 'a-guess')).status).to.equal(401);
    }
    const { token } = await latchkey.json(['registration-tokens', 'create']);
    const { status, body } = await register(token);
    expect(status).to.equal(201);
    const { registration_client_uri: uri, registration_access_token: own, client_id: clientId } = body;
    const update = () =>
      send(uri, 'PUT', { token: own, body: { client_id: clientId, redirect_uris: [CALLBACK] } });
    for (let attempt = 0; attempt < 5; attempt += 1) expect((await update()).status).to.equal(200);
    const refused = await update();
    expect(refused.status).to.equal(429);
    expect(Number(refused.headers.get('retry-after'))).to.be.greaterThan(0);
    expect((await send(uri, 'GET', { token: own })).status).to.equal(200);
    expect((await send(uri, 'DELETE', { token: own })).status).to.equal(204);
  });
});
