import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { PROGRAM, runCommand } from '../flows/latchkey-process.ts';

/** Preloaded: tells at the end on standard error which packages were loaded. */
const TELL_PACKAGES = `
  import { registerHooks } from 'node:module';
  const packages = new Set();
  registerHooks({
    load(url, context, next) {
      const [, name] = /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url) ?? [];
      if (name !== undefined) packages.add(name);
      return next(url, context);
    },
  });
  process.on('exit', () => process.stderr.write(JSON.stringify([...packages])));
`;

/** Preloaded: what an older Node says of itself. */
const PRETEND = `
  const node = '20.20.2';
  Object.defineProperty(process, 'versions', { value: { ...process.versions, node } });
`;

describe('the command line as a process', () => {
  let dataDir: string;
  let environment: Record<string, string>;

  before(() => {
    dataDir = mkdtempSync(path.join(tmpdir(), 'latchkey-cli-'));
    environment = { LATCHKEY_DATA_DIR: dataDir };
  });
  after(() => rmSync(dataDir, { recursive: true, force: true }));

  it('says in one line that Node is too old, and how to get another', async () => {
    const preloaded = `--import=data:text/javascript,${encodeURIComponent(PRETEND)}`;
    const result = await runCommand({ ...environment, NODE_OPTIONS: preloaded }, ['users', 'list']);
    expect(result).to.include({ code: 2, stdout: '' });
    expect(result.stderr).to.match(
      /^latchkey: this is Node 20\.20\.2, and 24 or newer is needed: .*`npm ci`.*\n$/,
    );
  });

  it('creates a person from standard input, on a data directory that it makes', async () => {
    const words = ['users', 'create', '--email', 'ada@example.com', '--password-stdin', '--json'];
    const { code, stdout, stderr } = await runCommand(environment, words, 'marmalade on tuesday\n');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).to.include({ login: 'ada@example.com', has_password: true });
  });

  it('ends without a word when its reader has read enough', async () => {
    const child = spawn(process.execPath, [...PROGRAM, 'config', 'schema'], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child.stdout.destroy();
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const [code] = await once(child, 'close');
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
  });

  it('config check says yes, or what is wrong with exit code 2', async () => {
    const good = await runCommand(environment, ['config', 'check', '--json']);
    expect(good).to.include({ code: 0, stderr: '' });
    expect(JSON.parse(good.stdout)).to.deep.equal({ valid: true });
    const bad = await runCommand({ ...environment, LATCHKEY_PORT: 'x', LATCHKEY_ISUER: 'x' }, [
      'config',
      'check',
    ]);
    expect(bad).to.include({ code: 2, stdout: '' });
    expect(bad.stderr.trimEnd().split('\n')).to.deep.equal([
      'latchkey: LATCHKEY_ISUER: is not a known variable; did you mean LATCHKEY_ISSUER?',
      'latchkey: port (LATCHKEY_PORT): "x" must be a number',
    ]);
    const json = await runCommand({ ...environment, LATCHKEY_PORT: 'x' }, ['users', 'list', '--json']);
    expect(json).to.include({ code: 2, stdout: '' });
    expect(JSON.parse(json.stderr)).to.include({ error: 'invalid_configuration' });
  });

  it('config print shows every setting with its origin, and no secret', async () => {
    const key = randomBytes(32).toString('base64');
    const file = path.join(dataDir, 'settings.yaml');
    writeFileSync(file, `port: 4321\nbranding:\n  name: "Notes\\u202e"\nencryption_key: ["${key}"]\n`);
    const set = { LATCHKEY_CONFIG: file, LATCHKEY_LOG_LEVEL: 'warn' };
    const printed = await runCommand({ ...environment, ...set }, ['config', 'print']);
    expect(printed).to.include({ code: 0, stderr: '' });
    expect(printed.stdout).to.match(new RegExp(`^port +4321 +${file}$`, 'm'));
    expect(printed.stdout).to.match(/^log\.level +warn +LATCHKEY_LOG_LEVEL$/m);
    expect(printed.stdout).to.match(/^encryption_key +redacted /m);
    expect(printed.stdout).not.to.contain(key).and.not.to.contain('\u202e');
    const json = await runCommand({ ...environment, ...set }, ['config', 'print', '--json']);
    expect(json.stdout).not.to.contain(key);
    expect(JSON.parse(json.stdout)).to.deep.include({
      key: 'encryption_key',
      variable: 'LATCHKEY_ENCRYPTION_KEY',
      value: ['redacted'],
      source: 'file',
      from: file,
    });
  });

  it('config schema prints a JSON Schema', async () => {
    const { code, stdout } = await runCommand(environment, ['config', 'schema']);
    expect(code).to.equal(0);
    const schema = JSON.parse(stdout);
    expect(schema.$schema).to.equal('https://json-schema.org/draft/2020-12/schema');
    expect(schema.properties.issuer.default ?? schema.properties.issuer.description).to.be.a('string');
  });

  for (const [words, needed, spared] of [
    [['config', 'check'], ['zod'], ['kysely', 'oidc-provider', 'koa', 'eta']],
    [['users', 'list'], ['kysely'], ['oidc-provider', 'koa', 'eta']],
  ] as const) {
    it(`${words.join(' ')} does not wait for packages that it has no use for`, async () => {
      const preloaded = `--import=data:text/javascript,${encodeURIComponent(TELL_PACKAGES)}`;
      const told = await runCommand({ ...environment, NODE_OPTIONS: preloaded }, [...words]);
      expect(told.code, told.stderr).to.equal(0);
      const packages = JSON.parse(told.stderr) as string[];
      expect(packages).to.include.members([...needed]);
      expect(packages).not.to.include.oneOf([...spared]);
    });
  }
});
