import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

type Registration = Record<string, unknown> & { client_id: string; client_secret?: string };

const CALLBACK = ['--redirect-uri', 'https://app.example.com/cb'];

describe('latchkey clients', () => {
  const bench = new CliBench();
  after(() => bench.close());

  const create = (words: string[] = CALLBACK, input = '') =>
    bench.json<Registration>(['clients', 'create', ...words], input);

  it('create prints the registration response of RFC 7591, with the secret this once', async () => {
    const created = await create([...CALLBACK, '--name', 'Notes', '--scope', 'openid email']);
    expect(created).to.include({
      client_name: 'Notes',
      scope: 'openid email',
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      client_secret_expires_at: 0,
    });
    expect(created.redirect_uris).to.deep.equal(['https://app.example.com/cb']);
    expect(created.grant_types).to.deep.equal(['authorization_code']);
    expect(created.client_secret).to.match(/^[\w-]{43}$/);
    expect(created.client_id_issued_at).to.be.closeTo(Date.now() / 1000, 60);

    const secret = created.client_secret as string;
    for (const words of [['show', created.client_id], ['list']]) {
      for (const json of [[], ['--json']]) {
        const { code, stdout } = await bench.run(['clients', ...words, ...json]);
        expect(code).to.equal(0);
        expect(stdout).to.contain(created.client_id).and.not.to.contain(secret);
        expect(stdout).not.to.match(/"client_secret"|digest/);
      }
    }
    for (const bytes of bench.files()) expect(bytes.includes(secret)).to.equal(false);
  });

  it('create prints the same JSON for people, to be copied from', async () => {
    const { code, stdout, stderr } = await bench.run(['clients', 'create', ...CALLBACK]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).to.have.property('client_secret');
  });

  it('every flag sets its RFC 7591 member', async () => {
    await bench.json(['apis', 'create', '--identifier', 'https://api.example.com', '--scopes', 'read']);
    const created = await create([
      ...['--client-id', 'notes.web', '--name', 'Notes', '--application-type', 'native'],
      ...['--redirect-uri', 'com.example.notes:/cb', '--redirect-uri', 'http://127.0.0.1/cb'],
      ...['--post-logout-redirect-uri', 'com.example.notes:/bye'],
      ...['--grant-type', 'authorization_code', '--grant-type', 'refresh_token', '--response-type', 'code'],
      ...['--response-mode', 'query', '--response-mode', 'form_post', '--scope', 'openid read'],
      ...['--token-endpoint-auth-method', 'private_key_jwt', '--jwks-uri', 'https://example.com/jwks'],
      ...['--contact', 'ops@example.com', '--client-uri', 'https://example.com/', '--logo-uri'],
      ...['https://example.com/logo', '--policy-uri', 'https://example.com/policy', '--tos-uri'],
      ...['https://example.com/tos', '--initiate-login-uri', 'https://example.com/login'],
      ...['--refresh-token-grace', '20', '--resource-server', 'https://api.example.com'],
      ...['--default-resource', 'https://api.example.com'],
    ]);
    const { client_id_issued_at: _issued, ...registered } = created;
    expect(registered).to.deep.equal({
      client_id: 'notes.web',
      client_name: 'Notes',
      application_type: 'native',
      redirect_uris: ['com.example.notes:/cb', 'http://127.0.0.1/cb'],
      post_logout_redirect_uris: ['com.example.notes:/bye'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      response_modes: ['query', 'form_post'],
      scope: 'openid read',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks_uri: 'https://example.com/jwks',
      contacts: ['ops@example.com'],
      client_uri: 'https://example.com/',
      logo_uri: 'https://example.com/logo',
      policy_uri: 'https://example.com/policy',
      tos_uri: 'https://example.com/tos',
      initiate_login_uri: 'https://example.com/login',
      refresh_token_grace: 20,
      resource_server: 'https://api.example.com',
      default_resource: 'https://api.example.com',
    });
  });

  it('--public registers an application that has no secret', async () => {
    const created = await create([...CALLBACK, '--public']);
    expect(created).to.include({ token_endpoint_auth_method: 'none' });
    expect(created).not.to.have.any.keys('client_secret', 'client_secret_expires_at');
    const contradiction = ['--public', '--token-endpoint-auth-method', 'client_secret_post'];
    expect(await bench.refusal(['clients', 'create', ...CALLBACK, ...contradiction])).to.include({ code: 2 });
    const rotated = await bench.refusal(['clients', 'rotate-secret', created.client_id]);
    expect(rotated).to.include({ code: 1, error: 'invalid_client_metadata' });
  });

  it('reads metadata from a file or standard input; flags win', async () => {
    const metadata = JSON.stringify({ client_name: 'From file', redirect_uris: ['https://file.example/cb'] });
    const file = path.join(bench.dataDir, 'client.json');
    writeFileSync(file, metadata);
    expect(await create(['--file', file])).to.include({ client_name: 'From file' });
    const created = await create(['--file', '-', '--name', 'From flag'], metadata);
    expect(created).to.include({ client_name: 'From flag' });
    expect(created.redirect_uris).to.deep.equal(['https://file.example/cb']);
  });

  it('says what is wrong with a file', async () => {
    const folder = path.join(bench.dataDir, 'folder');
    mkdirSync(folder);
    for (const [file, input, code, words] of [
      ['/nonexistent/client.json', '', 2, /nonexistent.*ENOENT/],
      [folder, '', 2, /EISDIR/],
      ['-', '', 1, /standard input is not JSON/],
      ['-', '{', 1, /standard input is not JSON/],
      ['-', '[]', 1, /must be a JSON object/],
    ] as const) {
      const refusal = await bench.refusal(['clients', 'create', '--file', file], input);
      expect(refusal.code).to.equal(code);
      expect(refusal.error_description).to.match(words);
    }
  });

  const refusals: [what: string, words: string[], input: string, error: string, description: RegExp][] = [
    [
      'a redirect URI over plain http',
      ['--redirect-uri', 'http://app.example.com/cb'],
      '',
      'invalid_redirect_uri',
      /https/,
    ],
    ['a wildcard', ['--redirect-uri', 'https://*.example.com/cb'], '', 'invalid_redirect_uri', /wildcard/],
    ['no redirect URI', [], '', 'invalid_client_metadata', /redirect_uris/],
    [
      'an unknown member, with the nearest name',
      ['--file', '-'],
      '{"redirect_uri":["https://a.example/"]}',
      'invalid_client_metadata',
      /redirect_uri is not known; did you mean redirect_uris\?/,
    ],
    [
      'a secret of one’s own',
      ['--file', '-', ...CALLBACK],
      '{"client_secret":"chosen-by-me"}',
      'invalid_client_metadata',
      /^(?!.*chosen-by-me).*client_secret is not accepted/,
    ],
    [
      'the password grant',
      [...CALLBACK, '--grant-type', 'password'],
      '',
      'invalid_client_metadata',
      /authorization_code, refresh_token, client_credentials/,
    ],
    [
      'an API that is not registered',
      [...CALLBACK, '--resource-server', 'https://other.example'],
      '',
      'invalid_client_metadata',
      /not a registered API/,
    ],
    [
      'a name that rewrites the line',
      [...CALLBACK, '--name', 'a\u001b[2Kb'],
      '',
      'invalid_client_metadata',
      /client_name: must not contain control/,
    ],
  ];
  for (const [what, words, input, error, description] of refusals) {
    it(`create refuses ${what}`, async () => {
      const refusal = await bench.refusal(['clients', 'create', ...words], input);
      expect(refusal).to.include({ code: 1, error });
      expect(refusal.error_description).to.match(description);
    });
  }

  it('--ignore-unknown drops what is not known', async () => {
    const metadata = '{"redirect_uris":["https://a.example/cb"],"x-vendor-member":"x"}';
    expect(await create(['--file', '-', '--ignore-unknown'], metadata)).not.to.have.property(
      'x-vendor-member',
    );
  });

  it('refuses a client_id that is taken', async () => {
    await create([...CALLBACK, '--client-id', 'taken']);
    const refusal = await bench.refusal(['clients', 'create', ...CALLBACK, '--client-id', 'taken']);
    expect(refusal).to.include({ code: 1, error: 'invalid_client_metadata' });
    expect(refusal.error_description).to.equal('client_id taken is taken');
  });

  it('generates no client_id that a command line would take for an option', async () => {
    const rooms = await bench.openRooms();
    try {
      // Of 400 that may begin with any letter of base64url, none with a hyphen in front is a chance of 0.2 %.
      for (let count = 0; count < 400; count += 1) {
        const created = await rooms.clients.create({ grant_types: ['client_credentials'] });
        if (created.outcome === 'refused') throw new Error(created.description);
        const { clientId } = created.client;
        expect(clientId).to.match(/^\w[\w-]{21}$/);
        await rooms.clients.delete(clientId);
      }
    } finally {
      await rooms.close();
    }
  });

  it('list shows a line for each', async () => {
    const { stdout } = await bench.run(['clients', 'list']);
    expect(stdout).to.match(/^CLIENT ID +NAME +AUTHENTICATION +GRANTS +REGISTERED BY +CREATED\n/);
    expect(stdout).to.match(
      /^notes\.web +Notes +private_key_jwt +authorization_code refresh_token +operator +20/m,
    );
    const listed = await bench.json<Registration[]>(['clients', 'list']);
    expect(stdout.trimEnd().split('\n')).to.have.length(listed.length + 1);
  });

  it('update merges, removes with null, and replaces when it is told to', async () => {
    const { client_id: id } = await create([...CALLBACK, '--name', 'Before', '--contact', 'a@example.com']);
    const merged = await bench.json(
      ['clients', 'update', id, '--name', 'After', '--file', '-'],
      '{"contacts":null}',
    );
    expect(merged).to.include({ client_name: 'After' });
    expect(merged).not.to.have.any.keys('contacts', 'client_secret');
    expect(merged.redirect_uris).to.deep.equal(['https://app.example.com/cb']);
    const words = ['clients', 'update', id, '--replace', '--redirect-uri', 'https://b.example/cb'];
    const replaced = await bench.json(words);
    expect(replaced).not.to.have.property('client_name');
    expect(replaced.redirect_uris).to.deep.equal(['https://b.example/cb']);
    const refusal = await bench.refusal(['clients', 'update', id, '--redirect-uri', 'https://b.example/#']);
    expect(refusal).to.include({ code: 1, error: 'invalid_redirect_uri' });
    expect(await bench.json(['clients', 'show', id])).to.deep.equal(replaced);
  });

  it('update answers the secret that a change made necessary', async () => {
    const { client_id: id } = await create([...CALLBACK, '--public']);
    const updated = await bench.json<Registration>([
      ...['clients', 'update', id, '--token-endpoint-auth-method', 'client_secret_post'],
    ]);
    expect(updated.client_secret).to.match(/^[\w-]{43}$/);
  });

  it('rotate-secret prints another secret', async () => {
    const { client_id: id, client_secret: former } = await create();
    const rotated = await bench.json<Registration>(['clients', 'rotate-secret', id]);
    expect(rotated.client_secret)
      .to.match(/^[\w-]{43}$/)
      .and.not.equal(former);
  });

  it('delete ends it', async () => {
    const { client_id: id } = await create();
    expect(await bench.json(['clients', 'delete', id])).to.deep.equal({ deleted: true, client_id: id });
    for (const command of ['show', 'update', 'rotate-secret', 'delete']) {
      const { code, stdout, stderr } = await bench.run(['clients', command, id]);
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.equal(`latchkey: there is no client ${id}\n`);
    }
  });

  it('prints no control character that metadata smuggled in', async () => {
    const jwks = { keys: [{ kty: 'EC', crv: 'P-256', x: 'x', y: 'y', kid: 'k\u009b31m\u202e' }] };
    const metadata = { redirect_uris: ['https://a.example/cb'], jwks };
    const words = ['clients', 'create', '--file', '-', '--token-endpoint-auth-method', 'private_key_jwt'];
    for (const json of [[], ['--json']]) {
      const { stdout } = await bench.run([...words, ...json], JSON.stringify(metadata));
      expect(stdout).not.to.match(/[\u0080-\u009f\u202a-\u202e]/);
      expect(JSON.parse(stdout)).to.deep.include({ jwks });
    }
  });
});
