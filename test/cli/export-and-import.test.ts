import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from 'chai';
import { RecoveryCodes } from '../../lib/authentication/second-factors/recovery-codes.ts';
import { Totp } from '../../lib/authentication/second-factors/totp.ts';
import { sharedPostgres } from '../database/shared-postgres.ts';
import { AuthenticatorApp } from '../flows/second-factor.ts';
import { CliBench } from './cli-bench.ts';

const PASSWORD = 'marmalade sandwich on tuesday\n';
const NONE = { people: 0, clients: 0, apis: 0 };

interface Imported {
  imported: typeof NONE;
  unchanged: typeof NONE;
  kept: { kind: string; name: string }[];
  secrets_needed: string[];
}

// biome-ignore lint/suspicious/noExplicitAny: the document is what a test looks into.
type Document = any;

async function fill(bench: CliBench): Promise<void> {
  const claims = ['--name', 'Ada Lovelace', '--claim', 'level:=7'];
  const create = ['users', 'create', '--email'];
  await bench.json([...create, 'ada@example.com', ...claims, '--password-stdin'], PASSWORD);
  await bench.json([...create, 'bob@example.com']);
  await bench.json(['users', 'disable', 'bob@example.com']);
  await bench.json([
    ...['apis', 'create', '--identifier', 'https://api.example', '--scopes', 'read,write'],
    ...['--scope-description', 'read=See your notes', '--lifetime', '300'],
  ]);
  const client = ['clients', 'create', '--client-id'];
  await bench.json([...client, 'notes', '--name', 'Notes', '--redirect-uri', 'https://a.example/cb']);
  await bench.json([
    ...[...client, 'mac', '--grant-type', 'client_credentials', '--resource-server', 'https://api.example'],
    ...['--token-endpoint-auth-method', 'client_secret_jwt'],
  ]);
}

