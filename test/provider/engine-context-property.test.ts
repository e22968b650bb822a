import { expect } from 'chai';
import Koa from 'koa';
import { shareEngineContextProperty } from '../../lib/provider/engine/engine-context-property.ts';

describe('ctx.oidc', () => {
  const app = new Koa();
  shareEngineContextProperty(app);
  const contextOf = (value: unknown): { oidc?: unknown } => {
    const ctx = Object.create(app.context) as { oidc?: unknown };
    Object.defineProperty(ctx, 'oidc', { get: () => value });
    return ctx;
  };

  it('is each context’s own, and no property of it', () => {
    const [one, other] = [contextOf('one'), contextOf('other')];
    expect(one.oidc).to.equal('one');
    expect(other.oidc).to.equal('other');
    expect(Object.getOwnPropertyDescriptor(one, 'oidc')).to.equal(undefined);
  });

  it('is undefined where the engine has not been', () => {
    expect((Object.create(app.context) as { oidc?: unknown }).oidc).to.equal(undefined);
  });

  it('leaves every other definition as it was', () => {
    const elsewhere = Object.defineProperty({}, 'oidc', { get: () => 'elsewhere', enumerable: true });
    expect(Object.getOwnPropertyDescriptor(elsewhere, 'oidc')).to.include({ enumerable: true });
    const ctx = contextOf('one');
    Object.defineProperty(ctx, 'other', { get: () => 'other' });
    expect(Object.getOwnPropertyDescriptor(ctx, 'other')).to.not.equal(undefined);
  });

  it('defines what a payload is copied by as the language does', () => {
    const ordinary = { configurable: true, enumerable: true, writable: true };
    const define = (target: object, key: PropertyKey, value: unknown): PropertyDescriptor | undefined =>
      Object.getOwnPropertyDescriptor(Object.defineProperty(target, key, { ...ordinary, value }), key);
    expect(define({}, 'scope', 'openid')).to.deep.equal({ ...ordinary, value: 'openid' });
    expect(define({}, '__proto__', 'openid')).to.deep.equal({ ...ordinary, value: 'openid' });
    expect(
      define(Object.defineProperty({}, 'scope', { value: 1, configurable: true }), 'scope', 2),
    ).to.include({ value: 2, writable: true, enumerable: true });
    let set = false;
    const setter = {
      set scope(_value: unknown) {
        set = true;
      },
    };
    expect(define(setter, 'scope', 3)).to.deep.equal({ ...ordinary, value: 3 });
    expect(define(Object.create(setter), 'scope', 4)).to.deep.equal({ ...ordinary, value: 4 });
    expect(set).to.equal(false);
    expect(() => define(Object.freeze({}), 'scope', 5)).to.throw(TypeError);
  });
});
