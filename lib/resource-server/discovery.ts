import { secureUrl } from './secure-url.ts';

/**
 * Finds an issuer's key set by its metadata: OpenID Connect Discovery §4 first, then RFC 8414 §3, which puts the
 * well-known path before the issuer's own.
 *
 * @param read fetches a URL and answers its JSON object, or rejects.
 * @throws {Error} when neither document can be read, names this issuer, and points to a key set over https.
 */
export async function discoverJwksUri(
  issuer: string,
  read: (url: string) => Promise<Readonly<Record<string, unknown>>>,
): Promise<string> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  const metadata = await read(`${origin}${path}/.well-known/openid-configuration`).catch((first: unknown) =>
    read(`${origin}/.well-known/oauth-authorization-server${path}`).catch(() => {
      throw first;
    }),
  );
  // RFC 8414 §3.3: else whoever serves this address could speak for another issuer.
  if (metadata.issuer !== issuer) {
    throw new Error(`the metadata of ${issuer} names another issuer: ${JSON.stringify(metadata.issuer)}`);
  }
  if (typeof metadata.jwks_uri !== 'string') throw new Error(`the metadata of ${issuer} names no jwks_uri`);
  return secureUrl(metadata.jwks_uri, 'jwks_uri');
}
