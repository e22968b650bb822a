import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import { architectureViolations, parseRooms } from './architecture.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));

describe('the architecture rule', () => {
  it('is kept by every source file', () => {
    const rooms = parseRooms(readFileSync(join(project, 'ARCHITECTURE.md'), 'utf8'));
    const violations = architectureViolations(project, rooms);
    expect(violations, `\n${violations.join('\n')}\n`).to.deep.equal([]);
  });

  it('keeps every room that the table builds on lower rooms free of upward grants', () => {
    const rooms = parseRooms(readFileSync(join(project, 'ARCHITECTURE.md'), 'utf8'));
    const names = rooms.map((room) => room.name);
    for (const [index, { name, mayImport }] of rooms.entries()) {
      if (mayImport === 'everything') continue;
      for (const granted of mayImport) {
        // Examples stand outside the order: they use what is published.
        if (name !== 'examples') expect(names.indexOf(granted), `${name} → ${granted}`).to.be.below(index);
      }
    }
  });
});

const table = `# A house

## Rooms

| Room | Owns | May import | Packages |
|---|---|---|---|
| \`config\` | settings | | \`zod\` |
| \`views\` | pages | | |
| \`lib/database\` | rows | \`config\` | \`kysely\` \`node:sqlite\` |
| \`lib/provider\` | the engine | \`config\` \`lib/database\` | \`oidc-provider\` |
| \`lib\` | composition | everything | |
| \`scripts\` | tasks | everything | everything |

## Next chapter
`;

describe('the checker of the architecture rule', () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'latchkey-architecture-'));
    plant('config/load.ts', "import { z } from 'zod';\nexport const load = () => process.env;\n");
    plant('lib/database/rows.ts', "import { load } from '../../config/load.ts';\nimport 'node:sqlite';\n");
    plant(
      'lib/provider/engine.ts',
      "import { rows } from '../database/rows.ts';\nimport fs from 'node:fs';\n",
    );
    plant('lib/main.ts', "import '../config/load.ts';\nimport './provider/engine.ts';\n");
    plant('scripts/demo.ts', "import '../lib/main.ts';\nimport 'chai';\nconst x = process.env;\n");
  });

  afterEach(() => {
    rmSync(root, { recursive: true });
  });

  function plant(file: string, text: string): void {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    writeFileSync(join(root, file), text);
  }

  const check = () => architectureViolations(root, parseRooms(table));

  it('finds nothing in a house in order', () => {
    expect(check()).to.deep.equal([]);
  });

  const planted: [what: string, file: string, text: string, line: string][] = [
    [
      'an upward import',
      'lib/database/up.ts',
      "import { engine } from '../provider/engine.ts';",
      'lib/database/up.ts: lib/database may not import lib/provider (lib/provider/engine.ts)',
    ],
    [
      'an upward import of a type',
      'lib/database/up.ts',
      "import type { Engine } from '../provider/engine.ts';",
      'lib/database/up.ts: lib/database may not import lib/provider (lib/provider/engine.ts)',
    ],
    [
      'an upward import over several lines',
      'lib/database/up.ts',
      "import {\n  type Engine,\n  engine,\n} from '../provider/engine.ts';",
      'lib/database/up.ts: lib/database may not import lib/provider (lib/provider/engine.ts)',
    ],
    [
      'an upward re-export',
      'lib/database/up.ts',
      "export * from '../provider/engine.ts';",
      'lib/database/up.ts: lib/database may not import lib/provider (lib/provider/engine.ts)',
    ],
    [
      'an upward import for its effects',
      'lib/database/up.ts',
      "import '../provider/engine.ts';",
      'lib/database/up.ts: lib/database may not import lib/provider (lib/provider/engine.ts)',
    ],
    [
      'a dynamic upward import',
      'lib/database/up.ts',
      "export const engine = await import('../provider/engine.ts');",
      'lib/database/up.ts: lib/database may not import lib/provider (lib/provider/engine.ts)',
    ],
    [
      'an import of the composition',
      'lib/provider/up.ts',
      "import '../main.ts';",
      'lib/provider/up.ts: lib/provider may not import lib (lib/main.ts)',
    ],
    [
      'an import of a room that the table does not grant',
      'config/sideways.ts',
      "import '../scripts/demo.ts';",
      'config/sideways.ts: config may not import scripts (scripts/demo.ts)',
    ],
    [
      'a file in a room that the table does not name',
      'lib/utils/text.ts',
      'export const text = 1;',
      'lib/utils/text.ts: lies in no room of the table',
    ],
    [
      'an import of a file in no room',
      'lib/provider/out.ts',
      "import '../../test.ts';",
      'lib/provider/out.ts: imports test.ts, which lies in no room of the table',
    ],
    [
      'an import of a missing file',
      'lib/provider/lost.ts',
      "import './absent.ts';",
      'lib/provider/lost.ts: imports ./absent.ts, which does not exist',
    ],
    [
      'an import whose name is computed',
      'lib/provider/hidden.ts',
      "const name = 'x';\nawait import(name);",
      'lib/provider/hidden.ts: imports a module whose name is computed',
    ],
    [
      'the engine outside its room',
      'lib/database/engine.ts',
      "import Provider, { errors } from 'oidc-provider';",
      'lib/database/engine.ts: lib/database may not use the package oidc-provider',
    ],
    [
      'a part of a package outside its room',
      'lib/provider/query.ts',
      "import type { X } from 'kysely/helpers/sqlite';",
      'lib/provider/query.ts: lib/provider may not use the package kysely',
    ],
    [
      'a package that no room owns',
      'lib/provider/pad.ts',
      "import pad from '@left/pad/lib.js';",
      'lib/provider/pad.ts: lib/provider may not use the package @left/pad',
    ],
    [
      'a module of Node that another room owns',
      'lib/provider/file.ts',
      "import { DatabaseSync } from 'node:sqlite';",
      'lib/provider/file.ts: lib/provider may not use node:sqlite',
    ],
    [
      'a reader of the environment',
      'lib/provider/environment.ts',
      'export const home = process.env.HOME;',
      'lib/provider/environment.ts: reads the environment, which only config may',
    ],
  ];

  for (const [what, file, text, line] of planted) {
    it(`catches ${what}`, () => {
      plant('test.ts', 'export const test = 1;\n');
      plant(file, `${text}\n`);
      expect(check()).to.deep.equal([line]);
    });
  }

  it('catches a cycle of files, though only types go round', () => {
    plant('lib/database/a.ts', "import type { B } from './b.ts';\nexport type A = B;\n");
    plant('lib/database/b.ts', "import type { C } from './c.ts';\nexport type B = C;\n");
    plant('lib/database/c.ts', "import type { A } from './a.ts';\nexport type C = A;\n");
    expect(check()).to.deep.equal([
      'import cycle: lib/database/a.ts → lib/database/b.ts → lib/database/c.ts → lib/database/a.ts',
    ]);
  });

  it('overlooks imports in comments', () => {
    plant(
      'lib/database/note.ts',
      "/*\nimport '../provider/engine.ts';\n*/\n// import('../provider/engine.ts')\n",
    );
    expect(check()).to.deep.equal([]);
  });

  it('refuses a document without the table, and a table that grants an undefined room', () => {
    expect(() => parseRooms('# Nothing')).to.throw('no room table');
    expect(() => parseRooms(table.replace('| `config` `lib/database` |', '| `lib/attic` |'))).to.throw(
      'lib/attic',
    );
  });
});
