import type { DatabaseSync } from 'node:sqlite';
import { expect } from 'chai';
import { apart, find, inRequest, save } from './engine-requests.ts';
import { makeSqlitePlace, openInspectedPlace } from './sqlite-place.ts';
import { describeStorageContract } from './storage-contract.ts';
import type { OpenPlace } from './storage-place.ts';

describe('the embedded store keeps the storage contract', () => {
  describeStorageContract(makeSqlitePlace);
});

describe('a session in the embedded store that is used as it is', () => {
  const LIFE = 1_000_000;
  const EXP = Math.floor(Date.now() / 1000) + LIFE;
  const session = (exp: number, more = {}) => ({ uid: 'uid', accountId: 'ada', iat: 1, exp, ...more });
  let opened: OpenPlace;
  let raw: DatabaseSync;
  let remove: () => Promise<void>;

  beforeEach(async () => {
    ({ opened, raw, remove } = await openInspectedPlace());
    await save(opened.grants, 'Session', 'id', session(EXP), LIFE);
  });
  afterEach(() => remove());

  const version = () => raw.prepare('SELECT version FROM sessions').get()?.version;

  async function use(exp: number, { more = {}, meanwhile = async (): Promise<unknown> => undefined } = {}) {
    const { grants } = opened;
    const using = inRequest(grants, async () => {
      await find(grants, 'Session', 'id');
      await meanwhile();
      await save(grants, 'Session', 'id', session(exp, more), LIFE);
    });
    return (await using).outcome;
  }

  it('is not written before a thousandth of its life has gone by', async () => {
    expect(await use(EXP + 1)).to.include({ outcome: 'committed' });
    expect(await use(EXP + LIFE / 1000 - 1)).to.include({ outcome: 'committed' });
    expect(version()).to.equal(1);
    expect(await use(EXP + LIFE / 1000 + 1)).to.include({ outcome: 'committed' });
    expect(version()).to.equal(2);
    expect(await find(opened.grants, 'Session', 'id')).to.include({ exp: EXP + LIFE / 1000 + 1 });
  });

  it('is written when anything else has changed, or when it is to end sooner', async () => {
    await use(EXP + 1, { more: { authorizations: { app: { sid: 'sid' } } } });
    expect(version()).to.equal(2);
    await use(EXP, { more: { authorizations: { app: { sid: 'sid' } } } });
    expect(version()).to.equal(3);
  });

  it('is refused all the same when it was ended meanwhile', async () => {
    const { grants } = opened;
    const meanwhile = () => apart(grants, () => grants.storageFor('Session').destroy('id'));
    expect(await use(EXP + 1, { meanwhile })).to.deep.include({
      outcome: 'refused',
      reason: 'session_ended',
    });
  });

  it('leaves what another request has changed meanwhile', async () => {
    const { grants } = opened;
    const authorizations = { app: { sid: 'sid' } };
    const meanwhile = () =>
      apart(grants, async () => {
        await find(grants, 'Session', 'id');
        await save(grants, 'Session', 'id', session(EXP + 1, { authorizations }), LIFE);
      });
    expect(await use(EXP + 1, { meanwhile })).to.include({ outcome: 'committed' });
    expect(await find(grants, 'Session', 'id')).to.deep.include({ authorizations });
  });
});
