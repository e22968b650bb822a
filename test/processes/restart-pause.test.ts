import { expect } from 'chai';
import { RestartPause } from '../../lib/processes/restart-pause.ts';

describe('the pause before a worker is started again', () => {
  it('doubles from 200 ms to 30 s, less up to a fifth', () => {
    const pause = new RestartPause();
    for (const longest of [200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]) {
      expect(pause.after(10)).to.be.within(longest * 0.8, longest);
    }
  });

  it('is short again after a minute of health, and only then', () => {
    const pause = new RestartPause();
    for (let failure = 0; failure < 8; failure += 1) pause.after(10);
    expect(pause.after(59_999)).to.be.least(20_000);
    expect(pause.after(60_000)).to.be.most(200);
    expect(pause.after(10)).to.be.within(320, 400);
  });

  it('differs from one worker to the next, so that not all come back at once', () => {
    const pauses = Array.from({ length: 50 }, () => new RestartPause().after(10));
    expect(new Set(pauses).size).to.be.above(5);
  });
});
