import { generateKeyPairSync, verify } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { expect } from 'chai';
import { signAside } from '../../lib/keys/sign-aside.ts';
import { HAS_SPARE_CORE, POOL_THREADS } from '../../lib/outbound/pool-threads.ts';

describe('a signature that takes long', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const data = Buffer.from('something to sign');
  const threads = Math.min(availableParallelism() - 1, 3);

  async function manyAtOnce(): Promise<number> {
    const signatures = Array.from({ length: 6 }, () => signAside('sha256', data, privateKey));
    for (const signature of signatures) {
      expect(verify('sha256', data, publicKey, await signature)).to.equal(true);
    }
    return signatures.filter((signature) => signature instanceof Promise).length;
  }

  it('is made by another thread while one is free, else at once', async () => {
    expect(await manyAtOnce()).to.equal(threads);
    expect(await manyAtOnce(), 'once more').to.equal(threads);
  });

  it('is made at once while other work that takes long has the threads, which has one by itself on a single core', async () => {
    const leaving = Array.from({ length: Math.max(threads, 1) }, () => POOL_THREADS.takeFree());
    try {
      expect(POOL_THREADS.takeFree(), 'one more than there are').to.equal(undefined);
      expect(await manyAtOnce()).to.equal(0);
    } finally {
      for (const leave of leaving) leave?.();
    }
    expect(HAS_SPARE_CORE).to.equal(threads > 0);
    expect(await manyAtOnce(), 'afterwards').to.equal(threads);
  });

  it('gives its thread back when it fails', async () => {
    const { privateKey: noSigner } = generateKeyPairSync('x25519');
    for (let round = 0; round < 4; round += 1) {
      for (const [digest, key] of [
        ['sha256', noSigner],
        ['no digest', privateKey],
      ] as const) {
        const signing = async () => signAside(digest, data, key);
        expect(await signing().catch((error: Error) => error)).to.be.instanceOf(Error);
      }
    }
    expect(await manyAtOnce()).to.equal(threads);
  });
});
