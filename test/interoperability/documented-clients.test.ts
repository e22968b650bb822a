import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CliBench } from '../cli/cli-bench.ts';

const PAGE = readFileSync(path.join(import.meta.dirname, '../../docs/clients.md'), 'utf8');
const examples = [...PAGE.matchAll(/^```sh\n([\s\S]*?)^```/gm)].map(([, block]) => String(block).trim());

describe('the registrations of docs/clients.md', () => {
  const bench = new CliBench();
  after(() => bench.close());

  it('are there for each library', () => {
    const sections = PAGE.split(/^#{2,3} /m).slice(1);
    const without = sections
      .filter((section) => !section.includes('```sh'))
      .map((text) => text.split('\n')[0]);
    // The heading of a language, and one that leads to another page.
    expect(without).to.deep.equal(['JavaScript and TypeScript', 'MCP clients']);
  });

  for (const line of examples) {
    it(line, async () => {
      const [command = '', file] = line.split(' < ');
      const [program, ...words] = command.split(' ');
      expect(program).to.equal('latchkey');
      const input = file === undefined ? '' : '{"id_token_scope_claims":true}';
      const { code, stdout, stderr } = await bench.run([...words, '--json'], input);
      expect(code, stderr).to.equal(0);
      expect(JSON.parse(stdout).client_id).to.equal(words[words.indexOf('--client-id') + 1]);
    });
  }
});
