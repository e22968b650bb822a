import { expect } from 'chai';
import { createLog } from '../../lib/observability/log.ts';
import { type LostLines, standardOutput } from '../../lib/observability/standard-output.ts';
import { eventually } from '../flows/latchkey-process.ts';

const failure = (code: string) => Object.assign(new Error(code), { code });

describe('the standard output of the log', () => {
  let text: string;
  let told: LostLines[];
  /** What the next writes do: how many bytes they take, or what they fail with; all of them when there is nothing here. */
  let next: (number | Error)[];

  const open = () =>
    standardOutput(
      (lost) => told.push(lost),
      (bytes) => {
        const outcome = next.shift() ?? bytes.length;
        if (outcome instanceof Error) throw outcome;
        text += bytes.toString('utf8', 0, outcome);
        return Math.min(outcome, bytes.length);
      },
    );

  beforeEach(() => {
    [text, told, next] = ['', [], []];
  });

  it('writes each line before it returns, in as many pieces as it takes', () => {
    const output = open();
    output.write('one\n');
    next = [1, 2];
    output.write('zwei ä\n');
    expect({ text, told }).to.deep.equal({ text: 'one\nzwei ä\n', told: [] });
  });

  it('loses what there is no room for, and says how much as soon as there is room again', () => {
    const output = open();
    next = [failure('ENOSPC'), failure('EIO')];
    output.write('one\n');
    output.write('two\n');
    expect({ text, told }).to.deep.equal({ text: '', told: [] });
    output.write('three\n');
    output.write('four\n');
    expect({ text, told }).to.deep.equal({ text: 'three\nfour\n', told: [{ count: 2, code: 'EIO' }] });
  });

  it('counts on where the line that says so is lost as well', () => {
    const output = standardOutput(
      (lost) => {
        told.push({ ...lost });
        output.write('told\n');
      },
      (bytes) => {
        const outcome = next.shift() ?? bytes.length;
        if (outcome instanceof Error) throw outcome;
        return outcome;
      },
    );
    next = [failure('ENOSPC'), failure('ENOSPC'), 4, failure('ENOSPC')];
    for (const line of ['one\n', 'two\n', 'six\n', 'ten\n']) output.write(line);
    expect(told.map(({ count }) => count)).to.deep.equal([2, 3]);
  });

  it('begins a new line after one whose end is lost', () => {
    const output = open();
    next = [2, failure('ENOSPC'), failure('ENOSPC'), 1];
    for (const line of ['one\n', 'two\n', 'three\n']) output.write(line);
    expect({ text, told }).to.deep.equal({ text: 'on\nthree\n', told: [{ count: 2, code: 'ENOSPC' }] });
  });

  it('keeps its lines, in their order, for a reader that is slow, up to a mebibyte', async () => {
    const output = open();
    next = [2, ...Array.from({ length: 5 }, () => failure('EAGAIN'))];
    output.write('one\n');
    output.write('two\n');
    expect(text).to.equal('on');
    await eventually('both are written', () => text === 'one\ntwo\n');

    next = [failure('EAGAIN')];
    const long = `${'x'.repeat(400_000)}\n`;
    for (let count = 0; count < 4; count += 1) output.write(long);
    await eventually('what was kept is written', () => text.length > 8);
    expect({ length: text.length - 8, told }).to.deep.equal({
      length: 2 * long.length,
      told: [{ count: 2, code: 'EAGAIN' }],
    });
  });

  it('is what a log says the loss in, in a line of its own', () => {
    const lines: string[] = [];
    const failing = [failure('ENOSPC')];
    const output = standardOutput(
      (lost) => createLog('info', output).warn(lost, 'lost'),
      (bytes) => {
        const error = failing.shift();
        if (error !== undefined) throw error;
        lines.push(String(bytes));
        return bytes.length;
      },
    );
    output.write('{}\n');
    output.write('{"msg":"on"}\n');
    expect(lines.map((line) => JSON.parse(line).msg)).to.deep.equal(['on', 'lost']);
    expect(JSON.parse(lines[1] ?? '')).to.include({ level: 40, count: 1, code: 'ENOSPC' });
  });
});
