import { randomBytes } from 'node:crypto';
import { expect } from 'chai';
import { type Database, openDatabase } from '../../lib/database/database.ts';
import { lastingSecret } from '../../lib/database/lasting-secret.ts';
import { SealError } from '../../lib/database/sealer.ts';
import { type DirectoryPlace, describeOnEveryStore } from './directory-stores.ts';

describeOnEveryStore('a lasting secret', (store) => {
  let place: DirectoryPlace;
  const [older, newer, other] = Array.from({ length: 3 }, () => randomBytes(32).toString('base64')) as [
    string,
    string,
    string,
  ];

  before(async () => {
    place = await store.makePlace();
  });
  after(() => place.remove());

  async function secretWith(...encryptionKey: string[]): Promise<Buffer> {
    const database = await openDatabase({ ...place.options, encryptionKey });
    try {
      return await lastingSecret(database, 'a-purpose');
    } finally {
      await database.close();
    }
  }

  it('is one for all who ask at once, and another for another purpose', async () => {
    const databases: Database[] = [];
    for (let count = 0; count < 4; count += 1) {
      databases.push(await openDatabase({ ...place.options, encryptionKey: [older] }));
    }
    const secrets: Buffer[] = [];
    const ask = async (database: Database) => secrets.push(await lastingSecret(database, 'a-purpose'));
    // Writers of one embedded file wait for each other in their thread: in one process they can only take turns.
    if (store.name === 'SQLite') for (const database of databases) await ask(database);
    else await Promise.all(databases.map(ask));
    expect(secrets[0]).to.have.length(32);
    for (const secret of secrets) expect(secret.equals(secrets[0] as Buffer)).to.equal(true);
    const another = await lastingSecret(databases[0] as Database, 'another');
    expect(another.equals(secrets[0] as Buffer)).to.equal(false);
    await Promise.all(databases.map((database) => database.close()));
  });

  it('outlives the encryption key that it was sealed with, once a newer one has seen it', async () => {
    const secret = await secretWith(older);
    expect((await secretWith(newer, older)).equals(secret)).to.equal(true);
    expect((await secretWith(newer)).equals(secret)).to.equal(true);
  });

  it('does not open without its key, and is not made anew in its place', async () => {
    const secret = await secretWith(newer);
    const problem = await secretWith(other).catch((error: unknown) => error);
    expect(problem).to.be.instanceOf(SealError);
    expect((await secretWith(newer)).equals(secret)).to.equal(true);
  });

  it('is not to be read from the store’s files', async () => {
    const secret = await secretWith(newer);
    const files = await place.files();
    expect(
      files.some((bytes) => bytes.includes('a-purpose')),
      'its name, which is no secret',
    ).to.equal(true);
    for (const bytes of files) expect(bytes.includes(secret)).to.equal(false);
  });
});
