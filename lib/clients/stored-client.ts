import type { Database } from '../database/database.ts';
import type { ClientsTable } from '../database/tables/clients.ts';
import { needsMac, sealingContext, secretPlaceholder, usesSecret } from './client-secret.ts';
import { configurationProblem, type MetadataPolicy } from './configuration-problem.ts';
import type { ClientMetadata } from './metadata/client-metadata.ts';
import { isLocalized } from './metadata/localized-metadata.ts';
import { profileOf } from './metadata/profile-metadata.ts';
import { OPENID_SCOPES } from './scope.ts';

/** An application as it is registered. */
export interface StoredClient {
  clientId: string;
  /** RFC 7591 metadata with its defaults, without `client_id` and `client_secret`. */
  metadata: Readonly<ClientMetadata>;
  /** The scopes it is registered for; undefined when it may ask for any. */
  scopes: ReadonlySet<string> | undefined;
  /** What the protocol engine is told: the same object as long as nothing changes, its members in one order. */
  engineMetadata: Readonly<Record<string, unknown>>;
  /** SHA-256 of the secret in base64url; null when it has none. */
  secretDigest: string | null;
  /**
   * Who says what it is: the operator who registered it, or itself, by a registration of its own (RFC 7591) or by a document at
   * the address that is its client_id. Whoever is asked for consent is told so.
   */
  origin: 'operator' | 'registration' | 'document';
  /** SHA-256 of the token that manages its registration (RFC 7592) in base64url; null when there is none. */
  registrationTokenDigest: string | null;
  /** Why it cannot be used as the provider is configured now; undefined when it can. */
  problem: string | undefined;
  /** Unix time, ms. */
  createdAt: number;
  updatedAt: number;
}

/**
 * Reads rows of the clients table. `secretUnreadable` is told of a sealed secret that does not open; such a client
 * cannot authenticate, and everything else goes on.
 */
export function createClientReader(
  database: Database,
  policy: MetadataPolicy,
  secretUnreadable: (clientId: string, error: unknown) => void,
): (row: ClientsTable) => StoredClient {
  const placeholderKey = database.sealer.derive('client-secret-placeholder');
  return (row) => {
    const metadata = JSON.parse(row.metadata) as ClientMetadata;
    const { client_id: clientId, secret_digest: secretDigest } = row;
    const { engineMetadata, scopes } = describeToEngine(clientId, metadata, policy);
    if (usesSecret(metadata) && secretDigest !== null) {
      engineMetadata.client_secret = secretPlaceholder(placeholderKey, clientId, secretDigest);
      if (needsMac(metadata) && row.secret_sealed !== null) {
        try {
          engineMetadata.client_secret = database.sealer
            .open(row.secret_sealed, sealingContext(clientId))
            .toString('utf8');
        } catch (error) {
          secretUnreadable(clientId, error);
        }
      }
    }
    return {
      clientId,
      metadata: Object.freeze(metadata),
      scopes,
      engineMetadata: Object.freeze(engineMetadata),
      secretDigest,
      origin: row.origin === 'registration' ? 'registration' : 'operator',
      registrationTokenDigest: row.registration_token_digest,
      problem: configurationProblem(metadata, policy),
      createdAt: row.created_at,
      updatedAt: row.updated_at,
    };
  };
}

/** What the engine is told of a client, without its secret, and the scopes that it is registered for. */
export function describeToEngine(
  clientId: string,
  metadata: ClientMetadata,
  policy: MetadataPolicy,
): { engineMetadata: Record<string, unknown>; scopes: ReadonlySet<string> | undefined } {
  const engineMetadata: Record<string, unknown> = { client_id: clientId, ...metadata };
  // Members that inform people only, and are nothing to the engine.
  delete engineMetadata.software_id;
  delete engineMetadata.software_version;
  delete engineMetadata.accent_color;
  for (const member of Object.keys(metadata)) if (isLocalized(member)) delete engineMetadata[member];
  // What lib/provider asks for itself.
  delete engineMetadata.token_exchange;
  delete engineMetadata.may_act;
  delete engineMetadata.authorization_details_types;
  // The server's profile is every client's.
  const profile = profileOf(metadata, policy);
  if (profile !== undefined) engineMetadata.profile = profile;
  const scopes = metadata.scope === undefined ? undefined : new Set(metadata.scope.split(' '));
  if (scopes !== undefined) engineMetadata.scope = engineScope(scopes);
  return { engineMetadata, scopes };
}

/**
 * The engine knows the scopes of OpenID alone and refuses a client that lists others; those of APIs are checked where
 * an API is named. A client with API scopes alone is left with `openid`, the least that the engine can be told.
 */
function engineScope(scopes: ReadonlySet<string>): string {
  const known = [...scopes].filter((scope) => OPENID_SCOPES.has(scope));
  return known.length === 0 ? 'openid' : known.join(' ');
}
