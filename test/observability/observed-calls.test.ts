import { expect } from 'chai';
import { observedCalls } from '../../lib/observability/observed-calls.ts';
import type { Tracing } from '../../lib/observability/tracing.ts';

class Shelf {
  readonly #things = new Map<string, string>();

  get size(): number {
    return this.#things.size;
  }

  async put(name: string, thing: string): Promise<void> {
    this.#things.set(name, thing);
  }

  async get(name: string): Promise<string | undefined> {
    return this.#things.get(name);
  }

  has(name: string): boolean {
    return this.#things.has(name);
  }
}

describe('observed calls', () => {
  const calls = ['put', 'get'] as const;

  it('are the object itself when nobody wants to know', () => {
    const shelf = new Shelf();
    expect(observedCalls(shelf, { calls, prefix: 'shelf', tracing: undefined })).to.equal(shelf);
  });

  it('are counted, and answer what they answer; other methods and accessors stay', async () => {
    const counted: string[] = [];
    const count = (call: string): void => void counted.push(call);
    const shelf = observedCalls(new Shelf(), { calls, prefix: 'shelf', count, tracing: undefined });
    await shelf.put('a', 'b');
    expect(await shelf.get('a')).to.equal('b');
    expect(shelf.has('a')).to.equal(true);
    expect(shelf.size).to.equal(1);
    expect(counted).to.deep.equal(['put', 'get']);
  });

  it('are made in spans that know their names alone', async () => {
    const spans: unknown[][] = [];
    const tracing: Tracing = {
      request: () => {},
      span: (...parameters) => {
        spans.push(parameters);
        return parameters[1]();
      },
    };
    const shelf = observedCalls(new Shelf(), { calls, prefix: 'shelf', tracing });
    await shelf.put('SECRET', 'SECRET');
    expect(spans).to.have.lengthOf(1);
    expect(spans[0]?.[0]).to.equal('shelf.put');
    expect(JSON.stringify(spans)).not.to.contain('SECRET');
  });
});
