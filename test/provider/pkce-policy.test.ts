import { expect } from 'chai';
import type { Configuration } from '../../config/configuration.ts';
import { pkceRequired } from '../../lib/provider/requests/profiles.ts';

type Ask = Parameters<ReturnType<typeof pkceRequired>>;

const CLIENTS = {
  confidential: { tokenEndpointAuthMethod: 'client_secret_basic' },
  public: { tokenEndpointAuthMethod: 'none' },
  'FAPI 2.0': { tokenEndpointAuthMethod: 'private_key_jwt', profile: 'fapi2-security' },
  'FAPI 1.0': { tokenEndpointAuthMethod: 'private_key_jwt', profile: 'fapi1-advanced' },
};

describe('who must use PKCE', () => {
  const asked = (codeChallenges: Configuration['features']['codeChallenges'], route: string) => {
    const required = pkceRequired({ codeChallenges } as Configuration['features']);
    return Object.entries(CLIENTS)
      .filter(([, client]) => required({ oidc: { route } } as unknown as Ask[0], client as unknown as Ask[1]))
      .map(([name]) => name);
  };

  it('every client by default, but FAPI 1.0 by value; pushed, that too', () => {
    expect(asked('required', 'authorization')).to.deep.equal(['confidential', 'public', 'FAPI 2.0']);
    expect(asked('required', 'pushed_authorization_request')).to.deep.equal(Object.keys(CLIENTS));
  });

  it('public clients alone, or nobody, where the configuration says so; profiles stay as they are', () => {
    expect(asked('public_clients', 'authorization')).to.deep.equal(['public', 'FAPI 2.0']);
    expect(asked('optional', 'authorization')).to.deep.equal(['FAPI 2.0']);
    expect(asked('optional', 'pushed_authorization_request')).to.deep.equal(['FAPI 2.0', 'FAPI 1.0']);
  });
});
