import { mock } from 'node:test';
import { expect } from 'chai';
import { createLog } from '../../lib/observability/log.ts';
import { admitRefusalLine } from '../../lib/observability/refusal-lines.ts';

const WINDOW_MILLISECONDS = 600_000;

describe('lines about refused requests', () => {
  let lines: Record<string, unknown>[];
  let log: ReturnType<typeof createLog>;
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    lines = [];
    log = createLog('info', { write: (line) => lines.push(JSON.parse(line)) });
  });
  afterEach(() => mock.timers.reset());

  const admitted = (origin: string, attempts: number) =>
    Array.from({ length: attempts }, () => admitRefusalLine(log, origin)).filter(Boolean).length;

  it('are so many of one origin, and what is beyond is counted', () => {
    expect(admitted('192.0.2.1', 300)).to.equal(200);
    expect(admitted('192.0.2.2', 20), 'another origin').to.equal(20);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.include({ address: '192.0.2.1', seconds: 600 });
    mock.timers.tick(WINDOW_MILLISECONDS);
    expect(lines).to.have.length(2);
    expect(lines[1]).to.include({ count: 100, msg: 'refused requests were not logged one by one' });
    expect(admitted('192.0.2.1', 300), 'the next window').to.equal(200);
  });

  it('are so many of all, however many origins there are', () => {
    let total = 0;
    for (let origin = 0; origin < 5000; origin += 1) total += admitted(`origin ${origin}`, 1);
    expect(total).to.equal(2000);
    expect(lines).to.have.length(1);
    expect(lines[0]).to.not.have.property('address');
    mock.timers.tick(WINDOW_MILLISECONDS);
    expect(lines[1]).to.include({ count: 3000 });
  });

  it('say nothing of a window in which none was left out', () => {
    expect(admitted('192.0.2.1', 5)).to.equal(5);
    mock.timers.tick(WINDOW_MILLISECONDS);
    expect(lines).to.deep.equal([]);
  });
});
