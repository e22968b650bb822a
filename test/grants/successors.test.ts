import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import fc from 'fast-check';
import { modelKey } from '../../lib/grants/record-key.ts';
import {
  createTokenIdentifier,
  laterIdentifier,
  neighbourIdentifier,
} from '../../lib/grants/token-identifier.ts';
import { find, perform, save } from './engine-requests.ts';
import { makeSqlitePlace } from './sqlite-place.ts';
import type { OpenPlace, Place } from './storage-place.ts';

const secrets = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes));

describe('the identifier of a successor', () => {
  it('property: has a key right behind that of its predecessor, before whatever is issued two milliseconds later', () => {
    fc.assert(
      fc.property(secrets, fc.uint8Array({ minLength: 30, maxLength: 30 }), (secret, rest) => {
        const at = (time: number): string => {
          const bytes = Buffer.alloc(36);
          bytes.writeUIntBE(time, 0, 6);
          bytes.set(rest, 6);
          return bytes.toString('base64url');
        };
        const time = Date.now();
        const keys = [at(time), laterIdentifier(at(time), secret), at(time + 2)].map((identifier) =>
          modelKey('RefreshToken', identifier),
        );
        expect(keys.toSorted(Buffer.compare)).to.deep.equal(keys);
        expect(keys[1]?.subarray(6, 12), 'the same place').to.deep.equal(keys[0]?.subarray(6, 12));
      }),
    );
  });

  it('property: has nothing of its predecessor but time and place, and all of its secret that it can hold', () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const predecessor = createTokenIdentifier();
        for (const form of [laterIdentifier, neighbourIdentifier]) {
          const successor = form(predecessor, secret);
          expect(successor).to.have.length(predecessor.length);
          expect(Buffer.from(successor, 'base64url').subarray(12)).to.deep.equal(secret.subarray(0, 24));
        }
      }),
    );
  });

  it('is the secret alone where the predecessor was not made here, and begins anew after the last time there is', () => {
    const secret = randomBytes(32);
    expect(laterIdentifier('refresh', secret)).to.equal(secret.toString('base64url'));
    const last = Buffer.alloc(36, 0xff).toString('base64url');
    expect(Buffer.from(laterIdentifier(last, secret), 'base64url').subarray(0, 6)).to.deep.equal(
      Buffer.alloc(6),
    );
  });
});

describe('a refresh token that a version before has exchanged', () => {
  let place: Place;
  let opened: OpenPlace;

  beforeEach(async () => {
    place = await makeSqlitePlace();
    opened = await place.open();
  });
  afterEach(async () => {
    await opened.close();
    await place.remove();
  });

  it('leads to what that one has issued, while it may be presented again', async () => {
    const { grants } = opened;
    const grantId = grants.generateId();
    const token = grants.generateId(grantId);
    const bound = { grantId, accountId: 'ada', clientId: 'app' };
    await save(grants, 'Grant', grantId, { accountId: 'ada', clientId: 'app' });
    await save(grants, 'RefreshToken', token, bound);
    const first = await perform(grants, { kind: 'refresh', refreshToken: token, accessToken: 'one' });
    const issued = first.successor as string;
    expect(first.result).to.equal('done');
    // As it was named by a version that gave it the very time of its predecessor.
    const former = neighbourIdentifier(
      token,
      Buffer.concat([Buffer.from(issued, 'base64url').subarray(12), Buffer.alloc(8)]),
    );
    expect(former).to.not.equal(issued);
    const kept = await find(grants, 'RefreshToken', issued);
    await grants.inUnitOfWork(async () => {
      await grants.storageFor('RefreshToken').destroy(issued);
      await grants.commit('everything');
    });
    await save(grants, 'RefreshToken', former, { ...kept, jti: former });
    const again = await perform(grants, { kind: 'refresh', refreshToken: token, accessToken: 'two' });
    expect(again).to.deep.equal({ result: 'done', successor: former });
  });
});
