import { expect } from 'chai';
import { errors } from 'oidc-provider';
import { leaveStacksOut } from '../../lib/provider/engine/engine-errors.ts';

describe('the engine’s protocol errors', () => {
  before(() => {
    leaveStacksOut();
    leaveStacksOut();
  });

  it('are errors as before, with their names and details, without a stack', () => {
    const cause = new Error('the reason');
    const error = new errors.InvalidToken('access token not found');
    expect(error).to.be.instanceOf(Error);
    expect(error).to.be.instanceOf(errors.OIDCProviderError);
    expect(error).to.include({
      name: 'InvalidToken',
      message: 'invalid_token',
      statusCode: 401,
      error_detail: 'access token not found',
    });
    expect(error.stack).to.equal('InvalidToken: invalid_token');
    expect((Reflect.construct(errors.InvalidGrant, ['used', { cause }]) as Error).stack).to.not.contain(
      '    at ',
    );
  });

  it('leave the stack of a bug whole', () => {
    expect(new Error('a bug').stack).to.match(/\n {4}at /);
    const target: { stack?: string } = {};
    Error.captureStackTrace(target);
    expect(target.stack).to.match(/\n {4}at /);
  });
});
