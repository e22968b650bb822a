import { expect } from 'chai';
import {
  apart,
  type EngineRequest,
  find,
  inRequest,
  perform,
  type RequestOutcome,
  save,
} from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';
import { WorkerProcesses } from './worker-processes.ts';

const CONTENDERS = 12;
const ROUNDS = 3;
const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };

const winnersOf = (outcomes: RequestOutcome[]): number =>
  outcomes.filter(({ result }) => result === 'done').length;

/** All contenders have read before any commits. */
async function raceInProcess(
  { grants }: OpenPlace,
  requestOf: (contender: number) => EngineRequest,
): Promise<RequestOutcome[]> {
  let arrived = 0;
  let open = () => {};
  const barrier = new Promise<void>((resolve) => {
    open = resolve;
  });
  const arrive = () => {
    arrived += 1;
    if (arrived === CONTENDERS) open();
    return barrier;
  };
  return Promise.all(
    Array.from({ length: CONTENDERS }, (_, index) => perform(grants, requestOf(index), arrive)),
  );
}

/** What each model's one use is asked for by a contender; `name` tells rounds apart. */
const REQUESTS: Record<string, (name: string, contender: number) => EngineRequest> = {
  AuthorizationCode: (name, contender) => ({
    kind: 'exchange-code',
    code: name,
    accessToken: `${name}-access-${contender}`,
    refreshToken: `${name}-refresh-${contender}`,
  }),
  DeviceCode: (name, contender) => ({
    kind: 'redeem-device',
    code: name,
    accessToken: `${name}-access-${contender}`,
    refreshToken: `${name}-refresh-${contender}`,
  }),
  PushedAuthorizationRequest: (name, contender) => ({
    kind: 'use-pushed-request',
    requestUri: name,
    accessToken: `${name}-access-${contender}`,
  }),
  ReplayDetection: (name, contender) => ({
    kind: 'show-proof',
    jti: name,
    accessToken: `${name}-access-${contender}`,
  }),
};

