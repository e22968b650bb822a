import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

const SECOND = 1000;

describe('latchkey sessions and grants', () => {
  let bench: CliBench;
  let ada: string;
  let alan: string;

  /** Stores what the protocol engine would: two sessions and two grants. One identifier begins like an option. */
  beforeEach(async () => {
    bench = new CliBench();
    ({ sub: ada } = await bench.json<{ sub: string }>(['users', 'create', '--login', 'ada']));
    ({ sub: alan } = await bench.json<{ sub: string }>(['users', 'create', '--login', 'alan']));
    const rooms = await bench.openRooms();
    const now = Math.floor(Date.now() / SECOND);
    const exp = now + 3600;
    const sessions = rooms.grants.storageFor('Session');
    const grants = rooms.grants.storageFor('Grant');
    for (const [number, accountId, uid, grantId] of [
      ['1', ada, '-Ada0session0uid00000', '-Ada0grant0000000000000000000000000000000000'],
      ['2', alan, 'alan0session0uid00000', 'alan0grant0000000000000000000000000000000000'],
    ] as const) {
      const grant = { jti: grantId, kind: 'Grant', accountId, clientId: 'notes', exp, iat: now };
      await grants.upsert(grantId, { ...grant, openid: { scope: 'openid email' } }, 3600);
      const authorizations = { notes: { grantId, sid: `sid${number}` } };
      const session = {
        jti: `session${number}`,
        kind: 'Session',
        uid,
        accountId,
        loginTs: now,
        exp,
        iat: now,
      };
      await sessions.upsert(`session${number}`, { ...session, authorizations }, 3600);
    }
    await rooms.close();
  });
  afterEach(() => bench.close());

  it('sessions list shows who is signed in, of one person by sub or login', async () => {
    const all = await bench.json<Record<string, unknown>[]>(['sessions', 'list']);
    expect(all.map(({ uid }) => uid)).to.have.members(['-Ada0session0uid00000', 'alan0session0uid00000']);
    for (const person of [ada, 'Ada']) {
      const found = await bench.json<Record<string, unknown>[]>(['sessions', 'list', '--account', person]);
      expect(found).to.have.length(1);
      expect(found[0]).to.deep.include({ uid: '-Ada0session0uid00000', account_id: ada, clients: ['notes'] });
      expect(found[0]?.login_at).to.match(/^\d{4}-.*Z$/);
      expect(found[0]?.expires_at).to.match(/^\d{4}-.*Z$/);
    }
    const { stdout } = await bench.run(['sessions', 'list', '--account', 'alan']);
    expect(stdout).to.match(/^UID +ACCOUNT +SIGNED IN +EXPIRES\n/);
    expect(stdout).to.match(new RegExp(`^alan0session0uid00000 +${alan} +20\\S+Z +20\\S+Z$`, 'm'));
    expect(await bench.json(['sessions', 'list', '--account', 'nobody'])).to.deep.equal([]);
    for (const room of ['sessions', 'grants']) {
      const { code, stdout } = await bench.run([room, 'list', '--account', 'nobody']);
      expect({ code, stdout }).to.deep.equal({
        code: 0,
        stdout: 'nobody has the sub or login nobody, and nothing is left of them\n',
      });
    }
  });

  it('sessions revoke ends one, also when its uid begins with a hyphen', async () => {
    for (const uid of ['-Ada0session0uid00000', 'alan0session0uid00000']) {
      expect(await bench.json(['sessions', 'revoke', uid])).to.deep.equal({ revoked: true, uid });
    }
    expect(await bench.json(['sessions', 'list'])).to.deep.equal([]);
    const { code, stderr } = await bench.run(['sessions', 'revoke', '-Ada0session0uid00000']);
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr: 'latchkey: there is no session -Ada0session0uid00000\n',
    });
  });

  it('grants list shows what was allowed, by person and by application', async () => {
    const byPerson = await bench.json<Record<string, unknown>[]>(['grants', 'list', '--account', 'alan']);
    expect(byPerson).to.have.length(1);
    expect(byPerson[0]).to.deep.include({
      grant_id: 'alan0grant0000000000000000000000000000000000',
      account_id: alan,
      client_id: 'notes',
      scopes: ['openid', 'email'],
    });
    expect(await bench.json(['grants', 'list', '--client', 'notes'])).to.have.length(2);
    expect(await bench.json(['grants', 'list', '--client', 'notes', '--account', ada])).to.have.length(1);
    expect(await bench.json(['grants', 'list', '--client', 'other'])).to.deep.equal([]);
    const { stdout } = await bench.run(['grants', 'list']);
    expect(stdout)
      .to.match(/^GRANT +ACCOUNT +CLIENT +GIVEN +EXPIRES\n/)
      .and.match(/^-Ada0grant0+ /m);
  });

  it('grants revoke ends one, also when its identifier begins with a hyphen', async () => {
    const id = '-Ada0grant0000000000000000000000000000000000';
    const revoked = await bench.json(['grants', 'revoke', id]);
    expect(revoked).to.deep.equal({ revoked: true, grant_id: id, grants: 1 });
    expect(await bench.json(['grants', 'list', '--account', ada])).to.deep.equal([]);
    expect(await bench.refusal(['grants', 'revoke', id])).to.include({ code: 1, error: 'not_found' });
    const { stdout } = await bench.run(['grants', 'revoke', 'alan0grant0000000000000000000000000000000000']);
    expect(stdout).to.match(/^revoked grant alan0grant0+ \(1 in all/);
  });

  it('users disable ends sessions and keeps consent; users delete ends both', async () => {
    await bench.json(['users', 'disable', 'ada']);
    expect(await bench.json(['sessions', 'list', '--account', ada])).to.deep.equal([]);
    expect(await bench.json(['grants', 'list', '--account', ada])).to.have.length(1);
    await bench.json(['users', 'delete', 'alan']);
    expect(await bench.json(['sessions', 'list', '--account', alan])).to.deep.equal([]);
    expect(await bench.json(['grants', 'list', '--account', alan])).to.deep.equal([]);
  });

  it('users set-password ends the sessions of before', async () => {
    await bench.json(['users', 'set-password', 'ada', '--password-stdin'], 'marmalade on tuesday');
    expect(await bench.json(['sessions', 'list', '--account', ada])).to.deep.equal([]);
  });

  it('clients delete ends the grants that were given to it', async () => {
    const words = ['clients', 'create', '--client-id', 'notes', '--redirect-uri', 'https://notes.example/cb'];
    await bench.json(words);
    await bench.json(['clients', 'delete', 'notes']);
    expect(await bench.json(['grants', 'list'])).to.deep.equal([]);
  });
});
