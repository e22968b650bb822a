import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { build } from '../../scripts/interoperability/build.ts';
import { PROGRAMS, type Program } from '../../scripts/interoperability/programs.ts';
import { formatTable } from '../../scripts/interoperability/report.ts';
import { startProgram } from '../../scripts/interoperability/running-program.ts';
import { type Application, deniedFlow, usualFlow } from '../../scripts/interoperability/usual-flow.ts';
import { freePort } from '../flows/latchkey-process.ts';
import { startExpress } from './express-application.ts';

const PROGRAM: Program = { name: 'own', library: 'own', tools: [], build: [], run: [] };
const ADA = { login: 'ada@example.com', password: 'correct horse battery', name: 'Ada Lovelace' };

describe('the command that tries out clients of other languages', function () {
  this.timeout(60_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'latchkey-interoperability-test-'));
    mkdirSync(path.join(folder, 'sources', 'own'), { recursive: true });
    writeFileSync(path.join(folder, 'sources', 'own', 'program.js'), 'console.log("no such thing");');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  const problemOf = (promise: Promise<unknown>) =>
    promise.then(
      () => 'none',
      (error: Error) => error.message,
    );
  const built = (program: Partial<Program>) =>
    build({ ...PROGRAM, ...program }, path.join(folder, 'built'), path.join(folder, 'sources'));

  it('says what to install where a toolchain is missing, rather than leave its language out', async () => {
    const tools = [
      { command: 'no-such-tool', probe: ['--version'], install: 'No Such Tool 3' },
      { command: process.execPath, probe: ['--version'], install: 'Node' },
      { command: process.execPath, probe: ['-e', 'process.exit(1)'], install: 'a part of Node' },
    ];
    expect(await problemOf(built({ tools }))).to.equal(
      `no-such-tool is missing: install No Such Tool 3; ${process.execPath} is missing: install a part of Node`,
    );
    for (const { tools: needed, library } of PROGRAMS) {
      expect(needed, library).not.to.deep.equal([]);
      for (const { install } of needed) expect(install).to.match(/\d/);
    }
  });

  it('shows the end of what a build wrote that failed', async () => {
    const command = [process.execPath, '-e', 'console.error("it is broken"); process.exit(4)'];
    expect(await problemOf(built({ build: [command] }))).to.match(/ended with 4:\nit is broken$/);
    expect(await problemOf(built({ build: [[process.execPath, 'program.js']] }))).to.equal('none');
  });

  it('shows what a program wrote that ended before it could be talked to', async () => {
    await built({});
    const ORIGIN = `http://127.0.0.1:${await freePort()}`;
    const program = [process.execPath, 'program.js'];
    expect(await problemOf(startProgram(program, path.join(folder, 'built'), { ORIGIN }))).to.match(
      /did not become ready:\nno such thing$/,
    );
  });

  it('finds fault with an application that does not do what it should, and tries no further', async () => {
    const application = await startExpress((app) => {
      app.get('/sign-in', (_request, response) => {
        response.json({ claims: { iss: 'https://another.example', sub: 'x', aud: 'own' }, id_token: '' });
      });
    });
    try {
      const { origin } = application;
      const given: Application = {
        origin,
        issuer: 'http://localhost:9',
        clientId: 'own',
        algorithm: 'RS256',
      };
      const steps = await usualFlow(given, ADA);
      const [first, ...others] = steps;
      expect(first?.problem, 'nobody was asked').to.match(/login/);
      expect(others.map(({ problem }) => problem)).to.deep.equal(Array(4).fill('not tried'));
      expect((await deniedFlow(given, ADA)).map(({ problem }) => problem)).not.to.include(undefined);
      const table = formatTable([{ library: 'own', steps }]);
      expect(table).to.match(/own {2}sign in with consent, RS256 +FAILED\n/);
      expect(table).to.match(/\n0 passed, 5 failed$/);
    } finally {
      await application.stop();
    }
  });
});
