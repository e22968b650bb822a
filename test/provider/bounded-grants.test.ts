import { expect } from 'chai';
import type { KoaContextWithOIDC } from '../../lib/provider/engine/engine-context.ts';
import {
  boundGrant,
  endsWithSession,
  type GrantBound,
  isOver,
  withinGrant,
} from '../../lib/provider/tokens/bounded-grants.ts';

const DAY = 86_400;
const requestUnder = (grant: GrantBound) =>
  ({ oidc: { entities: { Grant: grant } } }) as unknown as KoaContextWithOIDC;

describe('grants that end when the person said', () => {
  it('allow tokens that end with them, and no longer', () => {
    const grant: GrantBound = {};
    boundGrant(grant, 'month');
    expect(isOver(grant)).to.equal(false);
    expect(withinGrant(requestUnder(grant), 600)).to.equal(600);
    expect(withinGrant(requestUnder(grant), 366 * DAY)).to.be.within(30 * DAY - 2, 30 * DAY);
    expect(endsWithSession(requestUnder(grant))).to.equal(false);
  });

  it('are over after that time', () => {
    const now = Math.floor(Date.now() / 1000);
    expect(isOver({ boundedUntil: now - 1 })).to.equal(true);
    expect(isOver({ boundedUntil: now + 60 })).to.equal(false);
    expect(withinGrant(requestUnder({ boundedUntil: now - 1 }), 600)).to.equal(1);
  });

  it('go by the last choice alone', () => {
    const grant: GrantBound = {};
    boundGrant(grant, 'year');
    boundGrant(grant, 'session');
    expect(endsWithSession(requestUnder(grant))).to.equal(true);
    expect(grant.boundedUntil).to.equal(undefined);
    boundGrant(grant, undefined);
    expect(endsWithSession(requestUnder(grant))).to.equal(false);
    expect(withinGrant(requestUnder(grant), 600)).to.equal(600);
  });
});
