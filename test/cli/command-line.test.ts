import { expect } from 'chai';
import { ConfigurationError } from '../../config/configuration-error.ts';
import { EXIT } from '../../lib/cli/command-context.ts';
import { createProgram } from '../../lib/cli/program.ts';
import { CliBench } from './cli-bench.ts';

/** Every command that there is, and no other. */
const COMMANDS = [
  'serve',
  ...['check', 'print', 'schema'].map((name) => `config ${name}`),
  ...['create', 'list', 'show', 'update', 'disable', 'enable', 'delete', 'set-password'].map(
    (name) => `users ${name}`,
  ),
  ...['invite', 'send-verification', 'send-reset', 'factors', 'remove-factor'].map((name) => `users ${name}`),
  ...['identities', 'unlink-identity'].map((name) => `users ${name}`),
  ...['create', 'list', 'show', 'update', 'rotate-secret', 'delete'].map((name) => `clients ${name}`),
  ...['create', 'list', 'revoke'].map((name) => `registration-tokens ${name}`),
  ...['create', 'list', 'update', 'delete'].map((name) => `apis ${name}`),
  ...['list', 'rotate', 'retire'].map((name) => `keys ${name}`),
  ...['list', 'revoke'].map((name) => `sessions ${name}`),
  ...['list', 'revoke'].map((name) => `grants ${name}`),
  ...['list', 'retry', 'discard'].map((name) => `notifications ${name}`),
  'backup',
  'restore',
  'export',
  'import',
  'doctor',
  'doctor error',
];

/** Commands that do something by themselves though they have others below them. */
const ALSO_ALONE = new Set(['doctor']);

const namedIn = (help: string): string[] =>
  [...(/^Commands:\n((?: .*\n)+)/m.exec(help)?.[1] ?? '').matchAll(/^ {2}([a-z-]+)/gm)].map(
    ([, name]) => name as string,
  );

const failure = (code: string): NodeJS.ErrnoException => Object.assign(new Error(`write ${code}`), { code });

