import { expect } from 'chai';
import { configurationSchema } from '../../config/configuration.ts';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';
import { TOKEN_EXCHANGE_GRANT } from '../../lib/clients/metadata/exchange-metadata.ts';

const rule = {
  subject_audience: 'https://gateway.example.com',
  audience: 'https://orders.example.com',
  kind: 'delegation',
};
const registration = {
  grant_types: [TOKEN_EXCHANGE_GRANT],
  redirect_uris: [],
  response_types: [],
  token_exchange: [rule],
};
const policy = (tokenExchange: boolean) => configurationSchema.parse({ features: { tokenExchange } });
const problemOf = (metadata: object, on = true) => {
  const checked = checkMetadata(metadata, policy(on));
  return checked.outcome === 'refused' ? checked.description : undefined;
};

describe('the registration of token exchange', () => {
  it('takes rules for tokens of one API to be exchanged for those of another', () => {
    expect(problemOf(registration)).to.equal(undefined);
    const whole = { ...rule, kind: 'impersonation', subject_clients: ['shop'], scope: 'read write' };
    expect(problemOf({ ...registration, token_exchange: [whole] })).to.equal(undefined);
    expect(problemOf({ grant_types: ['client_credentials'], may_act: 'gateway' })).to.equal(undefined);
  });

  it('takes nothing of it where it is switched off', () => {
    expect(problemOf(registration, false)).to.match(/needs features\.token_exchange, which is off/);
    expect(problemOf({ grant_types: ['client_credentials'], may_act: 'gateway' }, false)).to.match(
      /may_act needs/,
    );
  });

  it('takes no rules without the grant, nor the grant without rules, nor a public client', () => {
    expect(problemOf({ ...registration, token_exchange: undefined })).to.match(/go together/);
    expect(problemOf({ ...registration, grant_types: ['client_credentials'] })).to.match(/go together/);
    expect(problemOf({ ...registration, token_endpoint_auth_method: 'none' })).to.match(/confidential/);
  });

  const wrong: Record<string, object> = {
    'no audience': { ...rule, audience: undefined },
    'an empty audience': { ...rule, audience: '' },
    'another kind': { ...rule, kind: 'both' },
    'no clients at all': { ...rule, subject_clients: [] },
    'a scope that is none': { ...rule, scope: 'read  write' },
    'a member that is not known': { ...rule, scopes: 'read' },
  };
  for (const [what, bad] of Object.entries(wrong)) {
    it(`takes no rule with ${what}`, () => {
      expect(problemOf({ ...registration, token_exchange: [bad] })).to.match(/^token_exchange\[0\]/);
    });
  }
});
