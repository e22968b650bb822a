import { expect } from 'chai';
import { FormBrowser } from './form-browser.ts';
import { eventually, LatchkeyProcess } from './latchkey-process.ts';
import { CALLBACK, send } from './registration-request.ts';
import { STORES, type Store } from './stores.ts';

for (const [name, openStore] of Object.entries(STORES)) {
  describe(`applications that manage their registration, with ${name}`, function () {
    this.timeout(60_000);
    let store: Store;
    let latchkey: LatchkeyProcess;
    let initialToken: string;

    before(async () => {
      store = await openStore();
      latchkey = await LatchkeyProcess.start({
        ...store.environment,
        LATCHKEY_WORKERS: '2',
        LATCHKEY_CLIENT_REGISTRATION_MODE: 'initial_access_token',
        LATCHKEY_CLIENT_REGISTRATION_LIMITS_PER_ADDRESS: '1000',
        LATCHKEY_CLIENT_REGISTRATION_REDIRECT_HOSTS: 'app.example.com',
      });
      const made = await latchkey.json(['registration-tokens', 'create', '--uses', '500']);
      initialToken = made.token as string;
    });
    after(async () => {
      await latchkey?.stop();
      await store?.remove();
    });

    async function registered(metadata: Record<string, unknown> = {}): Promise<Record<string, string>> {
      const body = { redirect_uris: [CALLBACK], ...metadata };
      const answer = await send(`${latchkey.issuer}/reg`, 'POST', { body, token: initialToken });
      expect(answer.status, JSON.stringify(answer.body)).to.equal(201);
      return answer.body;
    }

    it('read, change and end their registration', async () => {
      const made = await registered({ client_name: 'First' });
      const { registration_client_uri: uri = '', registration_access_token: token = '' } = made;
      const read = await send(uri, 'GET', { token });
      expect(read.status).to.equal(200);
      expect(read.body).to.include({ client_id: made.client_id, registration_access_token: token });
      expect(read.body).not.to.have.property('client_secret');
      const { client_id: clientId, client_secret: secret } = made;
      const changed = await send(uri, 'PUT', {
        token,
        body: {
          client_id: clientId,
          client_secret: secret,
          redirect_uris: [`${CALLBACK}2`],
          logo_uri: null,
        },
      });
      expect(changed.status, JSON.stringify(changed.body)).to.equal(200);
      expect(changed.body.redirect_uris).to.deep.equal([`${CALLBACK}2`]);
      // What is left out is gone (RFC 7592 §2.2).
      expect(changed.body).not.to.have.property('client_name');
      const ended = await send(uri, 'DELETE', { token });
      expect(ended.status).to.equal(204);
      // The other process hears of it within a second.
      await eventually('it is gone', async () => (await send(uri, 'GET', { token })).status === 401);
      const browser = new FormBrowser(latchkey.issuer);
      const asked = await browser.visit(`/auth?client_id=${clientId}&response_type=code`);
      expect(asked.page).to.include('invalid_client');
    });

    it('send it back as they read it, but for what the provider says of it', async () => {
      const made = await registered();
      const { registration_client_uri: uri = '', registration_access_token: token = '' } = made;
      const { body } = await send(uri, 'GET', { token });
      const whole = await send(uri, 'PUT', { token, body });
      expect(whole.status).to.equal(400);
      expect(whole.body).to.include({ error: 'invalid_request' });
      for (const member of Object.keys(body)) {
        if (/^registration_|_expires_at$|_issued_at$/.test(member)) delete body[member];
      }
      expect((await send(uri, 'PUT', { token, body })).status).to.equal(200);
      const wrong = { ...body, client_secret: 'of my own' };
      expect((await send(uri, 'PUT', { token, body: wrong })).status).to.equal(400);
      const another = { ...body, client_id: 'another' };
      expect((await send(uri, 'PUT', { token, body: another })).status).to.equal(400);
      const beyond = { ...body, redirect_uris: ['https://evil.example/'] };
      expect((await send(uri, 'PUT', { token, body: beyond })).body.error).to.equal('invalid_redirect_uri');
    });

    it('not with the token of another, nor with one for registering', async () => {
      const [mine, theirs] = [await registered(), await registered()];
      const uri = theirs.registration_client_uri ?? '';
      for (const token of [mine.registration_access_token, initialToken, undefined]) {
        for (const [method, body] of [
          ['GET', undefined],
          ['PUT', { client_id: theirs.client_id, redirect_uris: [CALLBACK] }],
          ['DELETE', undefined],
        ] as const) {
          expect((await send(uri, method, { token, body })).status).to.equal(401);
        }
      }
      const kept = [mine, theirs].map(
        ({ registration_client_uri: at = '', registration_access_token: token }) =>
          send(at, 'GET', { token }),
      );
      for (const answer of await Promise.all(kept)) expect(answer.status).to.equal(200);
      const ofNobody = await send(`${latchkey.issuer}/reg/nobody`, 'GET', {
        token: mine.registration_access_token,
      });
      expect(ofNobody.status).to.equal(401);
    });

    it('keep what the operator has decided, also when both change it at once', async () => {
      const made = await registered({ client_name: 'Raced' });
      const { registration_client_uri: uri = '', registration_access_token: token = '' } = made;
      const { client_id: clientId = '' } = made;
      const put = (count: number) =>
        send(uri, 'PUT', {
          token,
          body: { client_id: clientId, redirect_uris: [CALLBACK], client_name: `Raced ${count}` },
        });
      const [update, ...puts] = await Promise.all([
        latchkey.command(['clients', 'update', clientId, '--refresh-token-grace', '7', '--json']),
        ...Array.from({ length: 12 }, (_, count) => put(count)),
      ]);
      expect(update.code, update.stderr).to.equal(0);
      for (const { status } of puts) expect(status).to.equal(200);
      const after = await put(99);
      expect(after.body).to.include({ refresh_token_grace: 7, client_name: 'Raced 99' });
      const raised = await send(uri, 'PUT', {
        token,
        body: { client_id: clientId, redirect_uris: [CALLBACK], refresh_token_grace: 300 },
      });
      expect(raised.body.error_description).to.match(/refresh_token_grace is for the operator/);
    });
  });
}
