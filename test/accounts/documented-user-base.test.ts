import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { HttpAccountAdapter } from '../../lib/accounts/http-account-adapter.ts';
import { temporaryDirectory } from './temporary-accounts.ts';

const page = readFileSync(path.join(import.meta.dirname, '../../docs/account-adapter.md'), 'utf8');
const token = 'token-of-the-tests-0123456789';

/** The page's blocks in a language. */
function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].flatMap(([, name, text = '']) =>
    name === language ? [text] : [],
  );
}

describe('the user base of docs/account-adapter.md', () => {
  let directory: string;
  let server: ChildProcess;
  let url: string;
  before(async () => {
    directory = temporaryDirectory();
    const script = path.join(directory, 'user-base.mjs');
    writeFileSync(script, blocks('js')[0] ?? '');
    const child = spawn(process.execPath, [script], {
      env: { PORT: '0', TOKEN: token },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    server = child;
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
    url = `http://127.0.0.1:${line.replace('listening on ', '')}`;
  });
  after(async () => {
    server.kill();
    if (server.exitCode === null && server.signalCode === null) await once(server, 'close');
    rmSync(directory, { recursive: true });
  });

  const open = (shown = token) => new HttpAccountAdapter({ url, token: shown, timeout: 5000 });

  it('finds people by sub and by login, disabled ones too', async () => {
    expect(await open().findBySub('employee-1')).to.deep.equal({
      sub: 'employee-1',
      login: 'ann@example.com',
      disabled: false,
      claims: { name: 'Ann Arbor', groups: ['staff'] },
    });
    expect((await open().findByLogin('ANN@Example.com'))?.sub).to.equal('employee-1');
    expect(await open().findBySub('employee-2')).to.include({ disabled: true });
    expect(await open().findBySub('employee-3')).to.equal(undefined);
    expect(await open().findByLogin('nobody')).to.equal(undefined);
  });

  it('judges passwords', async () => {
    const verdict = async (login: string, password: string) => {
      const verification = await open().verifyPassword(login, password);
      return verification.outcome === 'refused' ? verification.reason : verification.outcome;
    };
    expect(await verdict('ann@example.com', 'a long walk at midnight')).to.equal('verified');
    expect(await verdict('ann@example.com', 'a long walk at noon')).to.equal('wrong_password');
    expect(await verdict('nobody@example.com', 'a long walk at noon')).to.equal('unknown');
    expect(await verdict('dan@example.com', 'a long walk at noon')).to.equal('disabled');
    expect(await verdict('dan@example.com', 'a guess')).to.equal('wrong_password');
  });

  it('tells nothing to who has not its token', async () => {
    expect(await open('another-token-0123456789').verifyPassword('ann@example.com', 'x')).to.have.property(
      'outcome',
      'unavailable',
    );
  });

  it('shows requests and answers that are JSON, line by line', () => {
    const lines = blocks('json').flatMap((block) => block.trim().split('\n'));
    expect(lines).to.have.length(9);
    for (const line of lines) expect(() => JSON.parse(line), line).to.not.throw();
  });
});
