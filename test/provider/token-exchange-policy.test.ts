import { expect } from 'chai';
import fc from 'fast-check';
import {
  actorChain,
  exchangedScopes,
  mayAct,
  ruleFor,
  type SubjectOfPolicy,
} from '../../lib/provider/tokens/token-exchange-policy.ts';

const FROM = 'https://gateway.example';
const TO = 'https://orders.example';
const rule = { subject_audience: FROM, audience: TO, kind: 'delegation' as const };
const subject: SubjectOfPolicy = {
  clientId: 'shop',
  audience: FROM,
  scopes: new Set(['read']),
  act: undefined,
  mayAct: undefined,
};

describe('the policy of token exchange', () => {
  it('is by the audience of the token, the client that it was issued to, and the audience that is wanted', () => {
    expect(ruleFor([], subject, TO)).to.equal(undefined);
    expect(ruleFor([rule], subject, TO)).to.equal(rule);
    expect(ruleFor([rule], subject, FROM)).to.equal(undefined);
    expect(ruleFor([rule], { ...subject, audience: TO }, TO)).to.equal(undefined);
    expect(ruleFor([rule], { ...subject, audience: undefined }, TO)).to.equal(undefined);
    const ofSome = { ...rule, subject_clients: ['app'] };
    expect(ruleFor([ofSome], subject, TO)).to.equal(undefined);
    expect(ruleFor([ofSome], { ...subject, clientId: 'app' }, TO)).to.equal(ofSome);
  });

  it('prefers the rule that says who acts', () => {
    const silent = { ...rule, kind: 'impersonation' as const };
    expect(ruleFor([silent, rule], subject, TO)).to.equal(rule);
    expect(ruleFor([silent], subject, TO)).to.equal(silent);
  });

  it('lets a token name its only actor', () => {
    expect(mayAct(subject, { sub: 'anybody' })).to.equal(true);
    expect(mayAct({ ...subject, mayAct: { sub: 'gateway' } }, { sub: 'gateway' })).to.equal(true);
    for (const named of [{ sub: 'gateway' }, {}]) {
      expect(mayAct({ ...subject, mayAct: named }, { sub: 'orders' })).to.equal(false);
    }
    const application = { ...subject, mayAct: { sub: 'gateway', client_id: 'gateway' } };
    expect(mayAct(application, { sub: 'gateway', client_id: 'gateway' })).to.equal(true);
    expect(mayAct(application, { sub: 'gateway', client_id: 'orders' }), 'a person of that name').to.equal(
      false,
    );
  });

  it('forgets no actor, whoever acts next and how', () => {
    const act = { sub: 'one', act: { sub: 'two' } };
    expect(actorChain({ kind: 'delegation' }, { act }, { sub: 'three' })).to.deep.equal({
      sub: 'three',
      act,
    });
    expect(actorChain({ kind: 'impersonation' }, { act }, { sub: 'three' })).to.equal(act);
    expect(actorChain({ kind: 'impersonation' }, { act: undefined }, { sub: 'three' })).to.equal(undefined);
    const four = { sub: '1', act: { sub: '2', act: { sub: '3', act: { sub: '4' } } } };
    expect(actorChain({ kind: 'delegation' }, { act: four }, { sub: '5' })).to.deep.include({ sub: '5' });
    const five = { sub: '0', act: four };
    expect(actorChain({ kind: 'delegation' }, { act: five }, { sub: '5' })).to.equal('too_long');
  });

  it('property: no scope is gained, whatever is asked for', () => {
    const scope = fc.constantFrom<string>('read', 'write', 'admin', 'refund');
    const set = fc.array(scope, { maxLength: 4 }).map((scopes) => new Set(scopes));
    fc.assert(
      fc.property(set, set, set, fc.option(set), (ofToken, ofApi, requested, most) => {
        const limited = most === null || most.size === 0 ? {} : { scope: [...most].join(' ') };
        const granted = exchangedScopes({ subject: { scopes: ofToken }, rule: limited, ofApi, requested });
        const allowed = (name: string) =>
          ofToken.has(name) && ofApi.has(name) && (limited.scope === undefined || most?.has(name) === true);
        if ('excess' in granted) {
          expect(requested.has(granted.excess) && !allowed(granted.excess)).to.equal(true);
          return;
        }
        expect(granted.scopes.every(allowed)).to.equal(true);
        if (requested.size > 0) expect(new Set(granted.scopes)).to.deep.equal(requested);
      }),
    );
  });
});
