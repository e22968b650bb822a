import { expect } from 'chai';
import { CliBench } from './cli-bench.ts';

const IDENTIFIER = 'https://api.example.com/notes';

describe('latchkey apis', () => {
  const bench = new CliBench();
  after(() => bench.close());

  it('create prints what was registered, with its defaults', async () => {
    const created = await bench.json([
      'apis',
      'create',
      '--identifier',
      IDENTIFIER,
      '--scopes',
      'read, write,read',
    ]);
    const { created_at: createdAt, updated_at: updatedAt, ...rest } = created;
    expect(rest).to.deep.equal({
      identifier: IDENTIFIER,
      name: null,
      scopes: ['read', 'write'],
      scope_descriptions: {},
      authorization_details_types: {},
      token_format: 'jwt',
      algorithm: 'ES256',
      lifetime: null,
    });
    expect(createdAt)
      .to.equal(updatedAt)
      .and.match(/^\d{4}-.*Z$/);
  });

  it('create takes every setting, and tells people in lines', async () => {
    const { code, stdout, stderr } = await bench.run([
      ...['apis', 'create', '--identifier', 'https://other.example', '--name', 'Other', '--scopes', 'a'],
      ...['--token-format', 'opaque', '--algorithm', 'RS256', '--lifetime', '120'],
      ...['--scope-description', 'a=See a = b'],
    ]);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    for (const line of [
      /^name +Other$/m,
      /^token_format +opaque$/m,
      /^algorithm +RS256$/m,
      /^lifetime +120$/m,
      /^scope a +See a = b$/m,
    ]) {
      expect(stdout).to.match(line);
    }
  });

  for (const [what, words, code, error, description] of [
    ['an identifier that is taken', ['--identifier', IDENTIFIER], 1, 'conflict', /registered already/],
    ['an identifier with a fragment', ['--identifier', 'https://a.example/#x'], 1, 'invalid_api', /fragment/],
    ['an identifier that is no URI', ['--identifier', 'notes'], 1, 'invalid_api', /absolute URI/],
    [
      'a description of another scope',
      ['--identifier', 'https://a.example', '--scopes', 'read', '--scope-description', 'raed=See it'],
      1,
      'invalid_api',
      /raed is not one of the scopes/,
    ],
    [
      'a scope of OpenID Connect',
      ['--identifier', 'https://a.example', '--scopes', 'openid'],
      1,
      'invalid_api',
      /scopes of OpenID Connect/,
    ],
    [
      'an algorithm without keys',
      ['--identifier', 'https://a.example', '--algorithm', 'HS256'],
      1,
      'invalid_api',
      /RS256, ES256/,
    ],
    [
      'an unknown token format',
      ['--identifier', 'https://a.example', '--token-format', 'saml'],
      1,
      'invalid_api',
      /jwt, opaque/,
    ],
    [
      'a life of a week',
      ['--identifier', 'https://a.example', '--lifetime', '604800'],
      1,
      'invalid_api',
      /86400/,
    ],
    [
      'a life in words',
      ['--identifier', 'https://a.example', '--lifetime', 'long'],
      2,
      'usage',
      /whole number/,
    ],
    ['no identifier', ['--scopes', 'a'], 2, 'usage', /--identifier/],
  ] as const) {
    it(`create refuses ${what}`, async () => {
      const refusal = await bench.refusal(['apis', 'create', ...words]);
      expect(refusal).to.include({ code, error });
      expect(refusal.error_description).to.match(description);
    });
  }

  it('list shows all of them', async () => {
    const { stdout } = await bench.run(['apis', 'list']);
    expect(stdout).to.match(/^IDENTIFIER +NAME +SCOPES +FORMAT +ALGORITHM +LIFETIME\n/);
    expect(stdout).to.match(/^https:\/\/api\.example\.com\/notes +- +read write +jwt +ES256 +default$/m);
    expect(stdout).to.match(/^https:\/\/other\.example +Other +a +opaque +RS256 +120 s$/m);
    const listed = await bench.json<{ identifier: string }[]>(['apis', 'list']);
    expect(listed.map(({ identifier }) => identifier)).to.deep.equal([IDENTIFIER, 'https://other.example']);
  });

  it('update changes what is given and nothing else', async () => {
    const updated = await bench.json(['apis', 'update', IDENTIFIER, '--scopes', 'read', '--lifetime', '60']);
    expect(updated).to.deep.include({ scopes: ['read'], lifetime: 60, token_format: 'jwt', name: null });
    const refusal = await bench.refusal(['apis', 'update', IDENTIFIER, '--lifetime', '0']);
    expect(refusal).to.include({ code: 1, error: 'invalid_api' });
    expect(await bench.refusal(['apis', 'update', 'https://no.example', '--name', 'x'])).to.include({
      code: 1,
      error: 'not_found',
    });
  });

  it('delete ends it', async () => {
    const words = ['apis', 'delete', 'https://other.example'];
    expect(await bench.json(words)).to.deep.equal({ deleted: true, identifier: 'https://other.example' });
    const { code, stderr } = await bench.run(words);
    expect({ code, stderr }).to.deep.equal({
      code: 1,
      stderr: 'latchkey: there is no API https://other.example\n',
    });
  });
});
