import { expect } from 'chai';
import fc from 'fast-check';
import { mergeGrant } from '../../lib/grants/merge-grant.ts';

type Json = Record<string, unknown>;

const merge = (ours: Json, theirs: Json): Json =>
  JSON.parse(mergeGrant(JSON.stringify(ours), JSON.stringify(theirs)));
const BASE = { jti: 'g', accountId: 'ada', clientId: 'app', exp: 100 };
const words = (scope: unknown): string[] =>
  typeof scope === 'string' && scope !== '' ? scope.split(' ') : [];

describe('two writes of one grant', () => {
  it('allow what either allows', () => {
    const ours = {
      ...BASE,
      openid: { scope: 'openid email', claims: ['email'] },
      resources: { 'urn:a': 'read' },
      rar: [{ type: 'x' }],
    };
    const theirs = {
      ...BASE,
      exp: 200,
      openid: { scope: 'openid profile' },
      resources: { 'urn:a': 'write', 'urn:b': 'read' },
      rar: [{ type: 'x' }, { type: 'y' }],
    };
    expect(merge(ours, theirs)).to.deep.equal({
      ...BASE,
      exp: 200,
      openid: { scope: 'openid profile email', claims: ['email'] },
      resources: { 'urn:a': 'write read', 'urn:b': 'read' },
      rar: [{ type: 'x' }, { type: 'y' }],
    });
  });

  it('reject what either rejects', () => {
    const ours = { ...BASE, openid: { scope: 'openid email' }, rejected: { openid: { scope: 'phone' } } };
    const theirs = {
      ...BASE,
      openid: { scope: 'openid' },
      rejected: { openid: { claims: ['address'] }, resources: { 'urn:a': 'write' } },
    };
    expect(merge(ours, theirs).rejected).to.deep.equal({
      openid: { scope: 'phone', claims: ['address'] },
      resources: { 'urn:a': 'write' },
    });
  });

  it('of nothing stay nothing', () => {
    expect(merge(BASE, BASE)).to.deep.equal(BASE);
  });

  const scope = fc
    .uniqueArray(fc.constantFrom('openid', 'email', 'profile', 'phone'), { maxLength: 4 })
    .map((list) => list.join(' '));
  const allowed = fc.record(
    { scope, claims: fc.uniqueArray(fc.constantFrom('email', 'name', 'address')), resource: scope },
    { requiredKeys: [] },
  );
  const grantOf = ({
    scope: openid,
    claims,
    resource,
  }: {
    scope?: string;
    claims?: string[];
    resource?: string;
  }): Json => ({
    ...BASE,
    openid: {
      ...(openid === undefined ? {} : { scope: openid }),
      ...(claims === undefined ? {} : { claims }),
    },
    ...(resource === undefined ? {} : { resources: { 'urn:a': resource } }),
  });
  const contentOf = (grant: Json) => {
    const openid = (grant.openid ?? {}) as { scope?: string; claims?: string[] };
    const resources = (grant.resources ?? {}) as Record<string, string>;
    return { scopes: words(openid.scope), claims: openid.claims ?? [], resource: words(resources['urn:a']) };
  };

  it('property: are the union of both, each word once, whichever comes first', () => {
    fc.assert(
      fc.property(allowed, allowed, (one, other) => {
        const [ours, theirs] = [grantOf(one), grantOf(other)];
        const merged = contentOf(merge(ours, theirs));
        const reverse = contentOf(merge(theirs, ours));
        for (const kind of ['scopes', 'claims', 'resource'] as const) {
          const union = new Set([...contentOf(ours)[kind], ...contentOf(theirs)[kind]]);
          expect(merged[kind]).to.have.members([...union]);
          expect(merged[kind]).to.have.length(union.size);
          expect(reverse[kind]).to.have.members([...union]);
        }
      }),
      { verbose: true },
    );
  });

  it('property: merged once more with either change nothing', () => {
    fc.assert(
      fc.property(allowed, allowed, (one, other) => {
        const [ours, theirs] = [grantOf(one), grantOf(other)];
        const merged = merge(ours, theirs);
        expect(contentOf(merge(merged, theirs))).to.deep.equal(contentOf(merged));
      }),
      { verbose: true },
    );
  });
});
