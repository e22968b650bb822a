import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { STATUSES_PER_LIST } from '../../lib/grants/token-statuses.ts';
import { StatusListNames, StatusPlaces } from '../../lib/provider/tokens/status-lists.ts';

const HOUR = 3600;
const DAY = 86_400;

describe('lists of statuses', () => {
  const { now } = Date;
  afterEach(() => {
    Date.now = now;
  });
  /** Goes on by so many seconds. */
  const wait = (seconds: number) => {
    const at = Date.now() + seconds * 1000;
    Date.now = () => at;
  };

  it('have names that say when they were made, and that nobody else can make', () => {
    const names = new StatusListNames([randomBytes(32)]);
    const name = names.create('ES256');
    const read = names.read(name);
    expect(read?.algorithm).to.equal('ES256');
    expect(read?.createdAt).to.be.closeTo(Date.now() / 1000, 2);
    expect(names.create('ES256')).not.to.equal(name);
    const [algorithm = '', text = ''] = name.split('/');
    const others = new StatusListNames([randomBytes(32)]);
    for (const made of [
      others.create('ES256'),
      `RS256/${text}`,
      `${algorithm}/${text.slice(0, -1)}`,
      `${algorithm}/${text}A`,
      `${algorithm}/${randomBytes(32).toString('base64url')}`,
      text,
      '',
    ]) {
      expect(names.read(made), made).to.equal(undefined);
    }
    for (let index = 0; index < text.length; index += 1) {
      const changed = `${text.slice(0, index)}${text[index] === 'A' ? 'B' : 'A'}${text.slice(index + 1)}`;
      expect(names.read(`${algorithm}/${changed}`), String(index)).to.equal(undefined);
    }
  });

  it('are known still when the newest secret changed, and to every process with the same', () => {
    const [old, young] = [randomBytes(32), randomBytes(32)];
    const name = new StatusListNames([old]).create('ES256');
    expect(new StatusListNames([young, old]).read(name)?.algorithm).to.equal('ES256');
    expect(new StatusListNames([young]).read(name)).to.equal(undefined);
  });

  it('give out places for an hour, and are there until the last token has expired', () => {
    const names = new StatusListNames([randomBytes(32)]);
    const places = new StatusPlaces(names);
    const first = places.take('ES256');
    expect(places.take('ES256').list).to.equal(first.list);
    expect(places.take('RS256').list, 'of another algorithm').to.match(/^RS256\//);
    wait(HOUR - 2);
    expect(places.take('ES256').list).to.equal(first.list);
    wait(3);
    expect(names.isInUse(first.list)).to.equal(false);
    expect(places.take('ES256').list).not.to.equal(first.list);
    expect(first.expiresAt - Date.now() / 1000, 'the longest life of a token').to.be.closeTo(DAY, 3);
    wait(DAY - 5);
    expect(names.read(first.list)).not.to.equal(undefined);
    wait(10);
    expect(names.read(first.list)).to.equal(undefined);
  });

  it('give out each index once, in an order that tells nothing, and then another list is begun', () => {
    const places = new StatusPlaces(new StatusListNames([randomBytes(32)]));
    const taken = Array.from({ length: STATUSES_PER_LIST }, () => places.take('ES256'));
    expect(new Set(taken.map(({ list }) => list)).size).to.equal(1);
    expect(new Set(taken.map(({ index }) => index)).size).to.equal(STATUSES_PER_LIST);
    expect(taken.every(({ index }) => index >= 0 && index < STATUSES_PER_LIST)).to.equal(true);
    const neighbours = taken.filter(({ index }, at) => Math.abs(index - (taken[at - 1]?.index ?? -9)) === 1);
    // Two are expected of a random order; more than thirty by chance in no lifetime.
    expect(neighbours.length).to.be.lessThan(30);
    expect(places.take('ES256').list).not.to.equal(taken[0]?.list);
  });
});
