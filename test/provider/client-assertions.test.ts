import { expect } from 'chai';
import { clientAssertions } from '../../lib/provider/client-authentication/client-assertions.ts';

const RESTORED = 1_800_000_000;

describe('client assertions after a restore', () => {
  const judge = (rememberedSince: number, claims: { iat?: number; exp: number }): string => {
    try {
      void clientAssertions(rememberedSince * 1000)({} as never, claims as never, {} as never, {} as never);
      return 'accepted';
    } catch (error) {
      return (error as { error: string }).error;
    }
  };

  it('are refused when they were made before, for they may have been used', () => {
    expect(judge(RESTORED, { iat: RESTORED - 1, exp: RESTORED + 300 })).to.equal('invalid_client');
    // By a clock that is ahead, as far as clocks may be.
    expect(judge(RESTORED, { iat: RESTORED + 14, exp: RESTORED + 300 })).to.equal('invalid_client');
  });

  it('are accepted when they were made afterwards', () => {
    expect(judge(RESTORED, { iat: RESTORED + 15, exp: RESTORED + 300 })).to.equal('accepted');
  });

  it('without a time of issue are refused for a day', () => {
    expect(judge(RESTORED, { exp: RESTORED + 300 })).to.equal('invalid_client');
    expect(judge(RESTORED, { exp: RESTORED + 86_399 })).to.equal('invalid_client');
    expect(judge(RESTORED, { exp: RESTORED + 86_400 + 15 })).to.equal('accepted');
  });

  it('are all accepted where nothing was ever restored', () => {
    expect(judge(0, { exp: RESTORED })).to.equal('accepted');
  });
});
