import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/cli.md'), 'utf8');
/** Standard input by the name of the file that an example redirects. */
const INPUTS: Record<string, string> = {
  'password.txt': 'marmalade sandwich on tuesday\n',
  'client.json': '{"redirect_uris":["https://imported.example.com/callback"]}',
  'server.log':
    '{"level":30,"time":"2026-01-02T03:04:05.678Z","reference":"K7Q29XWM","msg":"protocol error page"}\n',
};
/** Files that an example writes or reads: in the data directory here. */
const FILE = /^[a-z]+\.(db|json)$/;
/** Words that stand for an identifier which only the reader has. */
const PLACEHOLDER = /\b(KID|UID|GRANT|NOTICE|TOKEN)\b/;

const examples = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
  .flatMap(([, block]) => (block as string).trim().split('\n'))
  .map((line) => {
    const [command, file] = line.split(' < ');
    const words = [...(command as string).matchAll(/'([^']*)'|(\S+)/g)].map(
      ([, quoted, bare]) => quoted ?? bare,
    );
    return { line, words: words.slice(1) as string[], input: file === undefined ? '' : INPUTS[file] };
  });

describe('the examples of docs/cli.md', () => {
  const bench = new CliBench();
  // Nobody answers there, so that what `doctor` says does not depend on who else is on this machine.
  bench.environment = { LATCHKEY_ISSUER: 'http://localhost:9', LATCHKEY_MANAGEMENT_PORT: '0' };
  after(() => bench.close());

  it('are there for every room of commands', () => {
    const rooms = new Set(examples.map(({ words }) => words[0]));
    expect([...rooms]).to.have.members([
      'serve',
      'config',
      'users',
      'apis',
      'clients',
      'registration-tokens',
      'keys',
      'sessions',
      'grants',
      'notifications',
      'backup',
      'restore',
      'export',
      'import',
      'doctor',
    ]);
  });

  for (const { line, words, input } of examples) {
    // What the configuration commands print depends on this process's own environment: test/cli/process.test.ts runs them.
    it(`${line}`, async () => {
      const { code, stderr } = await bench.run(
        words.map((word) => (FILE.test(word) ? path.join(bench.dataDir, word) : word)),
        input,
      );
      if (PLACEHOLDER.test(line)) {
        expect({ code, stderr: stderr.replace(/^latchkey: there is no .*\n$/, 'none') }).to.deep.equal({
          code: 1,
          stderr: 'none',
        });
      } else expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    });
  }
});
