import { expect } from 'chai';
import { recordKey } from '../../lib/grants/record-key.ts';
import { StatusTellingStorage } from '../../lib/grants/status-telling-storage.ts';
import type { GrantStorage, Unit } from '../../lib/grants/storage.ts';
import { eventually } from '../flows/latchkey-process.ts';
import { find, save } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';

const LIST = 'ES256/list';
const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead;
const placeAt = (index: number, list = LIST) => ({ list, index, expiresAt: seconds(600) });

function revocation(grantId: string, consent: boolean): Unit {
  return {
    ...{
      startedAt: Date.now(),
      beganAt: performance.now(),
      onConflict: 'refuse',
      records: [],
      consumptions: [],
    },
    ...{ removals: [], grants: [], readGrants: [], sessions: [], endedSessions: [] },
    revocations: [{ grantKey: recordKey('Grant', grantId), consent }],
  };
}

/** What was revoked of JWT access tokens is known to all, none of it is lost, and it expires. */
export function describeTokenStatuses(makePlace: MakePlace): void {
  describe('statuses of JWT access tokens', () => {
    let place: Place;
    let here: OpenPlace;
    let there: OpenPlace;

    beforeEach(async () => {
      place = await makePlace();
      here = await place.open();
      there = await place.open();
    });
    afterEach(async () => {
      await there.close();
      await here.close();
      await place.remove();
    });

    const revoked = ({ grants }: OpenPlace, index: number, list = LIST) =>
      grants.tokenStatuses.isRevoked({ list, index });

    it('are good until they are revoked, everywhere at once, each for itself', async () => {
      expect(await here.grants.tokenStatuses.read(LIST)).to.equal(undefined);
      await here.grants.tokenStatuses.revoke([placeAt(0), placeAt(65_535), placeAt(8, 'ES256/other')]);
      for (const process of [here, there]) {
        expect([await revoked(process, 0), await revoked(process, 65_535)]).to.deep.equal([true, true]);
        for (const index of [1, 7, 8, 65_534]) expect(await revoked(process, index)).to.equal(false);
        expect(await revoked(process, 8, 'ES256/other')).to.equal(true);
      }
    });

    it('are not lost when many are revoked in one list at once', async () => {
      const indices = Array.from({ length: 60 }, (_, index) => index * 3);
      await Promise.all(
        indices.map((index) =>
          (index % 2 === 0 ? here : there).grants.tokenStatuses.revoke([placeAt(index)]),
        ),
      );
      const after = await Promise.all(Array.from({ length: 180 }, (_, index) => revoked(there, index)));
      expect(after.flatMap((is, index) => (is ? [index] : []))).to.deep.equal(indices);
    });

    it('expire with the last token that points there', async () => {
      await here.grants.tokenStatuses.revoke([{ ...placeAt(3), expiresAt: seconds(1) }]);
      await eventually(
        'it is forgotten',
        async () => (await here.grants.tokenStatuses.read(LIST)) === undefined,
      );
      await here.grants.tokenStatuses.revoke([{ ...placeAt(4), expiresAt: seconds(-1) }]);
      expect(await here.grants.tokenStatuses.read(LIST)).to.equal(undefined);
    });

    const endings: Record<string, (storage: GrantStorage) => Promise<unknown>> = {
      'its tokens are revoked': (storage) => storage.apply(revocation('grant', false)),
      'the consent is taken back': (storage) => storage.apply(revocation('grant', true)),
      'the client’s grants end': (storage) => storage.endGrants({ clientKey: recordKey('client', 'app') }),
      'the person’s tokens end': (storage) =>
        storage.endAccount(recordKey('account', 'ada'), { consent: false }),
      'everything of the person ends': (storage) =>
        storage.endAccount(recordKey('account', 'ada'), { consent: true }),
    };
    for (const [what, end] of Object.entries(endings)) {
      it(`are published when ${what}, with those that were added in that moment, and no others`, async () => {
        const grant = (clientId: string, index: number) => ({
          accountId: clientId === 'app' ? 'ada' : 'grace',
          clientId,
          tokenStatuses: [{ ...placeAt(index), clientId, record: 'record' }],
        });
        await save(here.grants, 'Grant', 'grant', grant('app', 10));
        await save(here.grants, 'Grant', 'other', grant('other', 20));
        let late = false;
        const storage = new Proxy(here.storage, {
          get(target, name) {
            const value = Reflect.get(target, name, target) as unknown;
            if (typeof value !== 'function') return value;
            return async (...parameters: unknown[]) => {
              const ending =
                name === 'endAccount' || (name === 'apply' && (parameters[0] as Unit).revocations.length > 0);
              if (ending && !late) {
                late = true;
                const payload = await find(there.grants, 'Grant', 'grant');
                const known = payload?.tokenStatuses as object[];
                await save(there.grants, 'Grant', 'grant', {
                  ...payload,
                  tokenStatuses: [...known, { ...placeAt(11), clientId: 'app', record: 'late' }],
                });
              }
              return value.apply(target, parameters) as unknown;
            };
          },
        });
        await end(new StatusTellingStorage(storage, here.grants.tokenStatuses));
        expect(late).to.equal(true);
        expect(await revoked(there, 10)).to.equal(true);
        // A consent that is taken back with one write leaves nothing to ask afterwards.
        if (what !== 'the consent is taken back') expect(await revoked(there, 11)).to.equal(true);
        expect(await revoked(there, 20)).to.equal(false);
      });
    }

    it('keep their places in a grant that is written twice at once', async () => {
      await save(here.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
      await Promise.all(
        [here, there].map(({ grants }, index) =>
          grants.inUnitOfWork(async () => {
            const payload = await find(grants, 'Grant', 'grant');
            await save(grants, 'Grant', 'grant', { ...payload, tokenStatuses: [placeAt(index)] });
            await grants.commit('everything');
          }),
        ),
      );
      const payload = await find(here.grants, 'Grant', 'grant');
      const { tokenStatuses } = payload as { tokenStatuses: { index: number }[] };
      const kept = tokenStatuses.map(({ index }) => index);
      expect(kept.sort()).to.deep.equal([0, 1]);
    });
  });
}
