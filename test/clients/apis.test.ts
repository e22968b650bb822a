import { expect } from 'chai';
import type { Apis } from '../../lib/clients/apis.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { ClientBench, noticed, remembered } from './client-bench.ts';

describeOnEveryStore('APIs', (store) => {
  let bench: ClientBench;
  let apis: Apis;
  beforeEach(async () => {
    bench = await ClientBench.make(store);
    ({ apis } = await bench.open());
  });
  afterEach(() => bench.close());

  const identifier = 'https://api.example/v1';

  it('are registered with defaults and found again', async () => {
    const created = await apis.create({ identifier, scopes: ['read', 'write', 'read'] });
    if (created.outcome !== 'created') throw new Error(created.outcome);
    expect(created.api).to.deep.include({
      identifier,
      scopes: ['read', 'write'],
      tokenFormat: 'jwt',
      algorithm: 'ES256',
    });
    expect(created.api).to.not.have.any.keys('name', 'lifetime');
    expect(await apis.find(identifier)).to.deep.equal(created.api);
    expect(await apis.list()).to.deep.equal([created.api]);
    expect(await apis.find('https://other.example')).to.equal(undefined);
    expect(await apis.create({ identifier })).to.deep.equal({ outcome: 'conflict' });
  });

  it('change member by member, seen by another process', async () => {
    const other = (await bench.open()).apis;
    await apis.create({ identifier, name: 'Orders', lifetime: 300, scopes: ['read'] });
    expect(await other.find(identifier)).to.include({ name: 'Orders', lifetime: 300 });
    await apis.update(identifier, { lifetime: null, token_format: 'opaque' });
    await noticed(async () => (await other.find(identifier))?.tokenFormat === 'opaque');
    expect(await other.find(identifier)).to.include({ name: 'Orders', tokenFormat: 'opaque' });
    expect(await other.find(identifier)).to.not.have.property('lifetime');
    expect((await other.find(identifier))?.scopes).to.deep.equal(['read']);
    await remembered(() => other.find(identifier));
    expect(await apis.delete(identifier)).to.deep.equal({ outcome: 'deleted' });
    await noticed(async () => (await other.find(identifier)) === undefined);
    expect(await apis.delete(identifier)).to.deep.equal({ outcome: 'not_found' });
    expect(await apis.update(identifier, {})).to.deep.equal({ outcome: 'not_found' });
  });

  for (const [what, api, expected] of [
    ['no identifier', {}, 'identifier'],
    ['a relative identifier', { identifier: 'orders' }, 'absolute'],
    ['a fragment', { identifier: `${identifier}#x` }, 'fragment'],
    ['plain http', { identifier: 'http://api.example' }, 'https'],
    ['a user name', { identifier: 'https://u@api.example' }, 'user name'],
    ['a scope of OpenID Connect', { identifier, scopes: ['openid'] }, 'OpenID Connect'],
    ['a scope with a space', { identifier, scopes: ['read write'] }, 'scope token'],
    ['an unknown token format', { identifier, token_format: 'paseto' }, 'must be one of jwt, opaque'],
    ['an algorithm without keys', { identifier, algorithm: 'EdDSA' }, 'must be one of RS256, ES256'],
    ['a MAC', { identifier, algorithm: 'HS256' }, 'must be one of RS256, ES256'],
    ['a lifetime of nothing', { identifier, lifetime: 0 }, 'lifetime'],
    ['a lifetime of a week', { identifier, lifetime: 604_800 }, 'lifetime'],
    ['an unknown member', { identifier, scope: 'read' }, 'scope is not known; did you mean scopes?'],
  ] as const) {
    it(`are refused with ${what}`, async () => {
      const refused = await apis.create(api);
      if (refused.outcome !== 'refused') throw new Error(refused.outcome);
      expect(refused.description).to.include(expected);
    });
  }

  it('keep their identifier', async () => {
    await apis.create({ identifier });
    expect(await apis.update(identifier, { identifier: 'https://other.example' })).to.include({
      outcome: 'refused',
    });
  });
});