describe('the command line', () => {
  const bench = new CliBench();
  after(() => bench.close());

  it('has the commands that are documented, and no others', async () => {
    const found: string[] = [];
    for (const name of namedIn((await bench.run(['--help'])).stdout)) {
      const nested = namedIn((await bench.run([name, '--help'])).stdout);
      if (nested.length === 0 || ALSO_ALONE.has(name)) found.push(name);
      found.push(...nested.map((inner) => `${name} ${inner}`));
    }
    expect(found).to.have.members(COMMANDS);
  });

  it('tells every exit code in its help', async () => {
    const [, told = ''] = /^Exit codes: ([\s\S]*)/m.exec((await bench.run(['--help'])).stdout) ?? [];
    const codes = [...told.matchAll(/\b(\d) [a-z]/g)].map(([, code]) => Number(code));
    expect(codes).to.have.members(Object.values(EXIT));
  });

  for (const command of COMMANDS) {
    it(`${command} has --help and --json`, async () => {
      const { code, stdout, stderr } = await bench.run([...command.split(' '), '--help']);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.match(new RegExp(`^Usage: latchkey ${command} `));
      expect(stdout)
        .to.match(/^ +--json /m)
        .and.match(/^ +-h, --help /m);
    });
  }

  it('opens nothing for help, and nothing for a command line that makes no sense', () => {
    expect(bench.opened).to.equal(0);
  });

  for (const [words, line] of [
    [['userz'], /^latchkey: unknown command 'userz' \(Did you mean users\?\)$/],
    [['reboot'], /^latchkey: unknown command 'reboot'$/],
    [['backup'], /^latchkey: required option '--to <file>' not specified$/],
    [['restore'], /^latchkey: give either --from or --after-database-restore$/],
    [['doctor', 'eror'], /^latchkey: too many arguments for 'doctor'/],
    [['users', 'creat'], /^latchkey: unknown command 'creat' \(Did you mean create\?\)$/],
    [['users', 'create', '--emal', 'x'], /^latchkey: unknown option '--emal' \(Did you mean --email\?\)$/],
    [['users', 'show'], /^latchkey: missing required argument 'sub-or-login'$/],
    [['users', 'show', 'a', 'b'], /^latchkey: too many arguments for 'show'/],
    [['users', 'list', '--limit', '-1'], /^latchkey: .*--limit.* whole number/],
    [
      ['users', 'list', '--json', '--limit'],
      /^\{"error":"usage","error_description":"option '--limit <count>' argument missing"\}$/,
    ],
    [['clients', 'show', '--jsn', 'x'], /^latchkey: unknown option '--jsn' \(Did you mean --json\?\)$/],
    [['clients', 'create', '--client-secret=hunter2'], /^latchkey: unknown option '--client-secret'$/],
    [['serve', 'now'], /^latchkey: too many arguments for 'serve'/],
  ] as const) {
    it(`refuses "${words.join(' ')}" in one line with exit code 2`, async () => {
      const { code, stdout, stderr } = await bench.run([...words]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(/^[^\n]+\n$/);
      expect(stderr.trimEnd()).to.match(line);
    });
  }

  it('refuses as JSON when it is asked for JSON', async () => {
    const refusal = await bench.refusal(['users', 'create', '--emal', 'x']);
    expect(refusal).to.include({ code: 2, error: 'usage' });
    expect(refusal.error_description).to.equal("unknown option '--emal' (Did you mean --email?)");
  });

  it('shows its help with exit code 2 where a command is missing', async () => {
    for (const words of [[], ['users']]) {
      const { code, stdout, stderr } = await bench.run(words);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(/^Usage: latchkey /);
    }
  });

  it('tells its version', async () => {
    expect(await bench.run(['--version'])).to.deep.equal({ code: 0, stdout: '1.2.3\n', stderr: '' });
  });

  it('serves with and without words', async () => {
    expect((await bench.run(['serve'])).code).to.equal(0);
    expect((await bench.run(['serve', '--json'])).code).to.equal(0);
    expect(bench.served).to.deep.equal([{ quiet: false }, { quiet: true }]);
  });

  it('ends quietly when nobody reads on, and loudly when the answer is lost', async () => {
    const piped = await bench.run(['users', 'list'], '', failure('EPIPE'));
    expect(piped).to.include({ code: 0, stderr: '' });
    for (const words of [
      ['users', 'list'],
      ['clients', 'create', '--redirect-uri', 'https://a.example/cb'],
    ]) {
      const { code, stderr } = await bench.run(words, '', failure('ENOSPC'));
      expect(code).to.equal(1);
      expect(stderr).to.equal('latchkey: it was done, but standard output cannot be written (ENOSPC)\n');
    }
  });

  it('takes what follows -- for what it is', async () => {
    const { code, stderr } = await bench.run(['clients', 'show', '--', '--json']);
    expect({ code, stderr }).to.deep.equal({ code: 1, stderr: 'latchkey: there is no client --json\n' });
  });

  describe('with rooms that fail', () => {
    let stderr = '';
    let closed = 0;
    const run = (thrown: { opening?: unknown; working?: unknown }, words: string[]): Promise<number> => {
      stderr = '';
      const list = async () => {
        throw thrown.working;
      };
      const open = async () => {
        if (thrown.opening !== undefined) throw thrown.opening;
        const close = async () => {
          closed += 1;
        };
        return { keys: { list }, close } as never;
      };
      const sink = { on: () => sink, write: (text: string) => (stderr += text) } as never;
      const terminal = { stdin: process.stdin, stdout: process.stdout, stderr: sink };
      const configuration = () => {
        throw thrown.opening ?? new Error('not to be read');
      };
      return createProgram({ open, configuration, serve: () => open(), terminal }).run(words);
    };

    it('says what was thrown in one line, without its stack, and closes the rooms', async () => {
      expect(await run({ working: new TypeError('one\nline\u001b[2J') }, ['keys', 'list'])).to.equal(1);
      expect(stderr).to.equal('latchkey: one line\ufffd[2J\n');
      expect(closed).to.equal(1);
      expect(await run({ opening: new Error('no data') }, ['keys', 'list'])).to.equal(2);
      expect(stderr).to.equal('latchkey: no data\n');
    });

    it('says each problem of a configuration in a line of its own, or all of them as JSON', async () => {
      const opening = new ConfigurationError(['port: is no number', 'host: is no name']);
      for (const command of [['keys', 'list'], ['serve']]) {
        expect(await run({ opening }, command)).to.equal(2);
        expect(stderr).to.equal('latchkey: port: is no number\nlatchkey: host: is no name\n');
        expect(await run({ opening }, [...command, '--json'])).to.equal(2);
        expect(JSON.parse(stderr)).to.deep.equal({
          error: 'invalid_configuration',
          error_description: 'port: is no number; host: is no name',
          problems: ['port: is no number', 'host: is no name'],
        });
      }
    });
  });
});
