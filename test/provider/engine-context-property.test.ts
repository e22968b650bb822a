import { expect } from 'chai';
import Koa from 'koa';
import { shareEngineContextProperty } from '../../lib/provider/engine-context-property.ts';

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
});
