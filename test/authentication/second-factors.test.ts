import { expect } from 'chai';
import { ACR_VALUES } from '../../config/acr-values.ts';
import { configurationSchema } from '../../config/configuration.ts';
import { Passkeys } from '../../lib/authentication/passkeys/passkeys.ts';
import { createPasswordHasher } from '../../lib/authentication/passwords/password-hasher.ts';
import {
  mayAddFactor,
  type PersonFactors,
  SecondFactors,
  setUpsToReach,
} from '../../lib/authentication/second-factors/second-factors.ts';
import { CHEAP_HASHING, openTemporaryAccounts } from '../accounts/temporary-accounts.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';

const [, MFA, PHR, PHRH] = ACR_VALUES;
const NOTHING: PersonFactors = {
  totp: false,
  passkeys: 0,
  attestedPasskey: false,
  newPasskeys: 'any',
  recoveryCodes: 0,
  email: undefined,
};

describe('what a person can set up in the middle of a sign-in', () => {
  const cases: [what: string, factors: Partial<PersonFactors>, acr: string, ways: string[]][] = [
    ['either for two factors', {}, MFA, ['totp', 'passkey']],
    ['a passkey where there is an app already', { totp: true }, MFA, ['passkey']],
    ['a passkey for what cannot be phished', {}, PHR, ['passkey']],
    ['nothing for hardware, where no maker vouches for it', {}, PHRH, []],
    ['a passkey for hardware, where one does', { newPasskeys: 'attested' }, PHRH, ['passkey']],
    ['an app where there are no passkeys', { newPasskeys: 'none' }, MFA, ['totp']],
    ['nothing where there are no passkeys and an app is not enough', { newPasskeys: 'none' }, PHR, []],
  ];
  for (const [what, factors, acr, ways] of cases) {
    it(`is ${what}`, () => {
      expect(setUpsToReach({ ...NOTHING, ...factors }, ['pwd'], [[acr]])).to.deep.equal(ways);
    });
  }

  it('is added by whoever has no factor, or has used it', () => {
    for (const has of [{ totp: true }, { passkeys: 1 }, { recoveryCodes: 10 }]) {
      const factors = { ...NOTHING, ...has };
      expect(mayAddFactor(factors, ['pwd']), JSON.stringify(has)).to.equal(false);
      expect(mayAddFactor(factors, ['pwd', 'mca']), 'a code by mail').to.equal(false);
      expect(mayAddFactor(factors, ['pwd', 'otp'])).to.equal(true);
    }
    expect(mayAddFactor(NOTHING, ['pwd'])).to.equal(true);
  });
});

describeOnEveryStore('recovery codes', (store) => {
  it('are made once, however many tabs add somebody’s first factor at once', async () => {
    const { database, close } = await openTemporaryAccounts(createPasswordHasher(CHEAP_HASHING), store);
    const configuration = configurationSchema.parse({ issuer: 'http://localhost:3000' });
    try {
      const factors = new SecondFactors({ database, configuration });
      const made = await Promise.all(Array.from({ length: 4 }, () => factors.firstRecoveryCodes('somebody')));
      const [codes, ...others] = made.filter((each) => each !== undefined);
      expect(others).to.deep.equal([]);
      expect(await factors.recoveryCodes.use('somebody', codes?.[0] ?? '')).to.equal(true);
      expect(await factors.firstRecoveryCodes('somebody')).to.equal(undefined);
    } finally {
      await close();
    }
  });

  it('end with the last second step, though an app and a passkey are taken away at once', async () => {
    const { database, close } = await openTemporaryAccounts(createPasswordHasher(CHEAP_HASHING), store);
    const configuration = configurationSchema.parse({ issuer: 'http://localhost:3000' });
    const sub = 'somebody';
    try {
      const factors = new SecondFactors({ database, configuration });
      const app = { sub, sealed: Buffer.from('sealed'), last_step: 0, created_at: 0 };
      await database.query.insertInto('totp_secrets').values(app).execute();
      const added = await new Passkeys(database).add(
        {
          ...{ id: 'passkey', sub, userHandle: 'handle', publicKey: new Uint8Array([1]), counter: 0 },
          ...{
            transports: [],
            aaguid: '',
            backupEligible: false,
            backedUp: false,
            attested: false,
            name: '',
          },
        },
        { spend: async () => true },
      );
      expect(added.outcome).to.equal('added');
      await factors.renewRecoveryCodes(sub);
      const taken = await Promise.all([factors.removePasskeys(sub), factors.removeTotp(sub)]);
      expect(taken).to.deep.equal([true, true]);
      expect(await factors.of({ sub, claims: {} })).to.include({
        totp: false,
        passkeys: 0,
        recoveryCodes: 0,
      });
    } finally {
      await close();
    }
  });
});
