import { expect } from 'chai';
import { find, inRequest, save } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';

const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };

/** Promise 1: a request's writes land together or not at all, before its response is sent. */
export function describeUnitOfWork(makePlace: MakePlace): void {
  describe('a unit of work', () => {
    let place: Place;
    let here: OpenPlace;
    let there: OpenPlace;

    beforeEach(async () => {
      place = await makePlace();
      here = await place.open();
      there = await place.open();
      await save(here.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
    });

    afterEach(async () => {
      await here.close();
      await there.close();
      await place.remove();
    });

    it('reads its own writes, which nobody else sees before the commit', async () => {
      const { grants } = here;
      await save(grants, 'AuthorizationCode', 'old-code', BOUND);
      const elsewhere = () =>
        Promise.all(
          ['AccessToken', 'DeviceCode', 'Session', 'Grant'].map((model) =>
            find(there.grants, model, `new-${model}`),
          ),
        );
      await inRequest(grants, async () => {
        await save(grants, 'AccessToken', 'new-AccessToken', BOUND);
        await save(grants, 'DeviceCode', 'new-DeviceCode', { userCode: 'BCDF' });
        await save(grants, 'Session', 'new-Session', { uid: 'uid', accountId: 'ada' });
        await save(grants, 'Grant', 'new-Grant', { accountId: 'ada', clientId: 'app' });
        await grants.storageFor('AuthorizationCode').consume('old-code');
        expect(await find(grants, 'AccessToken', 'new-AccessToken')).to.include(BOUND);
        expect(await find(grants, 'Session', 'new-Session')).to.include({ uid: 'uid' });
        expect(await grants.storageFor('Session').findByUid('uid')).to.include({ jti: 'new-Session' });
        expect(await find(grants, 'Grant', 'new-Grant')).to.include({ accountId: 'ada' });
        expect(await grants.storageFor('DeviceCode').findByUserCode('BCDF')).to.include({
          jti: 'new-DeviceCode',
        });
        expect(await find(grants, 'AuthorizationCode', 'old-code'))
          .to.have.property('consumed')
          .above(0);
        expect(await elsewhere()).to.deep.equal([undefined, undefined, undefined, undefined]);
        expect(await find(there.grants, 'AuthorizationCode', 'old-code')).to.not.have.property('consumed');
      });
      for (const found of await elsewhere()) expect(found).to.be.an('object');
      expect(await find(there.grants, 'AuthorizationCode', 'old-code'))
        .to.have.property('consumed')
        .above(0);
    });

    it('reads what it removed and revoked as gone', async () => {
      const { grants } = here;
      await save(grants, 'AccessToken', 'token', BOUND);
      await save(grants, 'Interaction', 'interaction');
      await save(grants, 'Session', 'session', { uid: 'uid', accountId: 'ada' });
      await inRequest(grants, async () => {
        expect(await find(grants, 'AccessToken', 'token')).to.be.an('object');
        await grants.storageFor('AccessToken').revokeByGrantId('grant');
        await grants.storageFor('Interaction').destroy('interaction');
        await grants.storageFor('Session').destroy('session');
        expect(await find(grants, 'AccessToken', 'token')).to.equal(undefined);
        expect(await find(grants, 'Interaction', 'interaction')).to.equal(undefined);
        expect(await find(grants, 'Session', 'session')).to.equal(undefined);
        expect(await grants.storageFor('Session').findByUid('uid')).to.equal(undefined);
        expect(await find(grants, 'Grant', 'grant')).to.be.an('object');
        await grants.storageFor('Grant').destroy('grant');
        expect(await find(grants, 'Grant', 'grant')).to.equal(undefined);
        expect(await find(there.grants, 'Grant', 'grant')).to.be.an('object');
      });
      expect(await find(there.grants, 'Grant', 'grant')).to.equal(undefined);
    });

    it('keeps nothing when it is refused, but the proof that was shown', async () => {
      const { grants } = here;
      await save(grants, 'AuthorizationCode', 'code', BOUND);
      const { outcome } = await inRequest(grants, async () => {
        await find(grants, 'AuthorizationCode', 'code');
        await grants.storageFor('AuthorizationCode').consume('code');
        await save(grants, 'AccessToken', 'token', BOUND);
        await save(grants, 'Interaction', 'interaction');
        await save(grants, 'Session', 'session', { uid: 'uid' });
        await save(grants, 'Grant', 'other-grant', { accountId: 'ada', clientId: 'app' });
        await save(grants, 'ReplayDetection', 'proof');
        await there.grants.storageFor('AuthorizationCode').consume('code');
      });
      expect(outcome).to.deep.equal({
        outcome: 'refused',
        reason: 'already_used',
        model: 'AuthorizationCode',
      });
      expect(await find(grants, 'AccessToken', 'token')).to.equal(undefined);
      expect(await find(grants, 'Interaction', 'interaction')).to.equal(undefined);
      expect(await find(grants, 'Session', 'session')).to.equal(undefined);
      expect(await find(grants, 'Grant', 'other-grant')).to.equal(undefined);
      expect(await find(grants, 'ReplayDetection', 'proof')).to.be.an('object');
    });

    it('keeps of a failed request revocations, interactions and proofs, but no token and no consumption', async () => {
      const { grants } = here;
      await save(grants, 'Grant', 'revoked-grant', { accountId: 'ada', clientId: 'app' });
      await save(grants, 'AccessToken', 'revoked-token', { ...BOUND, grantId: 'revoked-grant' });
      await save(grants, 'RefreshToken', 'refresh', BOUND);
      const failed = async () => {
        await find(grants, 'RefreshToken', 'refresh');
        await grants.storageFor('RefreshToken').consume('refresh');
        await save(grants, 'RefreshToken', grants.successorOf('refresh') as string, BOUND);
        await save(grants, 'AccessToken', 'token', BOUND);
        await save(grants, 'Grant', 'other-grant', { accountId: 'ada', clientId: 'app' });
        await save(grants, 'Interaction', 'interaction');
        await save(grants, 'ReplayDetection', 'proof');
        await grants.storageFor('AccessToken').revokeByGrantId('revoked-grant');
        return grants.successorOf('refresh') as string;
      };
      const { value: successor, outcome } = await inRequest(grants, failed, 'revocations-and-state');
      expect(outcome).to.deep.equal({ outcome: 'committed' });
      expect(await find(grants, 'RefreshToken', 'refresh')).to.not.have.property('consumed');
      expect(await find(grants, 'RefreshToken', successor)).to.equal(undefined);
      expect(await find(grants, 'AccessToken', 'token')).to.equal(undefined);
      expect(await find(grants, 'Grant', 'other-grant')).to.equal(undefined);
      expect(await find(grants, 'AccessToken', 'revoked-token')).to.equal(undefined);
      expect(await find(grants, 'Interaction', 'interaction')).to.be.an('object');
      expect(await find(grants, 'ReplayDetection', 'proof')).to.be.an('object');
    });

    it('leaves out of a failed request a proof that was shown before, and keeps the rest', async () => {
      const { grants } = here;
      await save(grants, 'ReplayDetection', 'proof');
      const { outcome } = await inRequest(
        grants,
        async () => {
          await save(grants, 'ReplayDetection', 'proof');
          await save(grants, 'Interaction', 'interaction');
        },
        'revocations-and-state',
      );
      expect(outcome).to.deep.equal({ outcome: 'committed' });
      expect(await find(grants, 'Interaction', 'interaction')).to.be.an('object');
    });

    it('is over with its commit: what comes later in the request is kept for itself', async () => {
      const { grants } = here;
      await grants.inUnitOfWork(async () => {
        await save(grants, 'Interaction', 'before');
        await grants.commit('everything');
        await save(grants, 'Interaction', 'after');
        expect(await find(there.grants, 'Interaction', 'after')).to.be.an('object');
      });
    });

    it('keeps every member of a payload as it was', async () => {
      const { grants } = here;
      const payload = {
        nested: { unknown: [1, null, 'ü\u0000'] },
        empty: '',
        flag: false,
        exp: 4_102_444_800,
      };
      await grants.storageFor('AccessToken').upsert('token', payload, 60);
      await grants.storageFor('Session').upsert('id', { uid: 'uid', jti: 'id', ...payload }, 60);
      expect(await find(there.grants, 'AccessToken', 'token')).to.deep.equal(payload);
      expect(await find(there.grants, 'Session', 'id')).to.deep.equal({ uid: 'uid', jti: 'id', ...payload });
    });
  });
}
