import { z } from 'zod';
import type { Configuration } from '../../config/configuration.ts';
import { canonicalLogin } from '../accounts/canonical-login.ts';
import { validateClaims } from '../accounts/claims.ts';
import { digestSecret, needsMac, sealingContext } from '../clients/client-secret.ts';
import { checkMetadata } from '../clients/metadata/client-metadata.ts';
import type { DirectoryRows, PersonRow } from '../database/backup/directory-transfer.ts';
import { SealError, type Sealer } from '../database/sealer.ts';
import type { ApisTable, ClientsTable } from '../database/tables/clients.ts';
import { passkeyDocument, readPasskey, writePasskey } from './passkey-document.ts';
import { readSecondFactors, secondFactorDocument, writeSecondFactors } from './second-factor-document.ts';
import { upstreamIdentityDocument, writeUpstreamIdentity } from './upstream-identity-document.ts';

const FORMAT = 'latchkey-directory';
const VERSION = 1;

const moment = z.iso.datetime({ precision: 3 }).transform((text) => Date.parse(text));
const record = z.record(z.string(), z.unknown());

const person = z.strictObject({
  sub: z.string().min(1).max(255),
  login: z.string(),
  disabled: z.boolean(),
  claims: record,
  password: z
    .strictObject({
      hash: z.string().regex(/^\$argon2id\$v=19\$/, 'must be argon2id in PHC form'),
      changed_at: moment,
    })
    .nullable(),
  created_at: moment,
  updated_at: moment,
});

const client = z.strictObject({
  client_id: z.string(),
  metadata: record,
  secret_digest: z.base64url().length(43).nullable(),
  secret: z.string().min(1).optional(),
  origin: z.enum(['operator', 'registration']).default('operator'),
  registration_token_digest: z.base64url().length(43).nullable().default(null),
  last_used_at: moment.nullable().default(null),
  created_at: moment,
  updated_at: moment,
});

const api = z.strictObject({
  identifier: z.url(),
  name: z.string().nullable(),
  scopes: z.array(z.string()),
  scope_descriptions: z.record(z.string(), z.string()),
  authorization_details_types: z.record(z.string(), z.unknown()).default({}),
  token_format: z.enum(['jwt', 'opaque']),
  algorithm: z.string(),
  lifetime: z.int().positive().nullable(),
  created_at: moment,
  updated_at: moment,
});

/** A directory as one JSON document. Times are ISO 8601 with milliseconds; nothing of it depends on the kind of store. */
const documentSchema = z.strictObject({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  issuer: z.string(),
  exported_at: moment,
  people: z.array(person),
  clients: z.array(client),
  apis: z.array(api),
  passkeys: z.array(passkeyDocument).default([]),
  second_factors: secondFactorDocument.default({ totp: [], recovery_codes: [] }),
  upstream_identities: z.array(upstreamIdentityDocument).default([]),
});

export type DirectoryDocument = z.input<typeof documentSchema>;

const iso = (milliseconds: number): string => new Date(milliseconds).toISOString();
const lifeOf = (row: { created_at: number; updated_at: number }) => ({
  created_at: iso(row.created_at),
  updated_at: iso(row.updated_at),
});

/** What only those have that registered themselves. */
function registrationOf(row: ClientsTable): Partial<DirectoryDocument['clients'][number]> {
  if (row.origin !== 'registration') return {};
  return {
    origin: 'registration',
    registration_token_digest: row.registration_token_digest,
    ...(row.last_used_at === null ? {} : { last_used_at: iso(Number(row.last_used_at)) }),
  };
}

/**
 * The document of these rows. A secret that is kept for a MAC is in it only when a sealer is given to open it with.
 * `unreadable`: the clients and people whose secret does not open.
 */
export function writeDocument(
  rows: DirectoryRows,
  options: { issuer: string; now: number; sealer?: Sealer | undefined },
): { document: DirectoryDocument; unreadable: string[]; withheld: string[] } {
  const { issuer, now, sealer } = options;
  const unreadable: string[] = [];
  const withheld: string[] = [];
  const secretOf = ({ client_id: clientId, secret_sealed: sealed }: ClientsTable): { secret?: string } => {
    if (sealed === null) return {};
    if (sealer === undefined) {
      withheld.push(clientId);
      return {};
    }
    try {
      return { secret: sealer.open(sealed, sealingContext(clientId)).toString('utf8') };
    } catch (error) {
      if (!(error instanceof SealError)) throw error;
      unreadable.push(clientId);
      return {};
    }
  };
  const factors = writeSecondFactors(rows.secondFactors, sealer);
  unreadable.push(...factors.unreadable);
  const document: DirectoryDocument = {
    format: FORMAT,
    version: VERSION,
    issuer,
    exported_at: iso(now),
    people: rows.people.map(({ password, ...row }) => ({
      sub: row.sub,
      login: row.login,
      disabled: row.disabled !== 0,
      claims: JSON.parse(row.claims) as Record<string, unknown>,
      password: password === null ? null : { hash: password.hash, changed_at: iso(password.changed_at) },
      ...lifeOf(row),
    })),
    clients: rows.clients.map((row) => ({
      client_id: row.client_id,
      metadata: JSON.parse(row.metadata) as Record<string, unknown>,
      secret_digest: row.secret_digest,
      ...secretOf(row),
      ...registrationOf(row),
      ...lifeOf(row),
    })),
    apis: rows.apis.map((row) => ({
      identifier: row.identifier,
      name: row.name,
      scopes: JSON.parse(row.scopes) as string[],
      scope_descriptions: JSON.parse(row.scope_descriptions) as Record<string, string>,
      authorization_details_types: JSON.parse(row.authorization_details_types) as Record<string, unknown>,
      token_format: row.token_format as 'jwt',
      algorithm: row.algorithm,
      lifetime: row.lifetime,
      ...lifeOf(row),
    })),
    passkeys: rows.passkeys.map(writePasskey),
    second_factors: factors.document,
    upstream_identities: rows.identities.map(writeUpstreamIdentity),
  };
  return { document, unreadable, withheld };
}

