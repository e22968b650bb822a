import { expect } from 'chai';
import type { KoaContextWithOIDC } from 'oidc-provider';
import type { Configuration } from '../../config/configuration.ts';
import { grantLifetime, lifetimes, maximumTokenLifetime } from '../../lib/provider/lifetimes.ts';

const configured: Configuration['lifetimes'] = {
  accessToken: 600,
  authorizationCode: 60,
  idToken: 700,
  refreshToken: 1000,
  session: 5000,
  interaction: 3600,
  mailLink: 1800,
  invitation: 86_400,
  deviceCode: 300,
  clientCredentials: 800,
  refreshTokenGrace: 10,
};

type Lifetime = (ctx: unknown, entity: unknown, client?: unknown) => number;

function lifetimeOf(
  name: 'AccessToken' | 'AuthorizationCode' | 'ClientCredentials' | 'RefreshToken' | 'Session',
): Lifetime {
  return lifetimes(configured)[name] as Lifetime;
}

const requestWith = (entities: object) => ({ oidc: { entities } }) as unknown as KoaContextWithOIDC;

describe('lifetimes', () => {
  it('an API’s own lifetime goes before the configured one', () => {
    expect(lifetimeOf('AccessToken')({}, {})).to.equal(600);
    expect(lifetimeOf('AccessToken')({}, { resourceServer: { accessTokenTTL: 5 } })).to.equal(5);
    expect(lifetimeOf('ClientCredentials')({}, {})).to.equal(800);
    expect(lifetimeOf('ClientCredentials')({}, { resourceServer: { accessTokenTTL: 5 } })).to.equal(5);
  });

  it('a rotated refresh token gets what is left of its family’s life, and never nothing', () => {
    const lifetime = lifetimeOf('RefreshToken');
    expect(lifetime(requestWith({}), {})).to.equal(1000);
    expect(lifetime(requestWith({ RotatedRefreshToken: { remainingTTL: 400 } }), {})).to.equal(400);
    expect(lifetime(requestWith({ RotatedRefreshToken: { remainingTTL: 0 } }), {})).to.equal(1);
  });

  it('a code of FAPI 2.0 is of no use after a minute, whatever is configured', () => {
    const lifetime = lifetimes({ ...configured, authorizationCode: 300 }).AuthorizationCode as Lifetime;
    expect(lifetime({}, {}, {})).to.equal(300);
    for (const profile of ['fapi2-security', 'fapi2-message-signing']) {
      expect(lifetime({}, {}, { profile })).to.equal(60);
    }
  });

  it('a session that nobody has signed in to is short', () => {
    expect(lifetimeOf('Session')({}, { accountId: undefined })).to.be.at.most(3600);
    expect(lifetimeOf('Session')({}, { accountId: 'somebody' })).to.equal(5000);
  });

  it('a grant outlives a refresh token issued at the last moment of a session', () => {
    expect(grantLifetime(configured)).to.be.at.least(configured.session + configured.refreshToken);
  });

  it('a retired key stays for the longest life that an API may give its tokens', () => {
    expect(maximumTokenLifetime(configured)).to.be.at.least(86_400);
  });
});
