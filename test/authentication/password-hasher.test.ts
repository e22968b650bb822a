import { argon2Sync } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { loadConfiguration } from '../../config/load.ts';
import { createPasswordHasher } from '../../lib/authentication/passwords/password-hasher.ts';
import { Places } from '../../lib/outbound/places.ts';
import { compareTimes } from './rank-comparison.ts';

const cheap = { argon2: { memory: 64, iterations: 2, parallelism: 1 } };
const password = 'a long walk at midnight';

async function hashOf(text: string, hasher = createPasswordHasher(cheap)): Promise<string> {
  const hashed = await hasher.hash(text);
  if (hashed.outcome !== 'hashed') throw new Error(hashed.outcome);
  return hashed.hash;
}

describe('password hasher', () => {
  const hasher = createPasswordHasher(cheap);

  it('makes PHC strings of argon2id that tell their parameters', async () => {
    expect(await hashOf(password)).to.match(
      /^\$argon2id\$v=19\$m=64,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/,
    );
  });

  it('makes what another implementation of RFC 9106 makes of the same salt', async () => {
    for (const [memory, passes, parallelism] of [
      [64, 2, 1],
      [256, 3, 4],
    ] as const) {
      const made = await hashOf(
        password,
        createPasswordHasher({ argon2: { memory, iterations: passes, parallelism } }),
      );
      const [salt = '', tag = ''] = made.split('$').slice(4);
      const nonce = Buffer.from(salt, 'base64');
      const other = argon2Sync('argon2id', {
        message: password,
        nonce,
        parallelism,
        tagLength: 32,
        memory,
        passes,
      });
      expect(other.toString('base64').replace(/=+$/, '')).to.equal(tag);
    }
  });

  it('salts: one password never has the same hash twice', async () => {
    const hashes = new Set<string>();
    for (let index = 0; index < 200; index += 1) hashes.add(await hashOf(password));
    expect(hashes.size).to.equal(200);
  });

  it('by default costs what OWASP asks of argon2id at least', async () => {
    const { passwords } = loadConfiguration({ environment: {}, directory: import.meta.dirname });
    expect(await hashOf(password, createPasswordHasher(passwords))).to.match(
      /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/,
    );
  });

  it('matches the password and nothing near it', async () => {
    const long = `${'k'.repeat(1000)}!`;
    for (const [right, ...wrongs] of [
      [
        password,
        '',
        `${password} `,
        ` ${password}`,
        password.toUpperCase(),
        `${password}\0`,
        password.slice(1),
      ],
      [long, long.slice(0, -1), `${long.slice(0, 72)}`, `${long.slice(0, -1)}?`],
      ['before\0after', 'before', 'before\0', 'before\0After'],
    ] as const) {
      const hash = await hashOf(right);
      expect(await hasher.verify(hash, right)).to.equal('match');
      for (const wrong of wrongs) expect(await hasher.verify(hash, wrong), wrong).to.equal('mismatch');
    }
  });

  for (const [what, chosen, typed] of [
    ['composed and decomposed letters', 'Zo\u00eb walks at noon', 'Zoe\u0308 walks at noon'],
    ['the Angstrom sign and its letter', '\u212bngstr\u00f6m am See', '\u00c5ngstr\u00f6m am See'],
    ['full-width and plain letters', '\uff50\uff41\uff53\uff53\uff11\uff12\uff13\uff14', 'pass1234'],
    ['a ligature and its letters', 'o\ufb03ce at noon', 'office at noon'],
  ] as const) {
    it(`takes ${what} for the same password`, async () => {
      expect(await hasher.verify(await hashOf(chosen), typed)).to.equal('match');
      expect(await hasher.verify(await hashOf(typed), chosen)).to.equal('match');
    });
  }

  it('property: matches in every normal form, and is not confused by a character more', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), async (text) => {
        const hash = await hashOf(text, hasher);
        for (const form of ['NFC', 'NFD', 'NFKC', 'NFKD'] as const) {
          expect(await hasher.verify(hash, text.normalize(form)), form).to.equal('match');
        }
        expect(await hasher.verify(hash, `${text}x`)).to.equal('mismatch');
      }),
      { numRuns: 200 },
    );
  });

  it('wants a rehash when any parameter differs, and only then', async () => {
    const hash = await hashOf(password);
    expect(hasher.needsRehash(hash)).to.equal(false);
    for (const change of [
      { memory: 128 },
      { memory: 32 },
      { iterations: 3 },
      { iterations: 1 },
      { parallelism: 2 },
    ]) {
      const other = createPasswordHasher({ argon2: { ...cheap.argon2, ...change } });
      expect(other.needsRehash(hash), JSON.stringify(change)).to.equal(true);
      expect(await other.verify(hash, password), 'still verifies').to.equal('match');
    }
  });

  it('matches nothing for somebody without a hash', async () => {
    for (const guess of ['', password, '\0'])
      expect(await hasher.verify(undefined, guess)).to.equal('mismatch');
  });

  for (const stored of [
    '',
    'plain text',
    '$2b$10$abcdefghijklmnopqrstuv',
    '$argon2i$v=19$m=64,t=2,p=1$c2FsdHNhbHQ$aGFzaA',
  ]) {
    it(`refuses to judge by ${JSON.stringify(stored.slice(0, 10))}`, async () => {
      const judged = await hasher.verify(stored, password).then(String, (error: Error) => error);
      expect(judged).to.be.instanceOf(Error);
    });
  }

  it('lets so many hash, so many wait, and tells the rest that it is busy', async () => {
    const bounded = createPasswordHasher(cheap, new Places(2, 3));
    const hash = await hashOf(password);
    const outcomes = await Promise.all(
      Array.from({ length: 10 }, async (_, index) =>
        index % 2 === 0 ? (await bounded.hash(password)).outcome : bounded.verify(hash, password),
      ),
    );
    expect(outcomes.slice(0, 5)).to.deep.equal(['hashed', 'match', 'hashed', 'match', 'hashed']);
    expect(outcomes.slice(5)).to.deep.equal(['busy', 'busy', 'busy', 'busy', 'busy']);
    expect(await bounded.verify(hash, password), 'afterwards').to.equal('match');
  });

  it('takes everybody in turn when there is room to wait', async () => {
    const bounded = createPasswordHasher(cheap, new Places(1));
    const ended: number[] = [];
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, async (_, index) => {
        const { outcome } = await bounded.hash(password);
        ended.push(index);
        return outcome;
      }),
    );
    expect(new Set(outcomes)).to.deep.equal(new Set(['hashed']));
    expect(ended).to.deep.equal(Array.from({ length: 100 }, (_, index) => index));
  });

  it('answers those who stand in line by fours, a failure among them too, and the rest one by one', async () => {
    const bounded = createPasswordHasher(cheap, new Places(1));
    const hash = await hashOf(password);
    let turns = 0;
    const everyTurn = (): void => {
      turns += 1;
      immediate = setImmediate(everyTurn);
    };
    let immediate = setImmediate(everyTurn);
    try {
      const answeredIn = await Promise.all(
        Array.from({ length: 10 }, async (_, index) => {
          await bounded.verify(index === 5 ? '$argon2id$broken' : hash, password).catch(() => undefined);
          return turns;
        }),
      );
      const groups = [...Map.groupBy(answeredIn, (turn) => turn).values()].map(({ length }) => length);
      expect(groups, 'the first four stood behind fewer than a group').to.deep.equal([1, 1, 1, 1, 4, 1, 1]);
    } finally {
      clearImmediate(immediate);
    }
  });

  it('frees the place of a verification that failed', async () => {
    const bounded = createPasswordHasher(cheap, new Places(1, 0));
    for (let round = 0; round < 3; round += 1) {
      const judged = await bounded.verify('$argon2id$broken', password).then(String, (error: Error) => error);
      expect(judged).to.be.instanceOf(Error);
    }
    expect(await bounded.hash(password)).to.have.property('outcome', 'hashed');
  });

  it('costs as much for a login that nobody has as for a wrong password', async () => {
    const real = createPasswordHasher({ argon2: { memory: 7168, iterations: 5, parallelism: 1 } });
    const hash = await hashOf(password, real);
    const { above, medians } = await compareTimes(
      () => real.verify(undefined, 'a guess'),
      () => real.verify(hash, 'a guess'),
      80,
    );
    expect(above, `medians ${medians.join(' and ')} ms`).to.be.within(0.2, 0.8);
  });

  it('would be seen to cost less if it skipped the work', async () => {
    const real = createPasswordHasher({ argon2: { memory: 7168, iterations: 5, parallelism: 1 } });
    const lazy = createPasswordHasher(cheap);
    const { above } = await compareTimes(
      () => lazy.verify(undefined, 'a guess'),
      () => real.verify(undefined, 'a guess'),
      60,
    );
    expect(above).to.be.below(0.2);
  });
});
