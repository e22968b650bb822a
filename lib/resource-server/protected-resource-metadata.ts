import { secureUrl } from './secure-url.ts';

const WELL_KNOWN = '/.well-known/oauth-protected-resource';
/** How long (s) clients may keep the document. */
const MAX_AGE = 3600;

/** What an API says of itself; everything may be left out. */
export interface ResourceDescription {
  /** The identifier that clients name as `resource`. Default: the audience, which must then be such a URL. */
  resource?: string;
  /** Name shown to people. */
  name?: string;
  /** Page for developers. */
  documentation?: string;
  policyUri?: string;
  termsOfServiceUri?: string;
  /** Scopes that clients may ask for. */
  scopes?: readonly string[];
}

/** An answer that every kind of server can send. */
export interface MetadataResponse {
  status: number;
  headers: Record<string, string>;
  /** JSON text; empty for HEAD and for a method that is not possible. */
  body: string;
}

/** The metadata document of one API. */
export interface ProtectedResourceMetadata {
  /** Where it is, for `resource_metadata` in a challenge (RFC 9728 §5.1). */
  readonly url: string;
  /** The answer when the request is for the document, else undefined. `target` is a path or URL with its query. */
  respond(method: string, target: string): MetadataResponse | undefined;
}

/**
 * The document of RFC 9728 §2 for one API of one issuer, at the well-known path before the API's own (§3.1).
 *
 * @throws {TypeError} when the resource is not an https URL (or http on loopback) without query and fragment.
 */
export function createProtectedResourceMetadata(
  description: ResourceDescription,
  { issuer, audience }: { issuer: string; audience: string },
): ProtectedResourceMetadata {
  const resource = secureUrl(description.resource ?? audience, 'metadata.resource');
  const { origin, pathname, search, hash } = new URL(resource);
  if (search !== '' || hash !== '' || /[?#]/.test(resource)) {
    throw new TypeError(`metadata.resource must have neither query nor fragment: ${resource}`);
  }
  const path = `${WELL_KNOWN}${pathname === '/' ? '' : pathname}`;
  const { name, documentation, policyUri, termsOfServiceUri, scopes } = description;
  const body = JSON.stringify({
    resource,
    authorization_servers: [issuer],
    bearer_methods_supported: ['header'],
    ...(scopes === undefined ? {} : { scopes_supported: scopes }),
    ...(name === undefined ? {} : { resource_name: name }),
    ...(documentation === undefined ? {} : { resource_documentation: documentation }),
    ...(policyUri === undefined ? {} : { resource_policy_uri: policyUri }),
    ...(termsOfServiceUri === undefined ? {} : { resource_tos_uri: termsOfServiceUri }),
  });
  const headers = {
    'Content-Type': 'application/json',
    'Cache-Control': `public, max-age=${MAX_AGE}`,
    // Public, and asked for by applications in browsers before they have any token.
    'Access-Control-Allow-Origin': '*',
  };
  return {
    url: `${origin}${path}`,
    respond(method, target) {
      if (URL.parse(target, origin)?.pathname !== path) return undefined;
      if (method === 'GET' || method === 'HEAD') {
        return { status: 200, headers, body: method === 'GET' ? body : '' };
      }
      return { status: 405, headers: { Allow: 'GET, HEAD', 'Cache-Control': 'no-store' }, body: '' };
    },
  };
}
