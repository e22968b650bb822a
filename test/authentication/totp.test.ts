import { expect } from 'chai';
import { Secret, TOTP } from 'otpauth';
import { Totp } from '../../lib/authentication/second-factors/totp.ts';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { MovableClock, ThrottleBench } from './throttle-bench.ts';

const PERIOD_SECONDS = 30;

describe('codes of authenticator apps', () => {
  let bench: ThrottleBench;
  let clock: MovableClock;
  let database: Database;
  let totp: Totp;
  /** The code of a step, counted from the one that is now. */
  let codeOf: (steps: number) => string;

  beforeEach(async () => {
    bench = new ThrottleBench();
    clock = new MovableClock();
    database = await openDatabase({ dataDir: bench.dataDir, encryptionKey: [] });
    totp = new Totp(database);
    const { secret, sealed } = await totp.begin('ada', { issuer: 'Acme', login: 'ada' });
    const generator = new TOTP({ secret: Secret.fromBase32(secret) });
    codeOf = (steps) => generator.generate({ timestamp: Date.now() + steps * PERIOD_SECONDS * 1000 });
    const confirmed = await totp.confirm('ada', { sealed, code: codeOf(-1) }, async () => {});
    expect(confirmed).to.deep.equal({ outcome: 'confirmed' });
  });
  afterEach(async () => {
    clock.restore();
    await database.close();
    await bench.close();
  });

  it('are accepted for one step before and after their own', async () => {
    for (const steps of [2, -2]) expect(await totp.use('ada', codeOf(steps)), String(steps)).to.equal(false);
    expect(await totp.use('ada', codeOf(1))).to.equal(true);
    const code = codeOf(2);
    clock.advance(3 * PERIOD_SECONDS);
    expect(await totp.use('ada', code)).to.equal(true);
  });

  it('are accepted once, and none of before', async () => {
    expect(await totp.use('ada', codeOf(-1)), 'that of the confirmation').to.equal(false);
    expect(await totp.use('ada', codeOf(1))).to.equal(true);
    for (const steps of [1, 0]) expect(await totp.use('ada', codeOf(steps)), String(steps)).to.equal(false);
    clock.advance(PERIOD_SECONDS);
    expect(await totp.use('ada', codeOf(1))).to.equal(true);
  });
});
