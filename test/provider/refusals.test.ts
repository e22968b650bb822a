import { expect } from 'chai';
import { AccountsUnavailable } from '../../lib/accounts/account-adapter.ts';
import { StorageUnavailable } from '../../lib/grants/storage.ts';
import { whileAvailable } from '../../lib/provider/engine/engine-storage.ts';
import { refusalResponse } from '../../lib/provider/errors/refusals.ts';

type Refusal = Parameters<typeof refusalResponse>[0];

const wireOf = (reason: Refusal['reason'], model: string, clientAssertion = false) => {
  const { status, error } = refusalResponse(
    { outcome: 'refused', reason, model } as Refusal,
    {
      clientAssertion,
    } as Parameters<typeof refusalResponse>[1],
  );
  return `${status} ${error}`;
};

describe('what a refused commit says on the wire', () => {
  it('a code or refresh token that was used, or whose grant is over, is invalid_grant', () => {
    expect(wireOf('already_used', 'AuthorizationCode')).to.equal('400 invalid_grant');
    expect(wireOf('reused', 'RefreshToken')).to.equal('400 invalid_grant');
    expect(wireOf('grant_revoked', 'AccessToken')).to.equal('400 invalid_grant');
  });

  it('a pushed request that was used is invalid_request_uri', () => {
    expect(wireOf('already_used', 'PushedAuthorizationRequest')).to.equal('400 invalid_request_uri');
  });

  it('a replay is the fault of the client’s assertion, where there is one, else of its proof', () => {
    expect(wireOf('replayed', 'ReplayDetection', true)).to.equal('401 invalid_client');
    expect(wireOf('replayed', 'ReplayDetection')).to.equal('400 invalid_dpop_proof');
  });

  it('a proof that is replayed at userinfo is answered like any token that is not good: 401 and a challenge', () => {
    const refusal = { outcome: 'refused', reason: 'replayed', model: 'ReplayDetection' } as Refusal;
    const { status, error, challenge } = refusalResponse(refusal, {
      clientAssertion: false,
      route: 'userinfo',
    });
    expect({ status, error }).to.deep.equal({ status: 401, error: 'invalid_token' });
    expect(challenge).to.match(/^DPoP error="invalid_token", .*algs="[^"]*ES256/);
  });

  it('a session that ended meanwhile is no server error', () => {
    for (const reason of ['session_ended', 'session_changed', 'account_ended'] as const) {
      expect(wireOf(reason, 'Session')).to.equal('400 session_changed');
    }
    expect(wireOf('already_used', 'Interaction')).to.equal('400 session_changed');
  });
});

describe('a store or a user base in trouble', () => {
  const raised = (error: Error) =>
    whileAvailable(async () => {
      throw error;
    }).catch((caught: unknown) => caught);

  it('is temporarily_unavailable with 503, whichever it is', async () => {
    for (const error of [new StorageUnavailable('locked'), new AccountsUnavailable('down')]) {
      const problem = await raised(error);
      expect(problem).to.include({ message: 'temporarily_unavailable', statusCode: 503, expose: true });
      expect((problem as Error).cause).to.equal(error);
    }
  });

  it('is nothing else: a bug stays a bug', async () => {
    const bug = new TypeError('a bug');
    expect(await raised(bug)).to.equal(bug);
  });
});
