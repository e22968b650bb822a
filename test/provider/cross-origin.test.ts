import { expect } from 'chai';
import fc from 'fast-check';
import type { Client, KoaContextWithOIDC } from 'oidc-provider';
import { allowCrossOrigin } from '../../lib/provider/cross-origin.ts';

const allows = (redirectUris: string[] | undefined, origin: string) =>
  allowCrossOrigin({} as KoaContextWithOIDC, origin, { redirectUris } as unknown as Client);

describe('origins that may call for a client', () => {
  it('are those of its redirect URIs', () => {
    const uris = [
      'https://app.example.com/callback',
      'http://localhost:8080/cb',
      'https://app.example.com:8443/',
    ];
    for (const uri of uris) expect(allows(uris, new URL(uri).origin)).to.equal(true);
    for (const origin of [
      'https://app.example.com:443',
      'http://app.example.com',
      'http://localhost',
      '',
      '*',
    ]) {
      expect(allows(uris, origin), origin).to.equal(false);
    }
  });

  it('are none for a native application’s own scheme: every sandboxed page has the origin null', () => {
    expect(allows(['com.example.app:/callback'], 'null')).to.equal(false);
  });

  it('are none for a client without redirect URIs', () => {
    expect(allows([], 'https://app.example.com')).to.equal(false);
    expect(allows(undefined, 'https://app.example.com')).to.equal(false);
  });

  it('property: only the exact origin', () => {
    fc.assert(
      fc.property(fc.webUrl(), fc.webUrl(), (uri, other) => {
        const { origin } = new URL(uri);
        return allows([uri], new URL(other).origin) === (new URL(other).origin === origin);
      }),
    );
  });
});
