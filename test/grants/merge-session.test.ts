import { expect } from 'chai';
import fc from 'fast-check';
import { mergeSession } from '../../lib/grants/merge-session.ts';

type Json = Record<string, unknown>;

function merge(base: Json, ours: Json, theirs: Json): Json | undefined {
  const merged = mergeSession(JSON.stringify(base), JSON.stringify(ours), JSON.stringify(theirs));
  return merged === undefined ? undefined : JSON.parse(merged);
}

const BASE = {
  uid: 'u',
  jti: 'one',
  kind: 'Session',
  accountId: 'ada',
  exp: 100,
  authorizations: { app: { sid: 's' } },
};

describe('two writes of one session', () => {
  it('keep the places of both', () => {
    const ours = { ...BASE, authorizations: { ...BASE.authorizations, a: { sid: 'a' } } };
    const theirs = { ...BASE, authorizations: { ...BASE.authorizations, b: { sid: 'b' } } };
    expect(merge(BASE, ours, theirs)?.authorizations).to.deep.equal({
      app: { sid: 's' },
      a: { sid: 'a' },
      b: { sid: 'b' },
    });
  });

  it('keep what each added to the place of one application', () => {
    const ours = { ...BASE, authorizations: { app: { sid: 's', grantId: 'g' } } };
    const theirs = { ...BASE, authorizations: { app: { sid: 's', persistsLogout: true } } };
    expect(merge(BASE, ours, theirs)?.authorizations).to.deep.equal({
      app: { sid: 's', grantId: 'g', persistsLogout: true },
    });
  });

  it('do not bring back the place that one of them gave up', () => {
    const left = { ...BASE, authorizations: {} };
    const other = { ...BASE, authorizations: { ...BASE.authorizations, b: {} } };
    expect(merge(BASE, left, other)?.authorizations).to.deep.equal({ b: {} });
    expect(merge(BASE, other, left)?.authorizations).to.deep.equal({ b: {} });
    expect(merge(BASE, left, BASE)).to.not.have.property('authorizations');
  });

  it('keep the newest identifier: the one made here, else the one made there', () => {
    expect(merge(BASE, BASE, { ...BASE, jti: 'two' })).to.include({ jti: 'two' });
    expect(merge(BASE, { ...BASE, jti: 'three' }, { ...BASE, jti: 'two' })).to.include({ jti: 'three' });
  });

  it('keep members that neither we nor the engine of today know', () => {
    expect(merge(BASE, { ...BASE, mine: [1] }, { ...BASE, yours: { x: null } })).to.deep.include({
      mine: [1],
      yours: { x: null },
    });
  });

  it('drop a member that one of them removed', () => {
    const { state: _gone, ...without } = { ...BASE, state: { secret: 'x' } };
    expect(
      merge({ ...BASE, state: { secret: 'x' } }, without, { ...BASE, state: { secret: 'x' }, acr: '1' }),
    ).to.deep.equal({
      ...BASE,
      acr: '1',
    });
  });

  it('keep the forms that both opened, as many as one would', () => {
    const open = (secret: string, ...others: string[]) => ({
      ...BASE,
      state: { secret, ...(others.length === 0 ? {} : { others: others.map((each) => ({ secret: each })) }) },
    });
    expect(merge(open('a'), open('c', 'a'), open('b', 'a'))).to.deep.equal(open('c', 'b', 'a'));
    expect(merge(BASE, open('c'), open('b'))).to.deep.equal(open('c', 'b'));
    expect(merge(open('a'), open('a'), open('b', 'a'))).to.deep.equal(open('b', 'a'));
    // One that somebody else gave up for want of room does not come back with one of theirs.
    expect(merge(open('a', 'z'), open('c', 'a'), open('a', 'z'))).to.deep.equal(open('c', 'a'));
    const full = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    expect(merge(open('a'), open('y', ...full), open('x', 'a'))).to.deep.equal(
      open('y', 'x', ...full.slice(0, 6)),
    );
  });

  it('live as long as the longer one', () => {
    expect(merge(BASE, { ...BASE, exp: 50 }, { ...BASE, exp: 200 })).to.include({ exp: 200 });
  });

  it('of two people are refused, and a sign-in is not carried over to a request from before it', () => {
    const { accountId: _nobody, ...anonymous } = BASE;
    expect(merge(anonymous, { ...BASE, accountId: 'eve' }, BASE)).to.equal(undefined);
    expect(merge(anonymous, anonymous, BASE)).to.equal(undefined);
    expect(merge(BASE, anonymous, { ...BASE, accountId: 'eve' })).to.equal(undefined);
    expect(merge(anonymous, BASE, BASE)).to.include({ accountId: 'ada' });
    expect(merge(anonymous, BASE, anonymous)).to.include({ accountId: 'ada' });
  });

  const place = fc.record({ sid: fc.string() }, { requiredKeys: [] });
  const places = fc.dictionary(
    fc.oneof(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor'), fc.string()),
    place,
  );
  const sessionWith = (authorizations: Json) => ({ ...BASE, authorizations });

  it('property: nothing that only one of them changed is lost, whatever the applications are called', () => {
    fc.assert(
      fc.property(places, places, places, (before, mine, their) => {
        const merged = merge(
          sessionWith(before),
          sessionWith({ ...before, ...mine }),
          sessionWith({ ...before, ...their }),
        );
        const found = new Map(Object.entries((merged?.authorizations ?? {}) as Json));
        const [old, own, foreign] = [before, mine, their].map((value) => new Map(Object.entries(value)));
        for (const client of new Set([
          ...(old?.keys() ?? []),
          ...(own?.keys() ?? []),
          ...(foreign?.keys() ?? []),
        ])) {
          const candidates = [old?.get(client), own?.get(client), foreign?.get(client)].filter(
            (one) => one !== undefined,
          );
          expect(found.has(client), client).to.equal(true);
          if (own?.has(client) !== true && foreign?.has(client) !== true) {
            expect(found.get(client)).to.deep.equal(old?.get(client));
          } else if (own?.has(client) !== true) expect(found.get(client)).to.deep.equal(foreign?.get(client));
          for (const member of Object.keys(found.get(client) as Json)) expect(member).to.equal('sid');
          expect(candidates).to.have.length.above(0);
        }
        expect(Object.getPrototypeOf(merged?.authorizations ?? {})).to.equal(Object.prototype);
      }),
      { verbose: true },
    );
  });

  it('property: merging with a session that nobody else touched changes nothing', () => {
    fc.assert(
      fc.property(places, places, (before, mine) => {
        const [base, ours] = [sessionWith(before), sessionWith(mine)];
        const expected = JSON.parse(JSON.stringify(ours));
        if (Object.keys(mine).length === 0) delete expected.authorizations;
        const merged = merge(base, ours, base);
        for (const client of Object.keys(mine)) {
          expect(merged).to.have.property('authorizations');
          expect(Object.keys(merged?.authorizations as Json)).to.include(client);
        }
        expect(Object.keys((merged?.authorizations ?? {}) as Json)).to.have.members(Object.keys(mine));
      }),
      { verbose: true },
    );
  });
});
