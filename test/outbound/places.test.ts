import { expect } from 'chai';
import { Places } from '../../lib/outbound/places.ts';

describe('places', () => {
  it('are taken by no more than there are, in the order of coming, and given up by who waited too long', async () => {
    const places = new Places(1);
    const first = await places.take(60_000);
    expect(await places.take(1)).to.equal(undefined);
    const order: number[] = [];
    const waiting = [1, 2, 3].map(async (number) => {
      const leave = await places.take(60_000);
      order.push(number);
      leave?.();
    });
    first?.();
    await Promise.all(waiting);
    expect(order).to.deep.equal([1, 2, 3]);
    expect(await places.take(1)).to.be.a('function');
  });

  it('are refused at once when as many wait already as may', async () => {
    const places = new Places(1, 1);
    const leave = await places.take();
    const next = places.take();
    expect(await places.take()).to.equal(undefined);
    expect(await places.take(60_000)).to.equal(undefined);
    leave?.();
    expect(await next).to.be.a('function');
  });

  it('are taken at once, or not at all, by who does not wait', async () => {
    const places = new Places(1);
    const leave = places.takeFree();
    expect(places.takeFree()).to.equal(undefined);
    const waiting = places.take();
    leave?.();
    expect(places.takeFree(), 'it is of who waits').to.equal(undefined);
    (await waiting)?.();
    expect(places.takeFree()).to.be.a('function');
    expect(new Places(0).takeFree()).to.equal(undefined);
  });
});
