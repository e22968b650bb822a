import { expect } from 'chai';
import { configurationSchema } from '../../config/configuration.ts';
import {
  attestationConfigurationProblem,
  attestationMethods,
} from '../../lib/clients/metadata/attestation-metadata.ts';

describe('a registration that authenticates by attestation', () => {
  const off = configurationSchema.parse({}).features;
  const on = { ...off, clientAttestersFile: '/etc/attesters.json' };

  it('is refused where no attester is trusted, and then no such method is offered', () => {
    for (const method of ['attest_jwt_client_auth', 'attest_jwt_client_auth_dpop']) {
      const registration = { token_endpoint_auth_method: method };
      expect(attestationConfigurationProblem(registration, off)).to.contain('features.client_attesters_file');
      expect(attestationConfigurationProblem(registration, on)).to.equal(undefined);
    }
    expect(attestationConfigurationProblem({ token_endpoint_auth_method: 'none' }, off)).to.equal(undefined);
    expect(attestationMethods(off)).to.deep.equal([]);
    expect(attestationMethods(on)).to.have.length(2);
  });
});
