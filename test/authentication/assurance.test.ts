import { expect } from 'chai';
import fc from 'fast-check';
import { ACR_VALUES } from '../../config/acr-values.ts';
import { acrOf, hasSecondStep, satisfies, weakestMeeting } from '../../lib/authentication/assurance.ts';

const [SFA, MFA, PHR, PHRH] = ACR_VALUES;

describe('what a sign-in is worth', () => {
  const cases: [methods: string[], acr: string][] = [
    [[], SFA],
    [['pwd'], SFA],
    [['otp'], SFA],
    [['pwd', 'pin'], SFA],
    [['otp', 'sms'], SFA],
    [['pwd', 'mca'], SFA],
    [['pop', 'user'], SFA],
    [['pwd', 'otp'], MFA],
    [['pwd', 'mca', 'otp'], MFA],
    [['mfa'], MFA],
    [['pwd', 'pop', 'user'], PHR],
    [['swk', 'user', 'mfa'], PHR],
    [['pwd', 'otp', 'swk', 'user'], PHR],
    [['hwk', 'user', 'mfa'], PHRH],
    [['pwd', 'hwk', 'user'], PHRH],
  ];
  for (const [methods, acr] of cases) {
    it(`${methods.join(' ') || 'nothing'} is ${acr}`, () => {
      expect(acrOf(methods)).to.equal(acr);
      const reached = ACR_VALUES.filter((value) => satisfies(methods, value));
      expect(reached).to.deep.equal(ACR_VALUES.slice(0, ACR_VALUES.indexOf(acrOf(methods)) + 1));
    });
  }

  it('a code by mail is a second step, and no second factor', () => {
    expect(hasSecondStep(['pwd', 'mca'])).to.equal(true);
    expect(hasSecondStep(['pwd'])).to.equal(false);
    expect(satisfies(['pwd', 'mca'], MFA)).to.equal(false);
  });

  it('one value stands for several demands: the weakest that is worth one of each', () => {
    expect(weakestMeeting([])).to.equal(SFA);
    expect(weakestMeeting([[MFA]])).to.equal(MFA);
    expect(weakestMeeting([[PHRH, PHR], [MFA]])).to.equal(PHR);
    expect(weakestMeeting([['of another federation', PHRH]])).to.equal(PHRH);
    expect(weakestMeeting([[SFA], ['of another federation']])).to.equal(undefined);
  });

  it('property: more proofs are never worth less, and unknown values are never reached', () => {
    const methods = fc.subarray([
      'pwd',
      'pin',
      'otp',
      'mca',
      'sms',
      'swk',
      'hwk',
      'pop',
      'user',
      'fpt',
      'mfa',
      'x',
    ]);
    fc.assert(
      fc.property(methods, methods, fc.string(), (some, more, unknown) => {
        for (const acr of ACR_VALUES) {
          if (satisfies(some, acr)) expect(satisfies([...some, ...more], acr)).to.equal(true);
        }
        fc.pre(!(ACR_VALUES as readonly string[]).includes(unknown));
        expect(satisfies([...some, ...more], unknown)).to.equal(false);
      }),
    );
  });
});
