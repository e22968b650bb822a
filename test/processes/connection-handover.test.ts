import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import type { Outcome } from './handover-process.ts';

const PROGRAM = path.join(import.meta.dirname, 'handover-process.ts');

async function run(...words: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', PROGRAM, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return (await text(child.stdout)).trim() as Outcome;
}

describe('a connection on its way to a worker that closes its listener, the last there is', () => {
  it('is closed', async () => {
    expect(await run()).to.equal('closed');
  });

  it('is forgotten by node:cluster alone: when that is mended, lib/processes/connection-handover.ts has done its part', async () => {
    expect(await run('bare')).to.equal('forgotten');
  });
});
