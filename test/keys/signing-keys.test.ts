import { createPrivateKey } from 'node:crypto';
import { expect } from 'chai';
import { calculateJwkThumbprint, createLocalJWKSet, type JSONWebKeySet, type JWK, jwtVerify } from 'jose';
import type { SigningAlgorithm } from '../../lib/keys/key-material.ts';
import type { SigningKey, SigningKeys } from '../../lib/keys/signing-keys.ts';
import { createEvents } from '../../lib/observability/events.ts';
import { describeOnEveryStore } from '../database/directory-stores.ts';
import { activeKid, announcement, interval, KeyBench, settings, states, verification } from './key-bench.ts';

const ALL: SigningAlgorithm[] = ['RS256', 'PS256', 'ES256', 'EdDSA'];

function jwks(keys: SigningKeys): JSONWebKeySet {
  return { keys: keys.snapshot().keys.map(({ publicJwk }) => publicJwk) as JWK[] };
}

async function token(key: SigningKey): Promise<string> {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const input = `${part({ alg: key.algorithm, kid: key.kid })}.${part({ sub: 'someone' })}`;
  const signature = await key.sign(Buffer.from(input));
  return `${input}.${signature.toString('base64url')}`;
}

describeOnEveryStore('signing keys', (store) => {
  let bench: KeyBench;
  beforeEach(async () => {
    bench = await KeyBench.make(store);
  });
  afterEach(() => bench.close());

  describe('at the first start', () => {
    it('makes one active key an algorithm, whose signatures an independent library verifies by the JWKS', async () => {
      const keys = await bench.open({ configuration: { ...settings, algorithms: ALL } });
      expect(states(keys)).to.have.members(ALL.map((algorithm) => `active ${algorithm}`));
      const verifier = createLocalJWKSet(jwks(keys));
      for (const key of keys.snapshot().keys) {
        const { payload, protectedHeader } = await jwtVerify(await token(key), verifier, {
          algorithms: [key.algorithm],
        });
        expect(payload.sub).to.equal('someone');
        expect(protectedHeader.kid).to.equal(key.kid);
      }
    });

    it('publishes public members alone, a thumbprint as kid and at least 2048 bits of RSA', async () => {
      const keys = await bench.open({ configuration: { ...settings, algorithms: ALL } });
      const members = { RSA: ['e', 'kty', 'n'], EC: ['crv', 'kty', 'x', 'y'], OKP: ['crv', 'kty', 'x'] };
      const published = keys.snapshot().keys;
      expect(published).to.have.lengthOf(ALL.length);
      for (const { publicJwk, publicKey, kid, algorithm } of published) {
        expect(Object.keys(publicJwk).sort()).to.deep.equal(
          [...members[publicJwk.kty as 'RSA' | 'EC' | 'OKP'], 'alg', 'use', 'kid'].sort(),
        );
        expect(publicJwk).to.include({ kid, alg: algorithm, use: 'sig' });
        expect(kid).to.equal(await calculateJwkThumbprint(publicJwk));
        if (publicJwk.kty === 'RSA') expect(publicKey.asymmetricKeyDetails?.modulusLength).to.equal(2048);
      }
    });
  });

  describe('at rest', () => {
    it('holds no private key in readable form in any file', async () => {
      const database = await bench.database();
      const keys = await bench.open({ database, configuration: { ...settings, algorithms: ALL } });
      await keys.rotate({});
      const rows = await database.query.selectFrom('signing_keys').selectAll().execute();
      const files = await bench.files();
      expect(rows).to.have.length(2 * ALL.length);
      for (const row of rows) {
        const der = database.sealer.open(row.private_key as Uint8Array, `signing-key:${row.kid}`);
        const { d } = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
        const secret = Buffer.from(d as string, 'base64url');
        for (const bytes of files) {
          for (const form of [secret, Buffer.from(d as string)]) {
            expect(bytes.includes(form), `private part of ${row.algorithm}`).to.equal(false);
          }
        }
      }
    });

    it('forgets the private key when a key is retired', async () => {
      const database = await bench.database();
      const keys = await bench.open({ database });
      await keys.rotate({ immediately: true });
      const rows = await database.query.selectFrom('signing_keys').selectAll().execute();
      expect(rows.find(({ state }) => state === 'retired')?.private_key).to.equal(null);
      expect(rows.find(({ state }) => state === 'active')?.private_key).to.not.equal(null);
    });

    it('stops the start, in one line, when a key was sealed under another encryption key', async () => {
      const original = await bench.database([Buffer.alloc(32, 1).toString('base64')]);
      const kid = activeKid(await bench.open({ database: original }));
      const other = await bench.database([Buffer.alloc(32, 2).toString('base64')]);
      const failure = await bench.open({ database: other }).then(
        () => undefined,
        (error: Error) => error,
      );
      expect(failure?.message).to.match(/^signing key .+ cannot be read .+encryption key/);
      expect(failure?.message).to.include(kid).and.not.include('\n');
    });

    it('stops the start when a key was changed or moved to another row', async () => {
      const database = await bench.database();
      await bench.open({ database, configuration: { ...settings, algorithms: ['ES256', 'EdDSA'] } });
      const rows = await database.query.selectFrom('signing_keys').selectAll().execute();
      const [one, two] = rows as [(typeof rows)[0], (typeof rows)[0]];
      const damages = [
        { private_key: two.private_key },
        { private_key: Buffer.from('rubbish') },
        { public_jwk: two.public_jwk },
        { public_jwk: '{"kty":"EC"}' },
      ];
      for (const damage of damages) {
        await database.query.updateTable('signing_keys').set(damage).where('kid', '=', one.kid).execute();
        const failure = await bench.open().then(
          () => undefined,
          (error: Error) => error,
        );
        expect(failure?.name, JSON.stringify(Object.keys(damage))).to.equal('UnreadableKeyError');
        const { private_key, public_jwk } = one;
        await database.query
          .updateTable('signing_keys')
          .set({ private_key, public_jwk })
          .where('kid', '=', one.kid)
          .execute();
      }
      await bench.open();
    });
  });

  describe('on schedule', () => {
    it('announces, activates, retires and removes, each at its time', async () => {
      const keys = await bench.open();
      const first = activeKid(keys);
      const begun = bench.now;
      const at = async (moment: number) => {
        bench.now = begun + moment;
        await keys.advance();
        return states(keys);
      };
      expect(await at(interval - announcement - 1)).to.deep.equal(['active ES256']);
      expect(await at(interval - announcement)).to.deep.equal(['active ES256', 'announced ES256']);
      expect(await at(interval - 1)).to.deep.equal(['active ES256', 'announced ES256']);
      expect(activeKid(keys)).to.equal(first);
      expect(await at(interval)).to.deep.equal(['active ES256', 'retired ES256']);
      expect(activeKid(keys)).to.not.equal(first);
      expect(await at(interval + verification - 1)).to.deep.equal(['active ES256', 'retired ES256']);
      expect(await at(interval + verification)).to.deep.equal(['active ES256']);
    });

    it('never skips the announcement, however long nothing ran', async () => {
      const keys = await bench.open();
      bench.now += 40 * interval;
      await keys.advance();
      expect(states(keys)).to.deep.equal(['active ES256', 'announced ES256']);
      bench.now += announcement - 1;
      await keys.advance();
      expect(states(keys)).to.deep.equal(['active ES256', 'announced ES256']);
      bench.now += 1;
      await keys.advance();
      expect(states(keys)).to.deep.equal(['active ES256', 'retired ES256']);
    });

    it('goes on where it was after a restart in every state', async () => {
      const begun = bench.now;
      for (const [moment, expected] of [
        [0, ['active ES256']],
        [interval - announcement, ['active ES256', 'announced ES256']],
        [interval, ['active ES256', 'retired ES256']],
        [interval + verification, ['active ES256']],
      ] as const) {
        bench.now = begun + moment;
        const running = await bench.open();
        await running.advance();
        const restarted = await bench.open();
        expect(states(restarted)).to.deep.equal(expected);
        expect(restarted.snapshot()).to.have.property('revision', running.snapshot().revision);
        const key = restarted.snapshot().keys[0] as SigningKey;
        const { protectedHeader } = await jwtVerify(await token(key), createLocalJWKSet(jwks(running)));
        expect(protectedHeader.kid).to.equal(key.kid);
      }
    });

    it('announces a key for an algorithm that the configuration gained, before it signs', async () => {
      await bench.open();
      const keys = await bench.open({ configuration: { ...settings, algorithms: ['ES256', 'EdDSA'] } });
      await keys.advance();
      expect(states(keys)).to.deep.equal(['active ES256', 'announced EdDSA']);
      bench.now += announcement;
      await keys.advance();
      expect(states(keys)).to.have.members(['active ES256', 'active EdDSA']);
    });

    it('retires the key of an algorithm that the configuration lost', async () => {
      await bench.open({ configuration: { ...settings, algorithms: ['ES256', 'EdDSA'] } });
      const keys = await bench.open();
      await keys.advance();
      expect(states(keys)).to.deep.equal(['active ES256', 'retired EdDSA']);
    });

    it('counts a longer JWKS cache time for a key that is already announced', async () => {
      const keys = await bench.open();
      await keys.rotate({});
      const slower = await bench.open({ configuration: { ...settings, jwksMaxAge: 3_000 } });
      bench.now += announcement;
      await slower.advance();
      expect(states(slower)).to.deep.equal(['active ES256', 'announced ES256']);
      bench.now += 3_060_000 - announcement;
      await slower.advance();
      expect(states(slower)).to.deep.equal(['active ES256', 'retired ES256']);
    });
  });

  describe('on demand', () => {
    it('announces a successor that becomes active when it is old enough', async () => {
      const keys = await bench.open({ configuration: { ...settings, algorithms: ['ES256', 'EdDSA'] } });
      const former = activeKid(keys);
      const outcome = await keys.rotate({ algorithm: 'ES256' });
      if (outcome.outcome !== 'announced') throw new Error(outcome.outcome);
      expect(outcome.successors).to.have.length(1);
      expect(outcome.successors[0]).to.include({ algorithm: 'ES256', activatesAt: bench.now + announcement });
      await keys.advance();
      expect(activeKid(keys)).to.equal(former);
      bench.now += announcement;
      await keys.advance();
      expect(activeKid(keys)).to.equal(outcome.successors[0]?.kid);
      expect(states(keys)).to.have.members(['active ES256', 'active EdDSA', 'retired ES256']);
    });

    it('asked twice names the same successor', async () => {
      const keys = await bench.open();
      const [one, two] = [await keys.rotate({}), await keys.rotate({})];
      expect(two).to.deep.equal(one);
      expect(states(keys)).to.deep.equal(['active ES256', 'announced ES256']);
    });

    it('brings a scheduled successor forward', async () => {
      const keys = await bench.open({ configuration: { ...settings, rotationInterval: 1_000 } });
      bench.now += 640_000;
      await keys.advance();
      const scheduled = (await keys.list()).find(({ state }) => state === 'announced');
      bench.now += announcement - 1;
      const outcome = await keys.rotate({});
      if (outcome.outcome !== 'announced') throw new Error(outcome.outcome);
      expect(outcome.successors[0]?.kid).to.equal(scheduled?.kid);
      expect(outcome.successors[0]?.activatesAt).to.equal((scheduled?.createdAt ?? 0) + announcement);
    });

    it('activates at once in an emergency, keeps the former key verifying, and says what breaks', async () => {
      const keys = await bench.open();
      const before = keys.snapshot().keys[0] as SigningKey;
      const issued = await token(before);
      const outcome = await keys.rotate({ immediately: true });
      if (outcome.outcome !== 'activated') throw new Error(outcome.outcome);
      expect(outcome.retired).to.deep.equal([before.kid]);
      expect(outcome.breaks.join('\n')).to.include('300 s').and.include(before.kid);
      expect(states(keys)).to.deep.equal(['active ES256', 'retired ES256']);
      await jwtVerify(issued, createLocalJWKSet(jwks(keys)));
      expect(() => (keys.snapshot().keys[1] as SigningKey).sign(Buffer.from('x'))).to.throw(
        'only an active key signs',
      );
    });

    it('uses the announced successor in an emergency', async () => {
      const keys = await bench.open();
      const announced = await keys.rotate({});
      const activated = await keys.rotate({ immediately: true });
      if (announced.outcome !== 'announced' || activated.outcome !== 'activated') throw new Error();
      expect(activated.successors[0]?.kid).to.equal(announced.successors[0]?.kid);
    });

    it('lets no announced key sign', async () => {
      const keys = await bench.open();
      await keys.rotate({});
      expect(() => (keys.snapshot().keys[1] as SigningKey).sign(Buffer.from('x'))).to.throw('is announced');
    });

    it('withdraws an active key with its replacement in one step', async () => {
      const keys = await bench.open();
      const leaked = activeKid(keys);
      const outcome = await keys.retire(leaked);
      if (outcome.outcome !== 'withdrawn') throw new Error(outcome.outcome);
      expect(outcome.successor?.kid).to.equal(activeKid(keys));
      expect(outcome.breaks).to.have.length(3);
      expect(jwks(keys).keys.map(({ kid }) => kid)).to.deep.equal([outcome.successor?.kid]);
    });

    it('withdraws announced and retired keys, and refuses unknown ones and unknown algorithms', async () => {
      const keys = await bench.open();
      const first = activeKid(keys);
      await keys.rotate({ immediately: true });
      const announced = await keys.rotate({});
      if (announced.outcome !== 'announced') throw new Error(announced.outcome);
      expect(await keys.retire(first)).to.include({ outcome: 'withdrawn', kid: first });
      expect(await keys.retire(announced.successors[0]?.kid as string)).to.deep.include({ breaks: [] });
      expect(states(keys)).to.deep.equal(['active ES256']);
      expect(await keys.retire(first)).to.include({ outcome: 'refused', reason: 'not_found' });
      expect(await keys.rotate({ algorithm: 'HS256' })).to.include({ reason: 'unknown_algorithm' });
    });

    it('tells each change once on the event emitter', async () => {
      const events = createEvents();
      const told: string[] = [];
      events.on('keys.changed', ({ state }) => told.push(state));
      const keys = await bench.open({ events });
      await keys.rotate({});
      bench.now += announcement;
      await keys.advance();
      bench.now += verification;
      await keys.advance();
      expect(told).to.deep.equal(['active', 'announced', 'active', 'retired', 'gone']);
    });
  });
});
