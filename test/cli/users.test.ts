import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

const PASSWORD = 'marmalade sandwich on tuesday';
const ISO = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;

describe('latchkey users', () => {
  const bench = new CliBench();
  let ada: { sub: string };

  before(async () => {
    ada = await bench.json(
      ['users', 'create', '--email', 'ada@example.com', '--name', 'Ada', '--password-stdin'],
      PASSWORD,
    );
  });
  after(() => bench.close());

  it('create prints the new record with its sub', async () => {
    const created = await bench.json([
      ...['users', 'create', '--login', 'Grace', '--email', 'grace@example.com'],
      ...[
        '--claim',
        'locale=en',
        '--claim',
        'email_verified=true',
        '--claim',
        'level:=7',
        '--claim',
        'nick=',
      ],
    ]);
    expect(created).to.include({ login: 'grace', disabled: false, has_password: false });
    expect(created.sub).to.match(/^[\w][\w-]{26}$/);
    expect(created.created_at).to.match(ISO);
    expect(created.claims).to.include({
      email: 'grace@example.com',
      email_verified: true,
      locale: 'en',
      level: 7,
    });
    expect(created.claims).not.to.have.property('nick');
  });

  it('delete that cannot end the sessions leaves somebody who is refused, and can be repeated', async () => {
    await bench.json(['users', 'create', '--login', 'tess']);
    bench.disturb = (rooms) => ({
      ...rooms,
      grants: { ...rooms.grants, endAccount: () => Promise.reject(new Error('the store is away')) },
    });
    expect((await bench.run(['users', 'delete', 'tess'])).code).to.not.equal(0);
    bench.disturb = (rooms) => rooms;
    expect(await bench.json(['users', 'show', 'tess'])).to.include({ disabled: true });
    expect(await bench.json(['users', 'delete', 'tess'])).to.include({ deleted: true });
  });

  it('create tells people the same in lines', async () => {
    const { code, stdout, stderr } = await bench.run(['users', 'create', '--email', 'alan@example.com']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.match(/^sub +\S{27}$/m);
    expect(stdout).to.match(/^login +alan@example.com$/m);
    expect(stdout).to.match(/^has_password +false$/m);
    expect(stdout).to.match(/^email_verified +false$/m);
    expect(stdout.match(/^updated_at /gm)).to.have.length(1);
  });

  it('takes a password as it is, but one line break at its end', async () => {
    const rooms = await bench.openRooms();
    try {
      for (const [login, input, password] of [
        ['p1', ' spaces around count  \r\n', ' spaces around count  '],
        ['p2', 'two breaks at the end\n\n', 'two breaks at the end\n'],
      ] as const) {
        await bench.json(['users', 'create', '--login', login, '--password-stdin'], input);
        expect(await rooms.accounts.verifyPassword(login, password)).to.include({ outcome: 'verified' });
      }
    } finally {
      await rooms.close();
    }
  });

  const refusals: [what: string, words: string[], input: string | Buffer, error: string, words: RegExp][] = [
    [
      'a login that is taken',
      ['--email', 'ADA@example.com'],
      '',
      'login_taken',
      /another account has this login: /,
    ],
    ['no login at all', ['--name', 'Ada'], '', 'invalid_login', /--email.*--login/],
    ['an address that is none', ['--email', 'nowhere'], '', 'invalid_claims', /mail address/],
    ['a claim of the protocol', ['--login', 'x', '--claim', 'iss=me'], '', 'invalid_claims', /iss/],
    ['a claim without a value', ['--login', 'x', '--claim', 'iss'], '', 'invalid_claims', /name=text/],
    ['a claim that is not JSON', ['--login', 'x', '--claim', 'a:={'], '', 'invalid_claims', /not JSON/],
    [
      'a short password',
      ['--login', 'x', '--password-stdin'],
      'seven77',
      'unacceptable_password',
      /at least 8/,
    ],
    [
      'a common password',
      ['--login', 'x', '--password-stdin'],
      'password',
      'unacceptable_password',
      /most used/,
    ],
    [
      'the login as a password',
      ['--login', 'xavier.longname', '--password-stdin'],
      'Xavier.Longname',
      'unacceptable_password',
      /login/,
    ],
    ['an empty input', ['--login', 'x', '--password-stdin'], '', 'unacceptable_password', /no password/],
    ['a bare line break', ['--login', 'x', '--password-stdin'], '\n', 'unacceptable_password', /no password/],
    [
      'bytes that are no text',
      ['--login', 'x', '--password-stdin'],
      Buffer.from([0xff, 0xfe, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46]),
      'unacceptable_password',
      /UTF-8/,
    ],
    [
      'a mebibyte and more',
      ['--login', 'x', '--password-stdin'],
      'a'.repeat(1_100_000),
      'unacceptable_password',
      /no password/,
    ],
  ];
  for (const [what, words, input, error, description] of refusals) {
    it(`create refuses ${what}`, async () => {
      const before = (await bench.json<unknown[]>(['users', 'list'])).length;
      const refusal = await bench.refusal(['users', 'create', ...words], input);
      expect(refusal).to.include({ code: 1, error });
      expect(refusal.error_description).to.match(description);
      expect(await bench.json<unknown[]>(['users', 'list'])).to.have.length(before);
    });
  }

  it('does not take a password as an argument, nor repeat it', async () => {
    for (const words of [['--password', PASSWORD], [`--password=${PASSWORD}`]]) {
      const { code, stdout, stderr } = await bench.run(['users', 'create', '--login', 'x', ...words]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr)
        .to.match(
          /^latchkey: unknown option '--password'.* \(passwords come by standard input: --password-stdin\)\n$/,
        )
        .and.not.contain('marmalade');
    }
  });

  it('list sorts by login, and pages', async () => {
    const all = (await bench.json<{ login: string }[]>(['users', 'list'])).map(({ login }) => login);
    expect(all)
      .to.deep.equal([...all].sort())
      .and.include('ada@example.com');
    const first = await bench.json<{ login: string }[]>(['users', 'list', '--limit', '2']);
    expect(first.map(({ login }) => login)).to.deep.equal(all.slice(0, 2));
    const rest = await bench.json<{ login: string }[]>(['users', 'list', '--after', all[1] as string]);
    expect(rest.map(({ login }) => login)).to.deep.equal(all.slice(2));
    const { stdout } = await bench.run(['users', 'list']);
    expect(stdout).to.match(/^LOGIN +SUB +STATE +CREATED\n/);
    expect(stdout).to.match(new RegExp(`^ada@example.com +${ada.sub} +enabled +20`, 'm'));
  });

  it('list walks more people than one page of the directory holds', async () => {
    const crowd = new CliBench();
    try {
      const rooms = await crowd.openRooms();
      for (let number = 0; number < 205; number += 1) {
        await rooms.accounts.directory?.create({ login: `person${number}` });
      }
      await rooms.close();
      expect(await crowd.json<unknown[]>(['users', 'list'])).to.have.length(205);
      expect(await crowd.json<unknown[]>(['users', 'list', '--limit', '203'])).to.have.length(203);
    } finally {
      crowd.close();
    }
  });

  it('show takes a sub or a login', async () => {
    const bySub = await bench.json(['users', 'show', ada.sub]);
    expect(bySub).to.deep.equal(await bench.json(['users', 'show', 'Ada@Example.com']));
    expect(bySub).to.include({ sub: ada.sub, has_password: true });
    const { stdout } = await bench.run(['users', 'show', ada.sub]);
    expect(stdout).to.match(/^name +Ada$/m);
  });

  it('refuses a sub or login that nobody has, in every command', async () => {
    for (const command of ['show', 'update', 'disable', 'enable', 'delete']) {
      const { code, stdout, stderr } = await bench.run(['users', command, 'nobody']);
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.equal('latchkey: there is no user nobody\n');
    }
    const words = ['users', 'set-password', 'nobody', '--password-stdin'];
    expect(await bench.refusal(words, PASSWORD)).to.include({ code: 1, error: 'not_found' });
  });

  it('update changes claims and login, removes a claim, and takes back the mark of a new address', async () => {
    const { sub } = await bench.json([
      ...['users', 'create', '--email', 'kay@example.com', '--claim', 'email_verified=true'],
      ...['--claim', 'nickname=Kay'],
    ]);
    const updated = await bench.json([
      ...[
        'users',
        'update',
        String(sub),
        '--email',
        'kay@example.org',
        '--login',
        'kay',
        '--claim',
        'nickname=',
      ],
    ]);
    expect(updated).to.include({ sub, login: 'kay' });
    expect(updated.claims).to.include({ email: 'kay@example.org', email_verified: false });
    expect(updated.claims).not.to.have.property('nickname');
    const taken = await bench.refusal(['users', 'update', 'kay', '--login', 'ada@example.com']);
    expect(taken).to.include({ code: 1, error: 'login_taken' });
    const invalid = await bench.refusal(['users', 'update', 'kay', '--claim', 'zoneinfo=Mars/Base']);
    expect(invalid).to.include({ code: 1, error: 'invalid_claims' });
  });

  it('disable, enable and delete by sub or login', async () => {
    const { sub } = await bench.json(['users', 'create', '--login', 'mary']);
    expect(await bench.json(['users', 'disable', 'mary'])).to.include({ sub, disabled: true });
    expect((await bench.run(['users', 'list'])).stdout).to.match(/^mary +\S+ +disabled /m);
    expect(await bench.json(['users', 'enable', String(sub)])).to.include({ sub, disabled: false });
    expect(await bench.json(['users', 'delete', 'mary'])).to.deep.equal({
      deleted: true,
      sub,
      login: 'mary',
    });
    expect(await bench.refusal(['users', 'show', String(sub)])).to.include({ error: 'not_found' });
  });

  it('set-password replaces the password, and judges it first', async () => {
    const { sub } = await bench.json(['users', 'create', '--login', 'joan', '--password-stdin'], PASSWORD);
    const words = ['users', 'set-password', 'joan', '--password-stdin'];
    expect(await bench.refusal(words, 'short')).to.include({ code: 1, error: 'unacceptable_password' });
    expect(await bench.refusal(words, '')).to.include({ code: 1, error: 'unacceptable_password' });
    expect(await bench.json(words, 'a different long password\n')).to.include({ sub, has_password: true });
    const rooms = await bench.openRooms();
    try {
      const { accounts } = rooms;
      expect(await accounts.verifyPassword('joan', PASSWORD)).to.include({ outcome: 'refused' });
      const verified = await accounts.verifyPassword('joan', 'a different long password');
      expect(verified).to.include({ outcome: 'verified' });
    } finally {
      await rooms.close();
    }
    const missing = await bench.run(['users', 'set-password', 'joan']);
    expect(missing.code).to.equal(2);
    expect(missing.stderr).to.match(/^latchkey: .*--password-stdin.*\n$/);
  });

  it('shows no password and no hash anywhere', async () => {
    for (const words of [['list'], ['list', '--json'], ['show', ada.sub], ['show', ada.sub, '--json']]) {
      const { code, stdout } = await bench.run(['users', ...words]);
      expect(code).to.equal(0);
      expect(stdout).not.to.contain('argon2').and.not.to.contain(PASSWORD);
    }
  });

  it('prints no control or direction character of a name', async () => {
    const name = 'Eve\u001b[2J\u009b31m\u202egnp.exe\u2028\u0007 end';
    const created = await bench.json<{ claims: { name: string } }>([
      'users',
      'create',
      '--login',
      'eve',
      '--name',
      name,
    ]);
    expect(created.claims.name).to.equal(name);
    for (const words of [['show', 'eve'], ['show', 'eve', '--json'], ['list'], ['list', '--json']]) {
      const { stdout } = await bench.run(['users', ...words]);
      expect(stdout.replaceAll('\n', '')).not.to.match(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e]/u);
    }
    const { stderr } = await bench.run(['users', 'show', 'no\u001b[2J\nbody']);
    expect(stderr).to.match(/^latchkey: there is no user no\ufffd\[2J body\n$/);
  });
});
