import { expect } from 'chai';
import type { Client, KoaContextWithOIDC, ResourceServer } from 'oidc-provider';
import type { Api } from '../../lib/clients/apis.ts';
import type { StoredClient } from '../../lib/clients/clients.ts';
import { resources } from '../../lib/provider/resources.ts';

const IDENTIFIER = 'https://api.example.com';

/** What the engine is told of an API, when a client registered for `registered` asks for it. */
async function told(api: Partial<Api> | undefined, registered?: string[]): Promise<ResourceServer> {
  const stored = {
    identifier: IDENTIFIER,
    scopes: ['read', 'write'],
    tokenFormat: 'jwt',
    algorithm: 'ES256',
    ...api,
  } as Api;
  const client = { scopes: registered === undefined ? undefined : new Set(registered) } as StoredClient;
  const { getResourceServerInfo } = resources(
    { find: () => (api === undefined ? undefined : stored) },
    { find: () => client },
    ['ES256', 'EdDSA'],
  );
  const ctx = {} as KoaContextWithOIDC;
  return (await getResourceServerInfo?.(ctx, IDENTIFIER, { clientId: 'client' } as Client)) as ResourceServer;
}

const problemOf = (promise: Promise<unknown>) => promise.catch((error: Error) => error.message);

describe('an API as the engine sees it', () => {
  it('has exactly one audience, its identifier, and its own algorithm and lifetime', async () => {
    expect(await told({ algorithm: 'EdDSA', lifetime: 30 })).to.deep.equal({
      scope: 'read write',
      audience: IDENTIFIER,
      accessTokenTTL: 30,
      accessTokenFormat: 'jwt',
      jwt: { sign: { alg: 'EdDSA' } },
    });
    expect(await told({ tokenFormat: 'opaque' }))
      .to.include({ accessTokenFormat: 'opaque' })
      .and.not.have.property('jwt');
  });

  it('has no more scopes than the client is registered for', async () => {
    expect((await told({}, ['openid', 'read'])).scope).to.equal('read');
    expect((await told({}, ['openid'])).scope).to.equal('');
  });

  it('is invalid_target when nobody registered it', async () => {
    expect(await problemOf(told(undefined))).to.equal('invalid_target');
  });

  it('is invalid_target when nothing signs with its algorithm any more', async () => {
    expect(await problemOf(told({ algorithm: 'RS256' }))).to.equal('invalid_target');
    expect((await told({ algorithm: 'RS256', tokenFormat: 'opaque' })).audience).to.equal(IDENTIFIER);
  });
});