export type ReadDocument =
  | { outcome: 'read'; rows: DirectoryRows; issuer: string; withoutSecret: string[] }
  | { outcome: 'refused'; description: string };

/**
 * The rows of a document, held to the same rules as what the other commands take, under this configuration. Secrets are sealed
 * for this installation. `withoutSecret`: clients that need a secret which the document does not hold.
 */
export function readDocument(
  given: unknown,
  options: { sealer: Sealer; configuration: Pick<Configuration, 'keys' | 'features'> },
): ReadDocument {
  const parsed = documentSchema.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const place = issue?.path.join('.') || 'it';
    return { outcome: 'refused', description: `${place}: ${issue?.message ?? 'is not valid'}` };
  }
  const { people, clients, apis, passkeys, second_factors: secondFactors, issuer } = parsed.data;
  const { upstream_identities: identities } = parsed.data;
  const withoutSecret: string[] = [];
  const problems = [
    ...repeated(people.map(({ login }) => `the login ${login}`)),
    ...repeated(people.map(({ sub }) => `the sub ${sub}`)),
    ...repeated(clients.map(({ client_id: id }) => `the client ${id}`)),
    ...repeated(apis.map(({ identifier }) => `the API ${identifier}`)),
    ...repeated(passkeys.map(({ credential_id: id }) => `the passkey ${id}`)),
    ...repeated(identities.map(({ issuer: there, subject }) => `${subject} at ${there}`)),
    ...people.flatMap(personProblems),
    ...clients.flatMap((each) => clientProblems(each, options.configuration)),
    ...apis
      .filter(({ algorithm }) => !(options.configuration.keys.algorithms as string[]).includes(algorithm))
      .map(({ identifier, algorithm }) => `API ${identifier}: ${algorithm} is not among keys.algorithms`),
  ];
  const [first] = problems;
  if (first !== undefined) {
    const more = problems.length > 1 ? `; and ${problems.length - 1} more` : '';
    return { outcome: 'refused', description: `${first}${more}` };
  }
  const clientRows = clients.map((each): ClientsTable => {
    const { client_id: clientId, metadata, secret, secret_digest: digest } = each;
    const sealed = secret === undefined ? null : options.sealer.seal(secret, sealingContext(clientId));
    if (sealed === null && needsMac(metadata as never)) withoutSecret.push(clientId);
    return {
      client_id: clientId,
      metadata: JSON.stringify(metadata),
      secret_digest: digest,
      secret_sealed: sealed,
      origin: each.origin,
      registration_token_digest: each.registration_token_digest,
      last_used_at: each.last_used_at,
      created_at: each.created_at,
      updated_at: each.updated_at,
    };
  });
  const rows = {
    people: people.map(personRow),
    clients: clientRows,
    apis: apis.map(apiRow),
    passkeys: passkeys.map(readPasskey),
    secondFactors: readSecondFactors(secondFactors, options.sealer),
    identities,
  };
  return { outcome: 'read', rows, issuer, withoutSecret };
}

function repeated(names: string[]): string[] {
  const seen = new Set<string>();
  return names.filter((name) => seen.size === seen.add(name).size).map((name) => `${name} is in it twice`);
}

function personProblems({ login, claims }: z.output<typeof person>): string[] {
  const canonical = canonicalLogin(login);
  if (canonical.outcome === 'refused') return [`person ${login}: ${canonical.description}`];
  if (canonical.login !== login) return [`person ${login}: the canonical form is ${canonical.login}`];
  const validation = validateClaims(claims);
  return validation.outcome === 'invalid' ? [`person ${login}: ${validation.description}`] : [];
}

function clientProblems(
  { client_id: clientId, metadata, secret, secret_digest: digest }: z.output<typeof client>,
  configuration: Pick<Configuration, 'keys' | 'features'>,
): string[] {
  const checked = checkMetadata({ ...metadata, client_id: clientId }, configuration);
  if (checked.outcome === 'refused') return [`client ${clientId}: ${checked.description}`];
  if (secret !== undefined && digestSecret(secret) !== digest) {
    return [`client ${clientId}: secret and secret_digest do not belong together`];
  }
  return [];
}

function personRow({ disabled, claims, ...row }: z.output<typeof person>): PersonRow {
  return { ...row, disabled: disabled ? 1 : 0, claims: JSON.stringify(claims) };
}

function apiRow({
  scopes,
  scope_descriptions,
  authorization_details_types,
  ...row
}: z.output<typeof api>): ApisTable {
  return {
    ...row,
    scopes: JSON.stringify(scopes),
    scope_descriptions: JSON.stringify(scope_descriptions),
    authorization_details_types: JSON.stringify(authorization_details_types),
  };
}
