import { expect } from 'chai';
import fc from 'fast-check';
import type { SigningKeys } from '../../lib/keys/signing-keys.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { announcement, KeyBench, maximumTokenLifetime, settings } from './key-bench.ts';

const JWKS_MAX_AGE = settings.jwksMaxAge * 1000;
const TOKEN_LIFETIME = maximumTokenLifetime * 1000;

const commands = fc.array(
  fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        milliseconds: fc.oneof(
          fc.integer({ min: 1, max: 2 * announcement }),
          fc.integer({ min: 1, max: 5_000_000 }),
        ),
      }),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('rotate' as const), process: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), process: fc.nat(1) }) },
  ),
  { minLength: 5, maxLength: 25 },
);

/** What the world outside holds: copies of the JWKS as long as they may be kept, tokens as long as they live. */
class Outside {
  readonly copies: { fetchedAt: number; kids: Set<string> }[] = [];
  readonly tokens: { signedAt: number; kid: string }[] = [];

  look(keys: SigningKeys, now: number): void {
    const snapshot = keys.snapshot().keys;
    const signers = snapshot.filter(({ state }) => state === 'active');
    expect(signers.map(({ algorithm }) => algorithm).sort()).to.deep.equal(['ES256', 'EdDSA']);
    const published = new Set(snapshot.map(({ kid }) => kid));
    this.copies.push({ fetchedAt: now, kids: published });
    for (const { kid } of signers) this.tokens.push({ signedAt: now, kid });
    for (const { kid } of signers) {
      for (const copy of this.copies.filter(({ fetchedAt }) => fetchedAt > now - JWKS_MAX_AGE)) {
        expect(copy.kids.has(kid), `${kid} signs, a copy of the JWKS that is still fresh lacks it`).to.equal(
          true,
        );
      }
    }
    for (const { kid } of this.tokens.filter(({ signedAt }) => signedAt > now - TOKEN_LIFETIME)) {
      expect(published.has(kid), `${kid} signed a token that is still valid and left the JWKS`).to.equal(
        true,
      );
    }
  }
}

describeOnEveryStore('rotation, whatever happens in whatever order', (store) => {
  it('never signs with a key that a fresh copy of the JWKS lacks, never drops one that a living token needs', async function () {
    this.timeout(240_000);
    await fc.assert(
      fc.asyncProperty(commands, async (sequence) => {
        const bench = await KeyBench.make(store);
        try {
          const configuration = {
            ...settings,
            algorithms: ['ES256' as const, 'EdDSA' as const],
            rotationInterval: 7_200,
          };
          const databases = [await bench.database(), await bench.database()] as const;
          const open = (process: number) =>
            bench.open({ database: databases[process === 0 ? 0 : 1], configuration });
          const processes = [await open(0), await open(1)];
          const outside = new Outside();
          const first = new Set((await (processes[0] as SigningKeys).list()).map(({ kid }) => kid));
          for (const command of sequence) {
            if (command.kind === 'wait') bench.now += command.milliseconds;
            else if (command.kind === 'restart') processes[command.process] = await open(command.process);
            else await processes[command.process]?.rotate({});
            for (const keys of processes) await keys.advance();
            for (const keys of processes) {
              await keys.refresh();
              outside.look(keys, bench.now);
            }
            for (const record of await (processes[0] as SigningKeys).list()) {
              if (record.activatedAt === null || first.has(record.kid)) continue;
              expect(record.activatedAt - record.createdAt).to.be.at.least(announcement);
            }
          }
        } finally {
          await bench.close();
        }
      }),
      { numRuns: 25 },
    );
  });
});