for (const store of ['SQLite', 'PostgreSQL'] as const) {
  describe(`latchkey export and import, into ${store}`, function () {
    this.timeout(60_000);
    let source: CliBench;
    let target: CliBench;
    let folder: string;
    let file: string;

    const documentIn = (name = file): Document => JSON.parse(readFileSync(name, 'utf8'));
    const importing = (...words: string[]) => target.json<Imported>(['import', '--from', file, ...words]);
    /** What a directory says when it is exported, but for when that was. */
    const saidBy = async (bench: CliBench): Promise<Document> => {
      const name = path.join(folder, 'said.json');
      await bench.json(['export', '--to', name, '--overwrite']);
      const { exported_at: _when, ...said } = documentIn(name);
      return said;
    };

    before(async () => {
      source = new CliBench();
      await fill(source);
    });
    after(() => source.close());

    beforeEach(async () => {
      folder = mkdtempSync(path.join(tmpdir(), 'latchkey-export-'));
      file = path.join(folder, 'directory.json');
      target = new CliBench();
      if (store === 'PostgreSQL') {
        const server = await sharedPostgres();
        target.environment = { LATCHKEY_DATABASE_URL: server.url(await server.createDatabase()) };
      }
    });
    afterEach(() => {
      target.close();
      rmSync(folder, { recursive: true, force: true });
    });

    it('moves everything, and may be repeated', async () => {
      expect(await source.json(['export', '--to', file])).to.deep.include({ people: 2, clients: 2, apis: 1 });
      expect(await importing()).to.deep.include({
        imported: { people: 2, clients: 2, apis: 1 },
        unchanged: NONE,
        kept: [],
      });
      expect(await saidBy(target)).to.deep.equal(await saidBy(source));
      expect(await importing()).to.deep.include({
        imported: NONE,
        unchanged: { people: 2, clients: 2, apis: 1 },
        kept: [],
      });
      expect(await target.json(['users', 'show', 'ada@example.com'])).to.deep.include({ has_password: true });
      expect(await target.json(['users', 'show', 'bob@example.com'])).to.deep.include({ disabled: true });
    });

    it('writes a file for its owner alone, without keys, and never over another', async () => {
      await source.json(['export', '--to', file]);
      expect(statSync(file).mode & 0o777).to.equal(0o600);
      expect(await source.refusal(['export', '--to', file])).to.include({ code: 1, error: 'exists' });
      expect(readdirSync(folder)).to.deep.equal(['directory.json']);
      const { format, version, people, clients, ...rest } = documentIn();
      expect({ format, version }).to.deep.equal({ format: 'latchkey-directory', version: 1 });
      expect(people[0].password.hash).to.match(/^\$argon2id\$/);
      expect(clients.map((client: Document) => client.secret)).to.deep.equal([undefined, undefined]);
      expect(Object.keys(rest)).to.have.members([
        'issuer',
        'exported_at',
        'apis',
        'passkeys',
        'second_factors',
        'upstream_identities',
      ]);
    });

    it('moves the secrets of a MAC only when it is told to, and says who needs a new one', async () => {
      expect(await source.json(['export', '--to', file])).to.deep.include({ secrets_withheld: ['mac'] });
      expect(await importing()).to.deep.include({ secrets_needed: ['mac'] });
      const other = path.join(folder, 'with-secrets.json');
      expect(await source.json(['export', '--to', other, '--with-secrets'])).to.deep.include({
        secrets_withheld: [],
      });
      expect(documentIn(other).clients[0].secret).to.be.a('string');
      expect(await target.json(['clients', 'delete', 'mac'])).to.include({ deleted: true });
      file = other;
      expect(await importing()).to.deep.include({ secrets_needed: [], imported: { ...NONE, clients: 1 } });
      // It is sealed again, for where it is now.
      await target.json(['export', '--to', path.join(folder, 'back.json'), '--with-secrets']);
      expect(documentIn(path.join(folder, 'back.json')).clients[0]).to.deep.equal(
        documentIn(other).clients[0],
      );
    });

    it('moves second factors: an authenticator app with its secret only, and recovery codes as digests', async () => {
      const sub = 'factored-person';
      const there = await source.openRooms();
      const totp = new Totp(there.database);
      const { sealed, secret } = await totp.begin(sub, { issuer: 'Acme', login: 'factored' });
      const phone = new AuthenticatorApp(secret);
      let codes: string[] = [];
      const confirmed = await totp.confirm(sub, { sealed, code: phone.code() }, async (transaction, now) => {
        codes = await new RecoveryCodes(there.database).replace(sub, transaction, now);
      });
      expect(confirmed.outcome).to.equal('confirmed');
      await there.close();
      await source.json(['export', '--to', file]);
      expect(documentIn().second_factors.totp[0]).not.to.have.property('secret');
      expect(JSON.stringify(documentIn())).not.to.contain(codes[0]?.replaceAll('-', ''));
      expect(await importing()).to.deep.include({ authenticator_apps: 0 });
      await source.json(['export', '--to', file, '--with-secrets', '--overwrite']);
      expect(await importing()).to.deep.include({ authenticator_apps: 1 });
      expect(await importing(), 'once more').to.deep.include({ authenticator_apps: 0 });
      const here = await target.openRooms();
      try {
        const code = phone.code();
        expect(await new Totp(here.database).use(sub, code)).to.equal(true);
        expect(await new Totp(here.database).use(sub, code), 'the same code').to.equal(false);
        const recovery = new RecoveryCodes(here.database);
        expect(await recovery.use(sub, codes[0] ?? '')).to.equal(true);
        const left = await here.database.query
          .selectFrom('recovery_codes')
          .select('sub')
          .where('sub', '=', sub)
          .execute();
        expect(left).to.have.length(9);
      } finally {
        await here.close();
      }
    });

    it('says which applications will know people by other names: the key of pairwise subjects stays where it is', async () => {
      const given = { redirect_uris: ['https://pair.example/cb'], subject_type: 'pairwise' };
      const create = ['clients', 'create', '--client-id', 'pair', '--file', '-'];
      await source.json(create, JSON.stringify(given));
      await source.json(['export', '--to', file]);
      await source.json(['clients', 'delete', 'pair']);
      const { stdout } = await target.run(['import', '--from', file]);
      expect(stdout).to.match(/subject_type pairwise\): pair$/m);
    });

    it('imports nothing in conflict, and says with what', async () => {
      await source.json(['export', '--to', file]);
      await target.json(['users', 'create', '--email', 'ada@example.com']);
      await target.json([
        'clients',
        'create',
        '--client-id',
        'notes',
        '--redirect-uri',
        'https://b.example/cb',
      ]);
      const refusal = await target.refusal(['import', '--from', file]);
      expect(refusal).to.include({ code: 1, error: 'conflict' });
      expect(refusal.error_description).to.contain('people ada@example.com another person has this login');
      expect(refusal.error_description).to.contain('clients notes is there already');
      expect(await target.json(['users', 'list'])).to.have.length(1);
      expect(await target.json(['apis', 'list'])).to.deep.equal([]);

      const { imported, kept } = await importing('--keep-existing');
      expect(imported).to.deep.equal({ people: 1, clients: 1, apis: 1 });
      expect(kept.map(({ name }) => name)).to.deep.equal(['ada@example.com', 'notes']);
      expect(await target.json(['users', 'show', 'ada@example.com'])).to.deep.include({
        has_password: false,
      });
      expect(await target.json(['clients', 'show', 'notes'])).to.deep.include({
        redirect_uris: ['https://b.example/cb'],
      });
    });

    it('tells beforehand what it would do', async () => {
      await source.json(['export', '--to', file]);
      expect(await importing('--dry-run')).to.deep.include({ imported: { people: 2, clients: 2, apis: 1 } });
      expect(await target.json(['users', 'list'])).to.deep.equal([]);
    });

    it('refuses a person who would be an application, and an application that would be a person', async () => {
      await source.json(['export', '--to', file]);
      const document = documentIn();
      document.clients[0].client_id = document.people[0].sub;
      writeFileSync(file, JSON.stringify(document));
      const refusal = await target.refusal(['import', '--from', file]);
      expect(refusal).to.include({ code: 1, error: 'conflict' });
      expect(refusal.error_description).to.contain('client_id');
    });

    describe('refuses a document', () => {
      const changes: [string, (document: Document) => unknown, RegExp][] = [
        ['of another format', (document) => ({ ...document, format: 'other' }), /^.*format/],
        ['of a later version', (document) => ({ ...document, version: 2 }), /version/],
        ['with members it does not know', (document) => ({ ...document, keys: [] }), /keys/],
        [
          'with a person twice',
          (document) => ({ ...document, people: [document.people[0], document.people[0]] }),
          /login ada@example\.com is in it twice/,
        ],
        [
          'with a password in the clear',
          (document) => {
            document.people[0].password.hash = 'marmalade';
            return document;
          },
          /people\.0\.password\.hash.*argon2id/,
        ],
        [
          'with a login that no person can have',
          (document) => {
            document.people[0].login = 'Ada@Example.com';
            return document;
          },
          /canonical form is ada@example\.com/,
        ],
        [
          'with a claim of the protocol',
          (document) => {
            document.people[0].claims.iss = 'x';
            return document;
          },
          /"iss" is set by the provider/,
        ],
        [
          'with a redirect URI that no client may have',
          (document) => {
            document.clients[1].metadata.redirect_uris = ['http://a.example/cb'];
            return document;
          },
          /client notes: redirect_uris/,
        ],
        [
          'with a secret that is not the one of its digest',
          (document) => {
            document.clients[0].secret = 'another';
            return document;
          },
          /client mac: secret and secret_digest/,
        ],
        [
          'with an algorithm for which there are no keys',
          (document) => {
            document.apis[0].algorithm = 'EdDSA';
            return document;
          },
          /API https:\/\/api\.example: EdDSA/,
        ],
        ['that is a list', () => [], /expected object/],
      ];
      for (const [what, change, words] of changes) {
        it(what, async () => {
          await source.json(['export', '--to', file]);
          writeFileSync(file, JSON.stringify(change(documentIn())));
          const refusal = await target.refusal(['import', '--from', file]);
          expect(refusal).to.include({ code: 1, error: 'invalid_document' });
          expect(refusal.error_description).to.match(words);
          expect(await target.json(['users', 'list'])).to.deep.equal([]);
        });
      }

      it('that is not JSON, or not there', async () => {
        writeFileSync(file, 'people: none');
        expect(await target.refusal(['import', '--from', file])).to.include({ error: 'unreadable' });
        expect(await target.refusal(['import', '--from', `${file}.none`])).to.include({
          error: 'unreadable',
        });
      });
    });
  });
}

describe('a document of people from another provider', () => {
  const bench = new CliBench();
  after(() => bench.close());

  it('is imported as docs/cli.md shows it, and the person signs in with the password of there', async () => {
    const page = readFileSync(path.join(import.meta.dirname, '../../docs/cli.md'), 'utf8');
    const [, document = ''] =
      /### People from another provider[\s\S]*?^```json\n([\s\S]*?)^```/m.exec(page) ?? [];
    const file = path.join(bench.dataDir, 'people.json');
    writeFileSync(file, document);
    const { imported } = await bench.json<Imported>(['import', '--from', file]);
    expect(imported).to.include({ people: 1, clients: 0, apis: 0 });
    const rooms = await bench.openRooms();
    try {
      const { login, sub } = (JSON.parse(document) as Document).people[0];
      const verified = await rooms.accounts.verifyPassword(login, PASSWORD.trim());
      expect(verified).to.include({ outcome: 'verified' }).and.have.nested.property('account.sub', sub);
    } finally {
      await rooms.close();
    }
  });
});
