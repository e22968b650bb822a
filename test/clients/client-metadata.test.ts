import { expect } from 'chai';
import fc from 'fast-check';
import { checkMetadata } from '../../lib/clients/metadata/client-metadata.ts';
import { redirectUriProblem } from '../../lib/clients/redirect-uri.ts';
import { configuration } from './client-bench.ts';

const redirect_uris = ['https://app.example/cb'];
const check = (metadata: unknown) => checkMetadata(metadata, configuration);

describe('redirect URIs', () => {
  for (const [type, uri] of [
    ['web', 'https://app.example/cb'],
    ['web', 'https://app.example'],
    ['web', 'https://app.example:8443/cb?tenant=1'],
    ['web', 'http://localhost:3000/cb'],
    ['web', 'http://127.0.0.1/cb'],
    ['web', 'http://[::1]:5000/cb'],
    ['web', 'https://localhost:3000/cb'],
    ['native', 'https://app.example/cb'],
    ['native', 'http://127.0.0.1/cb'],
    ['native', 'com.example.app:/cb'],
    ['native', 'com.example.app://cb'],
  ] as const) {
    it(`accept ${uri} for ${type} applications`, () => {
      expect(redirectUriProblem(uri, type)).to.equal(undefined);
    });
  }

  for (const uri of [
    'http://app.example/cb',
    'http://127.0.0.1.evil.example/cb',
    'http://localhost.evil.example/cb',
    'https://app.example/cb#fragment',
    'https://app.example/cb#',
    'https://*.example/cb',
    'https://app.example/*',
    'https://user@app.example/cb',
    'https://user:pass@app.example/cb',
    'https://@app.example/cb',
    'https:app.example/cb',
    'https:\\\\app.example\\cb',
    'https:///app.example/cb',
    'HTTPS://app.example/cb',
    'https://APP.example/cb',
    'https://app.example:443/cb',
    'https://app.example/a/../cb',
    'https://app.example/a/%2e%2e/cb',
    'https://app.example/a/.%2E/cb',
    'https://app.example/c b',
    ' https://app.example/cb',
    'https://app.example/cb\n',
    'https://app.exämple/cb',
    'https://2130706433/cb',
    'http://127.1/cb',
    'http://0.0.0.0/cb',
    'javascript:alert(1)',
    'JavaScript:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,x',
    'vbscript:x',
    'file:///etc/passwd',
    'blob:https://app.example/x',
    'about:blank',
    'myapp:/cb',
    'urn:ietf:wg:oauth:2.0:oob',
    '/cb',
    'app.example/cb',
    '',
    `https://app.example/${'a'.repeat(2048)}`,
  ]) {
    it(`refuse ${JSON.stringify(uri.slice(0, 60))} for either type`, () => {
      for (const type of ['web', 'native'] as const) {
        expect(redirectUriProblem(uri, type), type).to.be.a('string');
      }
    });
  }

  it('refuse private-use schemes for web, and https on loopback for native applications', () => {
    expect(redirectUriProblem('com.example.app:/cb', 'web')).to.include('native');
    expect(redirectUriProblem('https://localhost/cb', 'native')).to.include('http');
  });

  it('property: what is accepted is an exact, absolute, visible URI that goes where it seems to', () => {
    const hosts = fc.constantFrom(
      'app.example',
      'localhost',
      '127.0.0.1',
      '[::1]',
      '*.example',
      'user@app.example',
      '',
    );
    const built = fc
      .tuple(
        fc.constantFrom(
          'https:',
          'http:',
          'javascript:',
          'data:',
          'com.example.app:',
          'myapp:',
          'HTTPS:',
          '',
        ),
        fc.constantFrom('//', '/', '', '\\\\', '///'),
        hosts,
        fc.constantFrom('', ':80', ':443', ':3000', ':99999'),
        fc.constantFrom('', '/', '/cb', '/a/../b', '/%2e%2e/b', '/*', '/a b', '/ä'),
        fc.constantFrom('', '?a=b', '#', '#f', '?a#f'),
      )
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(
        fc.oneof(built, fc.string(), fc.webUrl()),
        fc.constantFrom('web' as const, 'native' as const),
        (uri, type) => {
          if (redirectUriProblem(uri, type) !== undefined) return;
          const parsed = new URL(uri);
          expect([uri, `${uri}/`]).to.include(parsed.href);
          expect(uri)
            .to.match(/^[\x21-\x7e]+$/)
            .and.not.match(/[#*\\]/);
          // Without // there is no authority, and an @ is a letter of the path.
          if (/^[^/]+:\/\//.test(uri)) expect(uri.split('/')[2]).to.not.include('@');
          expect(parsed.username + parsed.password + parsed.hash).to.equal('');
          if (parsed.protocol === 'http:')
            expect(['localhost', '127.0.0.1', '[::1]']).to.include(parsed.hostname);
          else if (parsed.protocol !== 'https:')
            expect([parsed.protocol.includes('.'), type]).to.deep.equal([true, 'native']);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('are named in the error code of RFC 7591', () => {
    expect(check({ redirect_uris: ['http://app.example/'] })).to.deep.equal({
      outcome: 'refused',
      error: 'invalid_redirect_uri',
      description: 'redirect_uris must use https (http is for loopback addresses alone): http://app.example/',
    });
    expect(check({ redirect_uris, post_logout_redirect_uris: ['javascript:x'] })).to.include({
      error: 'invalid_redirect_uri',
    });
  });
});

describe('client metadata', () => {
  it('takes client_credentials without redirect URIs, and assumes no response type for it', () => {
    const checked = check({ grant_types: ['client_credentials'] });
    expect(checked.outcome === 'valid' && checked.metadata).to.deep.include({
      response_types: [],
      redirect_uris: [],
    });
  });

  const longScope = Array.from({ length: 300 }, (_, index) => `scope${index}`).join(' ');
  const pem = { kty: 'EC', crv: 'P-256', x: 'x', y: 'y' };
  for (const [what, metadata, expected] of [
    ['something that is no object', 'text', 'must be a JSON object'],
    ['an array', [], 'must be a JSON object'],
    [
      'an unknown member, naming the nearest',
      { redirect_uri: redirect_uris },
      'redirect_uri is not known; did you mean redirect_uris?',
    ],
    ['a client secret', { redirect_uris, client_secret: 's' }, 'the provider generates secrets'],
    ['no redirect URI', {}, 'redirect_uris must have at least one item'],
    [
      'too many redirect URIs',
      { redirect_uris: Array.from({ length: 51 }, (_, i) => `https://app.example/${i}`) },
      'redirect_uris',
    ],
    ['an empty name', { redirect_uris, client_name: '' }, 'client_name'],
    ['a name of 101 characters', { redirect_uris, client_name: 'x'.repeat(101) }, 'client_name'],
    ['a name with a line break', { redirect_uris, client_name: 'a\nb' }, 'control or direction'],
    [
      'a name that turns its direction',
      { redirect_uris, client_name: 'Bank\u202egnirts' },
      'control or direction',
    ],
    ['a scope with a quote', { redirect_uris, scope: 'a"b' }, 'scope tokens'],
    ['a scope with two spaces', { redirect_uris, scope: 'a  b' }, 'scope tokens'],
    ['an endless scope', { redirect_uris, scope: longScope }, 'scope'],
    ['a client_id with a space', { redirect_uris, client_id: 'a b' }, 'client_id'],
    [
      'an unknown grant type',
      { redirect_uris, grant_types: ['password'] },
      'must be one of authorization_code',
    ],
    [
      'a code without its grant',
      { redirect_uris, grant_types: ['refresh_token'], response_types: ['code'] },
      'do not agree',
    ],
    [
      'a public client with client_credentials',
      { token_endpoint_auth_method: 'none', grant_types: ['client_credentials'] },
      'confidential',
    ],
    [
      'private_key_jwt without keys',
      { redirect_uris, token_endpoint_auth_method: 'private_key_jwt' },
      'needs jwks',
    ],
    [
      'keys twice',
      { redirect_uris, jwks: { keys: [pem] }, jwks_uri: 'https://app.example/jwks' },
      'exclude each other',
    ],
    ['a private key', { redirect_uris, jwks: { keys: [{ ...pem, d: 'd' }] } }, 'private key'],
    ['a symmetric key', { redirect_uris, jwks: { keys: [{ kty: 'oct', k: 'k' }] } }, 'must be one of RSA'],
    [
      'a signing algorithm without an assertion',
      { redirect_uris, token_endpoint_auth_signing_alg: 'RS256' },
      'alone',
    ],
    [
      'a MAC for a key',
      {
        redirect_uris,
        jwks: { keys: [pem] },
        token_endpoint_auth_method: 'private_key_jwt',
        token_endpoint_auth_signing_alg: 'HS256',
      },
      'does not go with',
    ],
    [
      'unsigned ID tokens',
      { redirect_uris, id_token_signed_response_alg: 'none' },
      'must be one of RS256, ES256',
    ],
    ['a logo over http', { redirect_uris, logo_uri: 'http://app.example/logo.png' }, 'must use https'],
    ['a policy in a script', { redirect_uris, policy_uri: 'javascript:alert(1)' }, 'must use https'],
    ['a name in no language', { redirect_uris, 'client_name#-': 'x' }, 'language tag'],
    [
      'a name in an endless language',
      { redirect_uris, [`client_name#${'a-'.repeat(99)}a`]: 'x' },
      'language tag',
    ],
    ['an invisible name in a language', { redirect_uris, 'client_name#de': 'a\u202eb' }, 'client_name#de'],
    [
      'a policy in a script, in a language',
      { redirect_uris, 'policy_uri#fr': 'javascript:a' },
      'must use https',
    ],
    ['what has no language', { redirect_uris, 'jwks_uri#de': 'https://app.example/' }, 'is not known'],
    ['a colour by name', { redirect_uris, accent_color: 'red' }, 'accent_color'],
    ['a contact that is none', { redirect_uris, contacts: ['nobody'] }, 'e-mail'],
    ['a grace of a year', { redirect_uris, refresh_token_grace: 31_536_000 }, 'refresh_token_grace'],
    ['an unknown response mode', { redirect_uris, response_modes: ['pigeon'] }, 'must be one of query'],
    ['more than 64 KiB', { redirect_uris, client_name: 'x'.repeat(70_000) }, '65536 bytes'],
    ['a prototype as a member', JSON.parse('{"__proto__": {"a": 1}, "redirect_uris": []}'), 'is not known'],
  ] as const) {
    it(`refuses ${what}`, () => {
      const checked = check(metadata);
      if (checked.outcome === 'valid') throw new Error('accepted');
      expect(checked.description).to.include(expected).and.not.include('\n');
    });
  }

  it('takes names and addresses by language, and spells the languages as BCP 47 does', () => {
    const checked = check({
      redirect_uris,
      'client_name#DE-at': 'Notizen',
      'tos_uri#zh-hans': 'https://app.example/',
    });
    expect(checked.outcome === 'valid' && checked.metadata).to.deep.include({
      'client_name#de-AT': 'Notizen',
      'tos_uri#zh-Hans': 'https://app.example/',
    });
  });

  it('drops what it does not know where dynamic registration wants that', () => {
    const checked = checkMetadata({ redirect_uris, 'x-vendor': 1 }, configuration, 'ignore');
    expect(checked.outcome === 'valid' && checked.metadata).to.not.have.property('x-vendor');
  });

  it('property: never throws, and refuses or gives a registration that it accepts again as it is', () => {
    const member = fc.constantFrom(
      'redirect_uris',
      'grant_types',
      'response_types',
      'scope',
      'client_name',
      'jwks',
      'contacts',
      'client_id',
      'logo_uri',
      'token_endpoint_auth_method',
      'response_modes',
      'application_type',
    );
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constant(redirect_uris),
      fc.constantFrom('none', 'native', 'web', 'openid', ['query'], ['code'], ['client_credentials']),
    );
    fc.assert(
      fc.property(fc.dictionary(member, value), (given) => {
        const checked = check(given);
        if (checked.outcome === 'refused') return;
        const again = check(checked.metadata);
        expect(again.outcome === 'valid' && again.metadata).to.deep.equal(checked.metadata);
      }),
      { numRuns: 1000 },
    );
  });
});