/** Promise 2: single use means once, for any number of attempts at once over any number of processes. */
export function describeSingleUse(makePlace: MakePlace): void {
  describe('single use', () => {
    let place: Place;
    let here: OpenPlace;
    let processes: WorkerProcesses;

    before(async () => {
      place = await makePlace();
      here = await place.open();
      await save(here.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
      processes = await WorkerProcesses.start(place, { processes: 4, graceSeconds: 10 });
    });

    after(async () => {
      await processes.stop();
      await here.close();
      await place.remove();
    });

    async function expectOneUse(model: string, name: string, outcomes: RequestOutcome[]): Promise<void> {
      expect(outcomes, JSON.stringify(outcomes)).to.have.length(CONTENDERS);
      expect(winnersOf(outcomes), JSON.stringify(outcomes)).to.equal(1);
      const tokens = await Promise.all(
        outcomes.map((_, contender) => find(here.grants, 'AccessToken', `${name}-access-${contender}`)),
      );
      // A second use of a code ends what the first was given (RFC 6749 §4.1.2); the others issue for their winner alone.
      const isCode = model === 'AuthorizationCode' || model === 'DeviceCode';
      expect(tokens.filter((token) => token !== undefined)).to.have.length(isCode ? 0 : 1);
    }

    for (const [model, requestOf] of Object.entries(REQUESTS)) {
      const make = async (name: string) => {
        if (model !== 'ReplayDetection') {
          await save(here.grants, model, name, model === 'PushedAuthorizationRequest' ? {} : BOUND);
        }
        return (contender: number) => requestOf(name, contender);
      };

      it(`${model}: one winner of ${CONTENDERS} at once in one process`, async () => {
        const name = `${model}-here`;
        await expectOneUse(model, name, await raceInProcess(here, await make(name)));
      });

      it(`${model}: one winner of ${CONTENDERS} at once in four processes`, async () => {
        for (let round = 0; round < ROUNDS; round += 1) {
          const name = `${model}-there-${round}`;
          const request = await make(name);
          await expectOneUse(model, name, await processes.race(CONTENDERS / 4, request));
        }
      });
    }

    it('ends what a code was exchanged for when the code comes again later', async () => {
      const { grants } = here;
      await save(grants, 'AuthorizationCode', 'code', BOUND);
      const request = {
        kind: 'exchange-code',
        code: 'code',
        accessToken: 'access',
        refreshToken: 'refresh',
      } as const;
      expect(await perform(grants, request)).to.include({ result: 'done' });
      expect(await find(grants, 'AccessToken', 'access')).to.be.an('object');
      expect(await perform(grants, { ...request, accessToken: 'other' })).to.include({ result: 'consumed' });
      for (const token of ['access', 'other'])
        expect(await find(grants, 'AccessToken', token)).to.equal(undefined);
      expect(await find(grants, 'RefreshToken', 'refresh')).to.equal(undefined);
    });

    it('leaves a code to be used again when its exchange failed', async () => {
      const { grants } = here;
      await save(grants, 'AuthorizationCode', 'tried', BOUND);
      await inRequest(
        grants,
        async () => {
          await find(grants, 'AuthorizationCode', 'tried');
          await grants.storageFor('AuthorizationCode').consume('tried');
        },
        'revocations-and-state',
      );
      const request = { kind: 'exchange-code', code: 'tried', accessToken: 'a', refreshToken: 'r' } as const;
      expect(await perform(grants, request)).to.include({ result: 'done' });
    });

    it('lets one of two people answer for a device, whether or not the other has read before', async () => {
      const { grants } = here;
      await save(grants, 'DeviceCode', 'device', { userCode: 'GHJK' });
      const answer = (accountId: string, beforeCommit?: () => Promise<void>) =>
        inRequest(
          grants,
          async () => {
            const code = await grants.storageFor('DeviceCode').findByUserCode('GHJK');
            await save(grants, 'DeviceCode', 'device', { ...code, accountId });
          },
          'everything',
          beforeCommit,
        );
      const slow = await answer('ada', async () => {
        expect((await answer('eve')).outcome).to.deep.equal({ outcome: 'committed' });
      });
      expect(slow.outcome).to.deep.equal({ outcome: 'refused', reason: 'already_used', model: 'DeviceCode' });
      expect(await find(grants, 'DeviceCode', 'device')).to.include({ accountId: 'eve' });
      expect(await grants.storageFor('DeviceCode').findByUserCode('GHJK')).to.include({ accountId: 'eve' });
    });

    it('lets one of two that go on from an interaction at once do so, and then it is gone', async () => {
      const { grants } = here;
      await save(grants, 'Interaction', 'answered');
      const goOn = (session: string, beforeCommit?: () => Promise<void>) =>
        inRequest(
          grants,
          async () => {
            await find(grants, 'Interaction', 'answered');
            await grants.storageFor('Interaction').consume('answered');
            await grants.storageFor('Interaction').destroy('answered');
            await save(grants, 'Session', session, { uid: session });
          },
          'everything',
          beforeCommit,
        );
      const slow = await goOn('slow', async () => {
        expect((await goOn('quick')).outcome).to.deep.equal({ outcome: 'committed' });
      });
      expect(slow.outcome).to.include({ outcome: 'refused', reason: 'already_used', model: 'Interaction' });
      expect(await apart(grants, () => find(grants, 'Interaction', 'answered'))).to.equal(undefined);
      expect(await find(grants, 'Session', 'quick')).to.be.an('object');
      expect(await find(grants, 'Session', 'slow')).to.equal(undefined);
    });

    it('does not bring back an interaction that was finished while a second answer was on its way', async () => {
      const { grants } = here;
      await save(grants, 'Interaction', 'interaction');
      const { outcome } = await inRequest(grants, async () => {
        const interaction = await find(grants, 'Interaction', 'interaction');
        await save(grants, 'Interaction', 'interaction', {
          ...interaction,
          result: { login: { accountId: 'ada' } },
        });
        await apart(grants, () => grants.storageFor('Interaction').destroy('interaction'));
      });
      expect(outcome).to.include({ outcome: 'refused', reason: 'already_used' });
      expect(await find(grants, 'Interaction', 'interaction')).to.equal(undefined);
    });
  });
}
