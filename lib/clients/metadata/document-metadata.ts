import type { Configuration } from '../../../config/configuration.ts';
import { leadsToOwnDevice } from '../redirect-uri.ts';
import { allowedOf, isOwnMember, registrationProblem } from '../registration-policy.ts';
import {
  type ClientMetadata,
  checkMetadata,
  type MetadataRefusal,
  refuseMetadata,
} from './client-metadata.ts';

/** What an application that nobody registered may do: let people sign in, and stay signed in. */
const GRANT_TYPES = ['authorization_code', 'refresh_token'];
const AUTHENTICATION_METHODS = ['none', 'private_key_jwt'];
const LINKS = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri', 'jwks_uri', 'initiate_login_uri'];

type DocumentConfiguration = Pick<Configuration, 'clientDocuments' | 'branding' | 'keys' | 'features'>;

/** A program of somebody's own device says so by its addresses, where it does not say it in so many words (RFC 8252 §7). */
function isNative(redirectUris: unknown): boolean {
  return (
    Array.isArray(redirectUris) &&
    redirectUris.some((uri) => typeof uri === 'string' && leadsToOwnDevice(uri))
  );
}

/**
 * What a client ID metadata document says of the client whose id is its address (draft §4): exactly that id, no secret and no
 * method that would need one. Grant types, response types and scopes that it may not have here are left out, since the
 * document is for every provider; members that are not the application's to say are not heard.
 */
export function readClientDocument(
  address: string,
  document: unknown,
  configuration: DocumentConfiguration,
): { outcome: 'read'; metadata: ClientMetadata } | MetadataRefusal {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) {
    return refuseMetadata('the client ID metadata document must be a JSON object');
  }
  const given = document as Record<string, unknown>;
  if (given.client_id !== address) {
    return refuseMetadata(
      'client_id in the client ID metadata document must be its address, letter by letter',
    );
  }
  if (given.client_secret !== undefined || given.client_secret_expires_at !== undefined) {
    return refuseMetadata('a client ID metadata document must not hold a secret');
  }
  const link = LINKS.find((member) => given[member] !== undefined && !/^https:/.test(String(given[member])));
  if (link !== undefined) return refuseMetadata(`${link} must use https`);
  const { scopes } = configuration.clientDocuments;
  const own = Object.entries(given).filter(([member, value]) => isOwnMember(member) && value !== null);
  const responseTypes = allowedOf(given.response_types, ['code']);
  const asked = given.scope === undefined ? scopes : allowedOf(given.scope, scopes);
  const checked = checkMetadata(
    {
      ...Object.fromEntries(own),
      application_type: given.application_type ?? (isNative(given.redirect_uris) ? 'native' : undefined),
      token_endpoint_auth_method: given.token_endpoint_auth_method ?? 'none',
      grant_types: allowedOf(given.grant_types, GRANT_TYPES) ?? given.grant_types,
      response_types: responseTypes ?? given.response_types,
      scope: asked === undefined ? given.scope : asked.join(' ') || scopes.join(' '),
    },
    configuration,
    'ignore',
  );
  if (checked.outcome === 'refused') return checked;
  const policy = {
    scopes,
    grantTypes: GRANT_TYPES,
    authenticationMethods: AUTHENTICATION_METHODS,
    redirectHosts: [],
    providerName: configuration.branding.name,
  };
  return registrationProblem(checked.metadata, policy) ?? { outcome: 'read', metadata: checked.metadata };
}
