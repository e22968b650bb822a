import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { apart, find, inRequest, save } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';

/** Promise 7: everything expires, in bounded steps. */
export function describeExpiry(makePlace: MakePlace): void {
  describe('expiry', () => {
    let place: Place;
    let here: OpenPlace;

    beforeEach(async () => {
      place = await makePlace();
      here = await place.open();
    });

    afterEach(async () => {
      await here.close();
      await place.remove();
    });

    it('is a time that has not come at first, whatever lifetime the engine asked for', async () => {
      const { grants } = here;
      const lifetimes = [
        0.4,
        1.5,
        2 ** 53,
        Number.POSITIVE_INFINITY,
        Number.MAX_VALUE,
        0,
        -5,
        Number.NaN,
        undefined,
      ];
      for (const [index, lifetime] of lifetimes.entries()) {
        await grants
          .storageFor('AccessToken')
          .upsert(`token-${index}`, { lifetime: String(lifetime) }, lifetime);
        expect(await find(grants, 'AccessToken', `token-${index}`)).to.deep.equal({
          lifetime: String(lifetime),
        });
      }
      await eventually(
        'short lives are over',
        async () => (await find(grants, 'AccessToken', 'token-6')) === undefined,
      );
      expect(await find(grants, 'AccessToken', 'token-2')).to.be.an('object');
      expect(await find(grants, 'AccessToken', 'token-7')).to.be.an('object');
      expect(await find(grants, 'AccessToken', 'token-8')).to.be.an('object');
    });

    it('hides what has expired before it is swept, whichever way it is looked for', async () => {
      const { grants } = here;
      await save(grants, 'AccessToken', 'token', {}, 1);
      await save(grants, 'DeviceCode', 'device', { userCode: 'LMNP' }, 1);
      await save(grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' }, 1);
      await save(grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' }, 1);
      const looks = () =>
        Promise.all([
          find(grants, 'AccessToken', 'token'),
          find(grants, 'DeviceCode', 'device'),
          grants.storageFor('DeviceCode').findByUserCode('LMNP'),
          find(grants, 'Grant', 'grant'),
          grants.findGrantId({ accountId: 'ada', clientId: 'app' }),
          find(grants, 'Session', 'session'),
          grants.storageFor('Session').findByUid('uid'),
        ]);
      for (const found of await looks()) expect(found).to.not.equal(undefined);
      await eventually('all is over', async () => (await looks()).every((found) => found === undefined));
      expect(await grants.listGrants({})).to.deep.equal([]);
      expect(await grants.listSessions({})).to.deep.equal([]);
    });

    it('lets a proof be shown again once its record has expired', async () => {
      const { grants } = here;
      await save(grants, 'ReplayDetection', 'proof', {}, 1);
      const again = () => inRequest(grants, () => save(grants, 'ReplayDetection', 'proof', {}, 600));
      expect((await again()).outcome).to.include({ outcome: 'refused', reason: 'replayed' });
      await eventually('expired', async () => (await find(grants, 'ReplayDetection', 'proof')) === undefined);
      expect((await again()).outcome).to.deep.equal({ outcome: 'committed' });
      expect((await again()).outcome).to.include({ outcome: 'refused', reason: 'replayed' });
    });

    it('sweeps in bounded steps, and nothing that lives', async () => {
      const { grants, storage } = here;
      const count = 25;
      await apart(grants, async () => {
        for (let index = 0; index < count; index += 1)
          await save(grants, 'AccessToken', `brief-${index}`, {}, 1);
        await save(grants, 'AccessToken', 'lasting', {}, 600);
      });
      await eventually('expired', async () => (await find(grants, 'AccessToken', 'brief-0')) === undefined);
      const steps: boolean[] = [];
      do steps.push(await storage.sweep(10));
      while (steps.at(-1));
      expect(steps).to.deep.equal(place.sweeps ? [true, true, false] : [false]);
      expect(await find(grants, 'AccessToken', 'lasting')).to.be.an('object');
    });

    it('of a session and of a grant is the latest that any request asked for', async () => {
      const { grants } = here;
      await save(grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' }, 600);
      await save(grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' }, 600);
      const slow = async () => {
        const session = await find(grants, 'Session', 'session');
        const grant = await find(grants, 'Grant', 'grant');
        await save(grants, 'Session', 'session', { ...session, exp: 1 }, 1);
        await save(grants, 'Grant', 'grant', { ...grant, exp: 1 }, 1);
      };
      await apart(grants, slow);
      await save(grants, 'AccessToken', 'brief', {}, 1);
      await eventually(
        'a brief life is over',
        async () => (await find(grants, 'AccessToken', 'brief')) === undefined,
      );
      expect(await find(grants, 'Session', 'session')).to.be.an('object');
      expect(await find(grants, 'Grant', 'grant')).to.be.an('object');
    });
  });
}
