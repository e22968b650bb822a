import { expect } from 'chai';
import type { Clients } from '../../lib/clients/clients.ts';
import { registrationResponse } from '../../lib/clients/registration-response.ts';
import type { Database } from '../../lib/database/database.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { ClientBench, configuration, noticed, remembered } from './client-bench.ts';

const web = { client_name: 'Shop', redirect_uris: ['https://shop.example/callback'] };

describeOnEveryStore('clients', (store) => {
  let bench: ClientBench;
  let clients: Clients;
  let database: Database;
  beforeEach(async () => {
    bench = await ClientBench.make(store);
    ({ clients, database } = await bench.open());
  });
  afterEach(() => bench.close());

  async function create(metadata: object, directory = clients) {
    const created = await directory.create(metadata);
    if (created.outcome !== 'created') throw new Error(created.description);
    return { ...created, clientId: created.client.clientId };
  }

  it('are registered with the defaults of the policy and found again', async () => {
    const { client, clientId, clientSecret } = await create(web);
    expect(client.metadata).to.deep.equal({
      ...web,
      application_type: 'web',
      grant_types: ['authorization_code'],
      post_logout_redirect_uris: [],
      response_modes: ['query'],
      response_types: ['code'],
      token_endpoint_auth_method: 'client_secret_basic',
    });
    expect(clientId).to.match(/^[\w-]{22}$/);
    expect(clientSecret).to.match(/^[\w-]{43}$/);
    expect(await clients.find(clientId)).to.deep.equal(client);
    expect(await clients.list()).to.deep.equal([client]);
    expect(await clients.find('nobody')).to.equal(undefined);
  });

  it('get the registration response of RFC 7591, with the secret this once', async () => {
    const { client, clientSecret } = await create({ ...web, client_id: 'shop' });
    const response = registrationResponse(client, clientSecret);
    expect(response).to.include({
      client_id: 'shop',
      client_secret: clientSecret,
      client_secret_expires_at: 0,
    });
    expect(response.client_id_issued_at).to.equal(Math.floor(client.createdAt / 1000));
    expect(response).to.deep.include(web);
    expect(JSON.stringify(registrationResponse(client))).to.not.include(clientSecret);
    const spa = await create({ ...web, token_endpoint_auth_method: 'none' });
    expect(registrationResponse(spa.client, spa.clientSecret)).to.not.have.any.keys(
      'client_secret',
      'client_secret_expires_at',
    );
  });

  it('refuse a client_id that is taken, by a client or as the sub of a person', async () => {
    await create({ ...web, client_id: 'shop' });
    await database.query
      .insertInto('accounts')
      .values({ sub: 'person', login: 'p', disabled: 0, claims: '{}', created_at: 0, updated_at: 0 })
      .execute();
    for (const client_id of ['shop', 'person']) {
      expect(await clients.create({ ...web, client_id })).to.deep.equal({
        outcome: 'refused',
        error: 'invalid_client_metadata',
        description: `client_id ${client_id} is taken`,
      });
    }
    expect(await clients.list()).to.have.length(1);
  });

  describe('and their secrets', () => {
    it('verify, and nothing else does', async () => {
      const { clientId, clientSecret } = await create(web);
      const spa = await create({ ...web, token_endpoint_auth_method: 'none' });
      expect(await clients.verifySecret(clientId, clientSecret as string)).to.equal(true);
      for (const wrong of ['', `${clientSecret}x`, (clientSecret as string).slice(1)]) {
        expect(await clients.verifySecret(clientId, wrong)).to.equal(false);
      }
      expect(await clients.verifySecret(spa.clientId, '')).to.equal(false);
      expect(await clients.verifySecret('nobody', clientSecret as string)).to.equal(false);
      expect(
        await clients.verifySecret(
          clientId,
          (await clients.find(clientId))?.engineMetadata.client_secret as string,
        ),
      ).to.equal(false);
    });

    it('are in no file, not even where a MAC needs them', async () => {
      const secrets: string[] = [];
      for (const token_endpoint_auth_method of [
        'client_secret_basic',
        'client_secret_post',
        'client_secret_jwt',
      ]) {
        const { clientId, clientSecret } = await create({ ...web, token_endpoint_auth_method });
        const rotated = await clients.rotateSecret(clientId);
        if (rotated.outcome !== 'rotated') throw new Error(rotated.outcome);
        secrets.push(clientSecret as string, rotated.clientSecret);
      }
      const files = await bench.files();
      for (const secret of secrets) {
        for (const form of [secret, Buffer.from(secret, 'base64url')]) {
          expect(files.some((bytes) => bytes.includes(form))).to.equal(false);
        }
      }
      expect(
        files.some((bytes) => bytes.includes('https://shop.example/callback')),
        'the hunt works',
      ).to.equal(true);
    });

    it('are told to the engine only where a MAC needs them; elsewhere something nobody can guess stands for them', async () => {
      const basic = await create(web);
      const mac = await create({ ...web, token_endpoint_auth_method: 'client_secret_jwt' });
      const spa = await create({ ...web, token_endpoint_auth_method: 'none' });
      const other = (await bench.open()).clients;
      expect((await other.find(mac.clientId))?.engineMetadata.client_secret).to.equal(mac.clientSecret);
      const placeholder = (await clients.find(basic.clientId))?.engineMetadata.client_secret;
      expect(placeholder)
        .to.match(/^[\w-]{43}$/)
        .and.not.equal(basic.clientSecret);
      expect((await other.find(basic.clientId))?.engineMetadata.client_secret).to.equal(placeholder);
      expect((await clients.find(spa.clientId))?.engineMetadata).to.not.have.property('client_secret');
      await clients.rotateSecret(basic.clientId);
      expect((await clients.find(basic.clientId))?.engineMetadata.client_secret).to.not.equal(placeholder);
    });

    it('end with their rotation', async () => {
      const { clientId, clientSecret } = await create(web);
      const rotated = await clients.rotateSecret(clientId);
      if (rotated.outcome !== 'rotated') throw new Error(rotated.outcome);
      expect(await clients.verifySecret(clientId, clientSecret as string)).to.equal(false);
      expect(await clients.verifySecret(clientId, rotated.clientSecret)).to.equal(true);
      const spa = await create({ ...web, token_endpoint_auth_method: 'none' });
      expect(await clients.rotateSecret(spa.clientId)).to.include({ outcome: 'refused' });
      expect(await clients.rotateSecret('nobody')).to.deep.equal({ outcome: 'not_found' });
    });

    it('that do not open leave the client without a usable one, and the operator informed', async () => {
      const { clientId, clientSecret } = await create({
        ...web,
        token_endpoint_auth_method: 'client_secret_jwt',
      });
      await database.query
        .updateTable('clients')
        .set({ secret_sealed: Buffer.from('x') })
        .execute();
      const other = (await bench.open()).clients;
      expect((await other.find(clientId))?.engineMetadata.client_secret)
        .to.be.a('string')
        .and.not.equal(clientSecret);
      expect(bench.errors).to.deep.equal(['a client secret cannot be read: rotate it']);
    });
  });

  describe('when they change', () => {
    it('are replaced, or merged member by member', async () => {
      const { clientId } = await create({ ...web, contacts: ['a@shop.example'] });
      const merged = await clients.update(
        clientId,
        { client_name: 'Store', contacts: null },
        { merge: true },
      );
      expect(merged.outcome === 'updated' && merged.client.metadata).to.include({ client_name: 'Store' });
      expect((await clients.find(clientId))?.metadata).to.not.have.property('contacts');
      expect((await clients.find(clientId))?.metadata.redirect_uris).to.deep.equal(web.redirect_uris);
      expect(await clients.update(clientId, { client_name: 'Store' })).to.include({
        outcome: 'refused',
        description: 'redirect_uris must have at least one item',
      });
      const replaced = await clients.update(clientId, { redirect_uris: ['https://shop.example/b'] });
      expect(replaced.outcome === 'updated' && replaced.client.metadata).to.not.have.property('client_name');
      expect(await clients.update('nobody', web)).to.deep.equal({ outcome: 'not_found' });
      expect(await clients.update(clientId, { ...web, client_id: 'other' })).to.include({
        outcome: 'refused',
      });
    });

    it('keep their secret as long as it serves, and get one when they need another', async () => {
      const { clientId, clientSecret } = await create(web);
      const change = async (token_endpoint_auth_method: string) => {
        const updated = await clients.update(clientId, { token_endpoint_auth_method }, { merge: true });
        if (updated.outcome !== 'updated') throw new Error(updated.outcome);
        return updated.clientSecret;
      };
      expect(await change('client_secret_post')).to.equal(undefined);
      expect(await clients.verifySecret(clientId, clientSecret as string)).to.equal(true);
      const forMac = await change('client_secret_jwt');
      expect((await clients.find(clientId))?.engineMetadata.client_secret).to.equal(forMac);
      expect(await change('client_secret_basic')).to.equal(undefined);
      expect(await clients.verifySecret(clientId, forMac as string)).to.equal(true);
      expect(await change('none')).to.equal(undefined);
      expect(await clients.verifySecret(clientId, forMac as string)).to.equal(false);
      expect(await change('client_secret_basic'))
        .to.be.a('string')
        .and.not.equal(forMac);
    });

    it('show it in another process, and cost nothing to find when nothing changed', async () => {
      const other = (await bench.open()).clients;
      const { clientId } = await create(web);
      const seen = await other.find(clientId);
      expect(seen?.metadata.client_name).to.equal('Shop');
      await remembered(() => other.find(clientId));
      await clients.update(clientId, { client_name: 'Store' }, { merge: true });
      expect((await clients.find(clientId))?.metadata.client_name, 'at once in its own').to.equal('Store');
      await noticed(async () => (await other.find(clientId))?.metadata.client_name === 'Store');
      expect(await clients.delete(clientId)).to.deep.equal({ outcome: 'deleted' });
      expect(await clients.find(clientId)).to.equal(undefined);
      await noticed(async () => (await other.find(clientId)) === undefined);
      expect(await clients.delete(clientId)).to.deep.equal({ outcome: 'not_found' });
    });

    it('leave nothing behind and move no revision when refused', async () => {
      const { clientId } = await create(web);
      const before = database.revisions.current('clients');
      await clients.update(clientId, { redirect_uris: ['http://shop.example/'] }, { merge: true });
      await clients.create({ redirect_uris: [] });
      await clients.delete('nobody');
      expect(database.revisions.current('clients')).to.equal(before);
    });
  });

  it('give the engine their members in one order, however they were written', async () => {
    const members = { ...web, client_uri: 'https://shop.example/', scope: 'openid email' };
    const one = await create({ ...members, client_id: 'one' });
    const two = await create({ client_id: 'two', ...Object.fromEntries(Object.entries(members).reverse()) });
    expect(Object.keys(one.client.engineMetadata)).to.deep.equal(Object.keys(two.client.engineMetadata));
  });

  it('name their API scopes, while the engine hears of those it knows', async () => {
    const { client } = await create({ ...web, scope: 'openid read' });
    expect([...(client.scopes ?? [])]).to.deep.equal(['openid', 'read']);
    expect(client.engineMetadata.scope).to.equal('openid');
    expect((await create({ ...web, scope: 'read' })).client.engineMetadata.scope).to.equal('openid');
    expect((await create(web)).client.scopes).to.equal(undefined);
  });

  it('may be the resource server of a registered API, and of no other', async () => {
    const { apis } = await bench.open();
    await apis.create({ identifier: 'https://api.example' });
    const server = { grant_types: ['client_credentials'], resource_server: 'https://api.example' };
    expect((await create(server)).client.engineMetadata).to.include({
      resource_server: 'https://api.example',
    });
    expect(await clients.create({ ...server, resource_server: 'https://other.example' })).to.include({
      outcome: 'refused',
    });
  });

  it('may use hybrid and implicit response types only where these are enabled', async () => {
    const hybrid = {
      ...web,
      response_types: ['id_token code'],
      grant_types: ['authorization_code', 'implicit'],
    };
    expect(await clients.create(hybrid)).to.include({ description: 'response_types must be one of code' });
    const all = { ...configuration, features: { ...configuration.features, responseTypes: 'all' as const } };
    const certified = (await bench.open({ configuration: all })).clients;
    const { client } = await create(hybrid, certified);
    expect(client.metadata.response_types).to.deep.equal(['code id_token']);
    expect(client.metadata.response_modes).to.deep.equal(['fragment', 'form_post']);
  });
});
