import { expect } from 'chai';
import * as client from 'openid-client';
import { ADA } from './application.ts';
import { DEVICE_CODE_GRANT, enterCode, letIn } from './device-application.ts';
import { FormBrowser } from './form-browser.ts';
import { LatchkeyProcess } from './latchkey-process.ts';
import { waitTogether } from './wait-together.ts';

describe('openid-client on a device', function () {
  this.timeout(60_000);
  let latchkey: LatchkeyProcess;
  let sub: string;

  before(async () => {
    latchkey = await LatchkeyProcess.start();
    ({ sub } = await latchkey.createPerson(ADA.login, ADA.password));
  });
  after(() => latchkey.stop());

  async function configure(method: 'none' | 'client_secret_basic'): Promise<client.Configuration> {
    const registered = await latchkey.createClient({
      client_name: 'Television',
      grant_types: [DEVICE_CODE_GRANT, 'refresh_token'],
      token_endpoint_auth_method: method,
    });
    return client.discovery(
      new URL(latchkey.issuer),
      registered.client_id,
      undefined,
      method === 'none' ? client.None() : client.ClientSecretBasic(registered.client_secret),
      { execute: [client.allowInsecureRequests] },
    );
  }

  async function polls(method: 'none' | 'client_secret_basic'): Promise<void> {
    const configuration = await configure(method);
    expect(configuration.serverMetadata().device_authorization_endpoint).to.equal(
      `${latchkey.issuer}/device/auth`,
    );
    const asked = await client.initiateDeviceAuthorization(configuration, {
      scope: 'openid email offline_access',
    });
    const [tokens] = await Promise.all([
      client.pollDeviceAuthorizationGrant(configuration, asked),
      letIn(new FormBrowser(latchkey.issuer), asked.user_code),
    ]);
    expect(tokens.claims()?.sub).to.equal(sub);
    const claims = await client.fetchUserInfo(configuration, tokens.access_token, sub);
    expect(claims.email).to.equal(ADA.login);
    const refreshed = await client.refreshTokenGrant(configuration, tokens.refresh_token ?? '');
    expect(refreshed.access_token).to.be.a('string');
    await client.tokenRevocation(configuration, refreshed.refresh_token ?? '');
  }

  waitTogether({
    'polls as it is told to, and gets tokens once somebody has approved (none)': () => polls('none'),
    'polls as it is told to, and gets tokens once somebody has approved (client_secret_basic)': () =>
      polls('client_secret_basic'),

    'hears a refusal': async () => {
      const configuration = await configure('none');
      const asked = await client.initiateDeviceAuthorization(configuration, { scope: 'openid' });
      const browser = new FormBrowser(latchkey.issuer);
      const [error] = await Promise.all([
        client.pollDeviceAuthorizationGrant(configuration, asked).catch((thrown: unknown) => thrown),
        enterCode(browser, asked.user_code).then((page) => browser.submit(page, 'deny')),
      ]);
      expect(error).to.be.instanceOf(client.ResponseBodyError).and.to.include({ error: 'access_denied' });
    },

    'binds the device’s tokens to its key (DPoP)': async () => {
      const configuration = await configure('none');
      const DPoP = client.getDPoPHandle(configuration, await client.randomDPoPKeyPair('ES256'));
      const asked = await client.initiateDeviceAuthorization(configuration, { scope: 'openid' });
      await letIn(new FormBrowser(latchkey.issuer), asked.user_code);
      const tokens = await client.pollDeviceAuthorizationGrant(configuration, asked, undefined, { DPoP });
      expect(tokens.token_type).to.equal('dpop');
      const claims = await client.fetchUserInfo(configuration, tokens.access_token, sub, { DPoP });
      expect(claims.sub).to.equal(sub);
    },
  });
});
