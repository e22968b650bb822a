import { expect } from 'chai';
import { eventually } from '../flows/latchkey-process.ts';
import { apart, find, inRequest, perform, save } from './engine-requests.ts';
import type { MakePlace, OpenPlace, Place } from './storage-place.ts';
import { WorkerProcesses } from './worker-processes.ts';

const BOUND = { grantId: 'grant', accountId: 'ada', clientId: 'app' };

/** Promise 4: refresh rotation survives honest races, and a thief does not survive it. */
export function describeRefreshRotation(makePlace: MakePlace): void {
  describe('refresh rotation', () => {
    let place: Place;
    let opened: OpenPlace[];

    beforeEach(async () => {
      place = await makePlace();
      opened = [];
    });

    afterEach(async () => {
      for (const one of opened) await one.close();
      await place.remove();
    });

    async function open(graceSeconds: number, payload = {}): Promise<OpenPlace> {
      const one = await place.open({ graceSeconds });
      opened.push(one);
      if (opened.length === 1) {
        await save(one.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
        await save(one.grants, 'RefreshToken', 'refresh', { ...BOUND, ...payload });
      }
      return one;
    }

    let tokens = 0;
    const refresh = ({ grants }: OpenPlace, refreshToken: string, beforeCommit?: () => Promise<void>) => {
      tokens += 1;
      return perform(
        grants,
        { kind: 'refresh', refreshToken, accessToken: `access-${tokens}` },
        beforeCommit,
      );
    };

    it('gives all who refresh the same token at once, in four processes, the same successor', async () => {
      const here = await open(10);
      const processes = await WorkerProcesses.start(place, { processes: 4, graceSeconds: 10 });
      try {
        let token = 'refresh';
        for (let round = 0; round < 3; round += 1) {
          const outcomes = await processes.race(3, (contender) => ({
            kind: 'refresh',
            refreshToken: token,
            accessToken: `access-${round}-${contender}`,
          }));
          expect(outcomes.map(({ result }) => result)).to.deep.equal(Array(12).fill('done'));
          const successors = new Set(outcomes.map(({ successor }) => successor));
          expect(successors.size).to.equal(1);
          token = [...successors][0] as string;
          expect(await find(here.grants, 'RefreshToken', token)).to.include(BOUND);
          for (let contender = 0; contender < 12; contender += 1) {
            expect(await find(here.grants, 'AccessToken', `access-${round}-${contender}`)).to.include(BOUND);
          }
        }
      } finally {
        await processes.stop();
      }
    });

    it('without grace, one of those at once wins, the reuse is reported and the family ends', async () => {
      const here = await open(0);
      const processes = await WorkerProcesses.start(place, { processes: 4, graceSeconds: 0 });
      try {
        const outcomes = await processes.race(3, (contender) => ({
          kind: 'refresh',
          refreshToken: 'refresh',
          accessToken: `access-${contender}`,
        }));
        expect(outcomes.filter(({ result }) => result === 'done')).to.have.length(1);
        expect(outcomes.filter(({ reason }) => reason === 'reused')).to.have.length.above(0);
        const winner = outcomes.findIndex(({ result }) => result === 'done');
        expect(await find(here.grants, 'AccessToken', `access-${winner}`)).to.equal(undefined);
        expect(await find(here.grants, 'RefreshToken', outcomes[winner]?.successor as string)).to.equal(
          undefined,
        );
      } finally {
        await processes.stop();
      }
    });

    it('without grace, tells whoever lost in flight, and the operator', async () => {
      const here = await open(0);
      let successor: string | undefined;
      const late = await refresh(here, 'refresh', async () => {
        ({ successor } = await refresh(here, 'refresh'));
      });
      expect(late).to.deep.equal({ result: 'refused', reason: 'reused' });
      expect(here.reuses).to.have.length(1);
      expect(await find(here.grants, 'RefreshToken', successor as string)).to.equal(undefined);
      expect(await find(here.grants, 'Grant', 'grant')).to.be.an('object');
    });

    it('answers a repeated token within its grace with the newest of its line', async () => {
      const here = await open(60);
      const line = ['refresh'];
      for (let step = 0; step < 3; step += 1) {
        const { successor } = await refresh(here, line[step] as string);
        line.push(successor as string);
      }
      expect(new Set(line).size).to.equal(4);
      for (const token of line.slice(0, 3)) {
        expect(await find(here.grants, 'RefreshToken', token)).to.not.have.property('consumed');
        expect(await refresh(here, token)).to.deep.equal({ result: 'done', successor: line[3] });
      }
      expect(here.reuses).to.deep.equal([]);
    });

    it('leaves the successor as it was first issued when it is asked for again', async () => {
      const { grants } = await open(60);
      const issue = (attempt: number) =>
        apart(grants, async () => {
          await find(grants, 'RefreshToken', 'refresh');
          await grants.storageFor('RefreshToken').consume('refresh');
          const successor = grants.successorOf('refresh') as string;
          await save(grants, 'RefreshToken', successor, { ...BOUND, attempt });
          return successor;
        });
      const successor = await issue(1);
      expect(await issue(2)).to.equal(successor);
      expect(await find(grants, 'RefreshToken', successor)).to.include({ attempt: 1 });
    });

    it('refuses a repeat that comes too late for the newest, and revokes nothing', async () => {
      const here = await open(60);
      const { successor } = await refresh(here, 'refresh');
      const late = await refresh(here, 'refresh', async () => {
        await refresh(here, successor as string);
      });
      expect(late).to.deep.equal({ result: 'refused', reason: 'already_used' });
      expect(await refresh(here, 'refresh')).to.include({ result: 'done' });
      expect(here.reuses).to.deep.equal([]);
    });

    it('reports a token that is used after its grace as used, and the family ends', async () => {
      const here = await open(1);
      const { successor } = await refresh(here, 'refresh');
      expect(await find(here.grants, 'RefreshToken', 'refresh')).to.not.have.property('consumed');
      await eventually(
        'the grace is over',
        async () => (await find(here.grants, 'RefreshToken', 'refresh'))?.consumed !== undefined,
      );
      expect(await refresh(here, 'refresh')).to.deep.equal({ result: 'consumed' });
      expect(here.reuses).to.deep.equal([{ clientId: 'app' }]);
      expect(await find(here.grants, 'RefreshToken', successor as string)).to.equal(undefined);
    });

    for (const [name, binding] of Object.entries({
      DPoP: { jkt: 'print' },
      'mutual TLS': { 'x5t#S256': 'print' },
    })) {
      it(`gives a token that is bound by ${name} no grace`, async () => {
        const here = await open(60, binding);
        const { successor } = await refresh(here, 'refresh');
        expect(await find(here.grants, 'RefreshToken', 'refresh'))
          .to.have.property('consumed')
          .above(0);
        expect(await refresh(here, 'refresh')).to.deep.equal({ result: 'consumed' });
        expect(await find(here.grants, 'RefreshToken', successor as string)).to.equal(undefined);
      });
    }

    it('leaves the token usable when its exchange failed between its use and its successor', async () => {
      const here = await open(0);
      const use = async () => {
        await find(here.grants, 'RefreshToken', 'refresh');
        await here.grants.storageFor('RefreshToken').consume('refresh');
      };
      await inRequest(here.grants, use, 'revocations-and-state');
      // A process that ends here has committed nothing.
      await here.grants.inUnitOfWork(use);
      expect(await refresh(here, 'refresh')).to.include({ result: 'done' });
    });

    it('does not let a successor be computed from what the store holds', async () => {
      const here = await open(60);
      const elsewhere = await makePlace();
      const other = await elsewhere.open({ graceSeconds: 60 });
      try {
        const choose = ({ grants }: OpenPlace) =>
          apart(grants, async () => {
            await find(grants, 'RefreshToken', 'refresh');
            await grants.storageFor('RefreshToken').consume('refresh');
            return grants.successorOf('refresh');
          });
        await save(other.grants, 'Grant', 'grant', { accountId: 'ada', clientId: 'app' });
        await save(other.grants, 'RefreshToken', 'refresh', BOUND);
        const [one, two] = [await choose(here), await choose(other)];
        expect(one).to.match(/^[\w-]{43}$/);
        expect(two).to.match(/^[\w-]{43}$/);
        expect(one).to.not.equal(two);
      } finally {
        await other.close();
        await elsewhere.remove();
      }
    });
  });
}
