import { expect } from 'chai';
import { type KeyRecord, type KeyRules, planKeyChanges } from '../../../lib/keys/key-life.ts';

const rulesFor = (name?: string): KeyRules => ({
  algorithms: ['ES256'],
  rotationInterval: 1000,
  announcement: 10,
  verification: 100_000,
  external: new Map(name === undefined ? [] : [['ES256', name]]),
});

const record = (kid: string, state: KeyRecord['state'], externalKey: string | null = null): KeyRecord => ({
  kid,
  algorithm: 'ES256',
  state,
  createdAt: 0,
  activatesAt: 10,
  activatedAt: state === 'announced' ? null : 0,
  retiredAt: null,
  expiresAt: state === 'retired' ? 200_000 : null,
  externalKey,
});

/** Applies plans as processes do that take turns, each with its own configuration; the number of changes in each turn. */
function takeTurns(records: KeyRecord[], configurations: KeyRules[], turns: number): number[] {
  let now = 20;
  return Array.from({ length: turns }, (_, turn) => {
    const rules = configurations[turn % configurations.length] as KeyRules;
    const plan = planKeyChanges(records, rules, now);
    for (const change of plan) {
      if (change.change === 'announce') {
        const name = rules.external.get('ES256') ?? null;
        records.push({
          ...record(`${name ?? 'own'}-${now}`, 'announced', name),
          createdAt: now,
          activatesAt: now + 10,
        });
        continue;
      }
      const index = records.findIndex(({ kid }) => kid === change.kid);
      const found = records[index] as KeyRecord;
      if (change.change === 'remove') records.splice(index, 1);
      else if (change.change === 'activate') records[index] = { ...found, state: 'active', activatedAt: now };
      else records[index] = { ...found, state: 'retired', expiresAt: change.expiresAt };
    }
    now += 3;
    return plan.length;
  });
}

describe('the life of a key that is kept elsewhere', () => {
  it('begins when it is named: announced in the place of the own successor, then active', () => {
    const records = [record('own', 'active'), record('next', 'announced')];
    expect(planKeyChanges(records, rulesFor('hsm'), 5)).to.deep.equal([
      { change: 'remove', kid: 'next' },
      { change: 'announce', algorithm: 'ES256', activatesAt: 15 },
    ]);
    const announced = [record('own', 'active'), record('x', 'announced', 'hsm')];
    expect(planKeyChanges(announced, rulesFor('hsm'), 9)).to.deep.equal([]);
    expect(planKeyChanges(announced, rulesFor('hsm'), 10)).to.deep.equal([
      { change: 'activate', kid: 'x' },
      { change: 'retire', kid: 'own', expiresAt: 100_010 },
    ]);
  });

  it('does not end by its age, but when another is named, or none', () => {
    const records = [record('x', 'active', 'hsm')];
    expect(planKeyChanges(records, rulesFor('hsm'), 50_000)).to.deep.equal([]);
    for (const rules of [rulesFor('other'), rulesFor()]) {
      expect(planKeyChanges(records, rules, 100)).to.deep.equal([
        { change: 'announce', algorithm: 'ES256', activatesAt: 110 },
      ]);
    }
  });

  it('does not begin again while it is remembered', () => {
    for (const state of ['retired', 'withdrawn'] as const) {
      const records = [record('own', 'active', 'new'), record('x', state, 'old')];
      expect(planKeyChanges(records, rulesFor('old'), 100), state).to.deep.equal([]);
    }
  });

  it('comes to an end though processes are configured differently', () => {
    for (const configurations of [
      [rulesFor('one'), rulesFor('two')],
      [rulesFor('one'), rulesFor()],
      [rulesFor('two'), rulesFor(), rulesFor('one')],
    ]) {
      const records = [record('own', 'active'), record('next', 'announced')];
      const changes = takeTurns(records, configurations, 60);
      expect(changes.slice(-20), JSON.stringify(records)).to.deep.equal(Array.from({ length: 20 }, () => 0));
      expect(records.filter(({ state }) => state === 'active')).to.have.length(1);
    }
  });
});
