import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { settings } from '../../config/settings.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { FormBrowser } from '../flows/form-browser.ts';
import { eventually, freePort, LatchkeyProcess } from '../flows/latchkey-process.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const readme = readFileSync(join(project, 'README.md'), 'utf8');

const matches = (pattern: RegExp): string[] => [...readme.matchAll(pattern)].map(([, first = '']) => first);

/** The blocks of code in a language. */
const blocks = (language: string): string[] =>
  matches(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, 'gm'));

/** The words of a command line, without quotes. */
const wordsOf = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

describe('the README', () => {
  it('links to files that exist, and shows pictures that are small', () => {
    const links = matches(/\]\(([^)#]+)/g).filter((link) => !link.startsWith('https:'));
    const pictures = matches(/<img src="([^"]+)"/g);
    expect(links).to.include.members(['ARCHITECTURE.md', 'docs/configuration.md']);
    expect(pictures).to.have.lengthOf(2);
    const missing = [...links, ...pictures].filter((path) => !existsSync(join(project, path)));
    expect(missing).to.deep.equal([]);
    for (const picture of pictures)
      expect(statSync(join(project, picture)).size, picture).to.be.below(100_000);
  });

  it('names files that exist', () => {
    const named = matches(/`((?:config|docs|lib|examples|scripts|test)\/[\w./-]+)`/g);
    // The one that an operator makes.
    const missing = named.filter(
      (path) => path !== 'config/latchkey.yaml' && !existsSync(join(project, path)),
    );
    expect(missing).to.deep.equal([]);
  });

  it('names npm scripts that exist', () => {
    const named = matches(/npm (?:run )?(?:-s )?(start|test|(?<=run (?:-s )?)[\w-]+)/g);
    expect(new Set(named)).to.include.all.keys('start', 'test', 'demo', 'latchkey');
    for (const name of named) expect(packageJson.scripts).to.have.property(name);
  });

  it('names configuration variables that exist', () => {
    const known = settings.flatMap(({ variable, fileVariable }) => [variable, fileVariable]);
    const named = matches(/\b(LATCHKEY_[A-Z_]+[A-Z])\b/g);
    expect(named).to.include('LATCHKEY_ISSUER');
    expect(named.filter((variable) => !known.includes(variable))).to.deep.equal([]);
  });

  it('leads to a first sign-in, step by step as it says', async function () {
    this.timeout(60_000);
    const shell = blocks('sh').join('');
    const commandOf = (start: string): string[] => {
      const line = new RegExp(`npm run -s latchkey -- (${start} .*)$`, 'm').exec(shell)?.[1];
      return wordsOf(line ?? '');
    };
    const [source = ''] = blocks('js');
    const port = await freePort();
    const there = (text: string): string =>
      text
        .replaceAll('http://localhost:8080', `http://localhost:${port}`)
        .replace('listen(8080)', `listen(${port})`);
    const latchkey = await LatchkeyProcess.start();
    const folder = mkdtempSync(join(tmpdir(), 'latchkey-readme-'));
    let app: ReturnType<typeof spawn> | undefined;
    try {
      const password = 'a password for the README';
      await latchkey.json(commandOf('users create'), password);
      const registered = await latchkey.json(commandOf('clients create').map(there));
      await latchkey.json(wordsOf(/latchkey -- (apis create [^`]*)/.exec(readme)?.[1] ?? ''));

      symlinkSync(join(project, 'node_modules'), join(folder, 'node_modules'));
      writeFileSync(join(folder, 'app.mjs'), there(source).replace('http://localhost:3000', latchkey.issuer));
      app = spawn(process.execPath, ['app.mjs'], {
        cwd: folder,
        env: {
          PATH: process.env.PATH,
          CLIENT_ID: registered.client_id,
          CLIENT_SECRET: registered.client_secret,
        },
        stdio: 'inherit',
      });
      const start = `http://localhost:${port}/`;
      let answer: Response | undefined;
      await eventually('the app listens', async () => {
        answer = await fetch(start, { redirect: 'manual' }).catch(() => undefined);
        return answer !== undefined;
      });
      const browser = new FormBrowser(latchkey.issuer);
      const landing = await browser.authorize(answer?.headers.get('Location') ?? '', {
        login: 'you@example.com',
        password,
      });
      expect(await (await fetch(landing.url)).text()).to.equal('Hello, Your Name\n');
    } finally {
      app?.kill();
      await latchkey.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
