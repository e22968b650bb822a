import { type Kysely, sql } from 'kysely';
import type { Database } from '../database.ts';
import type { DatabaseSchema } from '../schema.ts';
import type { AccountsTable } from '../tables/accounts.ts';
import type { ApisTable, ClientsTable } from '../tables/clients.ts';
import type { PasskeysTable } from '../tables/passkeys.ts';
import type { UpstreamIdentitiesTable } from '../tables/upstream-identities.ts';
import { addPasskeys, readPasskeys } from './passkey-transfer.ts';
import { addSecondFactors, readSecondFactors, type SecondFactorRows } from './second-factor-transfer.ts';
import { addUpstreamIdentities, readUpstreamIdentities } from './upstream-identity-transfer.ts';

type Query = Kysely<DatabaseSchema>;

/** A person with their password. */
export interface PersonRow extends AccountsTable {
  password: { hash: string; changed_at: number } | null;
}

/** Everything of a directory that an operator registered. Keys are not among it: each directory makes its own. */
export interface DirectoryRows {
  people: PersonRow[];
  clients: ClientsTable[];
  apis: ApisTable[];
  /** What people sign in with; each goes with its person. */
  passkeys: PasskeysTable[];
  secondFactors: SecondFactorRows;
  /** Who people are at other providers. */
  identities: UpstreamIdentitiesTable[];
}

export type Kind = Exclude<keyof DirectoryRows, 'passkeys' | 'secondFactors' | 'identities'>;

/** A row that is there already, and different, or whose name another one has. */
export interface TransferConflict {
  kind: Kind;
  name: string;
  description: string;
}

export interface Transfer {
  added: Record<Kind, number>;
  unchanged: Record<Kind, number>;
  /** How many were added. */
  passkeys: number;
  identities: number;
  /** People who got an authenticator app. */
  apps: number;
  /** What was left as it is in this directory. */
  conflicts: TransferConflict[];
}

const NOTHING = { people: 0, clients: 0, apis: 0 };

/** Rows of one statement: PostgreSQL and SQLite take some ten thousand parameters. */
const ROWS_AT_ONCE = 500;

function* chunks<Row>(rows: ReadonlyArray<Row>): Generator<Row[]> {
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) yield rows.slice(at, at + ROWS_AT_ONCE);
}

/** Reads a directory as it is at one moment; nobody waits for it. */
export function readDirectory({ kind, query }: Database): Promise<DirectoryRows> {
  if (kind === 'postgres') {
    return query
      .transaction()
      .setIsolationLevel('repeatable read')
      .setAccessMode('read only')
      .execute(readRows);
  }
  return query.connection().execute(async (connection) => {
    // Not as a transaction of Kysely, which takes the writers' lock.
    await sql`BEGIN DEFERRED`.execute(connection);
    try {
      return await readRows(connection);
    } finally {
      await sql`COMMIT`.execute(connection);
    }
  });
}

async function readRows(query: Query): Promise<DirectoryRows> {
  const accounts = await query
    .selectFrom('accounts')
    .leftJoin('passwords', 'passwords.sub', 'accounts.sub')
    .selectAll('accounts')
    .select(['passwords.hash', 'passwords.changed_at'])
    .orderBy('accounts.login')
    .execute();
  return {
    people: accounts.map(({ hash, changed_at: changedAt, ...account }) => ({
      ...account,
      password: hash === null ? null : { hash, changed_at: Number(changedAt) },
    })),
    clients: await query.selectFrom('clients').selectAll().orderBy('client_id').execute(),
    apis: await query.selectFrom('apis').selectAll().orderBy('identifier').execute(),
    passkeys: await readPasskeys(query),
    secondFactors: await readSecondFactors(query),
    identities: await readUpstreamIdentities(query),
  };
}

/**
 * Adds rows to a directory, all in one transaction. A row that is there and says the same is left alone, so that a repeated
 * transfer changes nothing. Where one says something else, nothing at all is added, unless `keepExisting`: then that one is
 * left out. With `pretend` nothing is written.
 */
export async function transferRows(
  database: Database,
  rows: DirectoryRows,
  options: { keepExisting: boolean; pretend: boolean },
): Promise<Transfer & { outcome: 'transferred' | 'refused' }> {
  return database.transaction(async (transaction) => {
    const present = await readPresent(transaction, rows);
    const sorted = sortOut(rows, present);
    const { conflicts, toAdd, unchanged } = sorted;
    const refuses = conflicts.length > 0 && !options.keepExisting;
    const added = { people: toAdd.people.length, clients: toAdd.clients.length, apis: toAdd.apis.length };
    if (refuses) {
      const nothing = { added: NOTHING, passkeys: 0, identities: 0, apps: 0 };
      return { outcome: 'refused', conflicts, unchanged, ...nothing };
    }
    if (!options.pretend) await add(database, transaction, toAdd);
    const leftOut = new Set(conflicts.map(({ kind, name }) => `${kind} ${name}`));
    const others = rows.people.filter(({ login }) => leftOut.has(`people ${login}`)).map(({ sub }) => sub);
    const theirs = rows.passkeys.filter(({ sub }) => !others.includes(sub));
    const passkeys = await addPasskeys(transaction, theirs, options);
    const { totp, recoveryCodes } = rows.secondFactors;
    const factors = {
      totp: totp.filter(({ sub }) => !others.includes(sub)),
      recoveryCodes: recoveryCodes.filter(({ sub }) => !others.includes(sub)),
    };
    const apps = await addSecondFactors(transaction, factors, options);
    const identities = await addUpstreamIdentities(
      transaction,
      rows.identities.filter(({ sub }) => !others.includes(sub)),
      options,
    );
    return { outcome: 'transferred', conflicts, unchanged, added, passkeys, identities, apps };
  });
}

/** What the directory holds under the names of these rows. */
interface Present {
  people: Map<string, PersonRow>;
  subOfLogin: Map<string, string>;
  clients: Map<string, ClientsTable>;
  apis: Map<string, ApisTable>;
}

async function readPresent(query: Query, rows: DirectoryRows): Promise<Present> {
  const present: Present = {
    people: new Map(),
    subOfLogin: new Map(),
    clients: new Map(),
    apis: new Map(),
  };
  for (const some of chunks(rows.people)) {
    const subs = some.map(({ sub }) => sub);
    const logins = some.map(({ login }) => login);
    const found = await query
      .selectFrom('accounts')
      .leftJoin('passwords', 'passwords.sub', 'accounts.sub')
      .selectAll('accounts')
      .select(['passwords.hash', 'passwords.changed_at'])
      .where((either) =>
        either.or([either('accounts.sub', 'in', subs), either('accounts.login', 'in', logins)]),
      )
      .execute();
    for (const { hash, changed_at: changedAt, ...account } of found) {
      const password = hash === null ? null : { hash, changed_at: Number(changedAt) };
      present.people.set(account.sub, { ...account, password });
      present.subOfLogin.set(account.login, account.sub);
    }
    await readClients(query, subs, present);
  }
  for (const some of chunks(rows.clients)) {
    const ids = some.map(({ client_id: id }) => id);
    await readClients(query, ids, present);
    const people = await query.selectFrom('accounts').selectAll().where('sub', 'in', ids).execute();
    for (const account of people) {
      if (!present.people.has(account.sub)) present.people.set(account.sub, { ...account, password: null });
    }
  }
  for (const some of chunks(rows.apis)) {
    const identifiers = some.map(({ identifier }) => identifier);
    const found = await query.selectFrom('apis').selectAll().where('identifier', 'in', identifiers).execute();
    for (const api of found) present.apis.set(api.identifier, api);
  }
  return present;
}

async function readClients(query: Query, ids: string[], present: Present): Promise<void> {
  const found = await query.selectFrom('clients').selectAll().where('client_id', 'in', ids).execute();
  for (const client of found) present.clients.set(client.client_id, client);
}

/** Members in one order, so that the same said twice is the same. */
function ordered(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(ordered);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [name, ordered(member)] as const);
  return Object.fromEntries(entries.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/** A row as text that is equal exactly for rows that say the same: JSON columns by what they say, no sealed bytes. */
function saying(row: object): string {
  const JSON_COLUMNS = new Set(['claims', 'metadata', 'scopes', 'scope_descriptions']);
  const entries = Object.entries(row)
    .filter(([column]) => column !== 'secret_sealed' && column !== 'last_used_at')
    .map(
      ([column, value]) => [column, JSON_COLUMNS.has(column) ? JSON.parse(value as string) : value] as const,
    );
  return JSON.stringify(ordered(Object.fromEntries(entries)));
}

function sortOut(
  rows: DirectoryRows,
  present: Present,
): { conflicts: TransferConflict[]; toAdd: Pick<DirectoryRows, Kind>; unchanged: Record<Kind, number> } {
  const conflicts: TransferConflict[] = [];
  const toAdd: Pick<DirectoryRows, Kind> = { people: [], clients: [], apis: [] };
  const unchanged = { people: 0, clients: 0, apis: 0 };
  const newSubs = new Set(rows.people.map(({ sub }) => sub));
  const newClients = new Set(rows.clients.map(({ client_id: id }) => id));

  function judge<Row extends object>(
    kind: Kind,
    row: Row,
    name: string,
    there: Row | undefined,
    taken?: string,
  ): void {
    if (there !== undefined && saying(there) === saying(row)) unchanged[kind] += 1;
    else if (there !== undefined) {
      conflicts.push({ kind, name, description: 'is there already and says something else' });
    } else if (taken !== undefined) conflicts.push({ kind, name, description: taken });
    else (toAdd[kind] as unknown as Row[]).push(row);
  }

  for (const row of rows.people) {
    const owner = present.subOfLogin.get(row.login);
    const isClient = present.clients.has(row.sub) || newClients.has(row.sub);
    judge(
      'people',
      row,
      row.login,
      present.people.get(row.sub),
      owner !== undefined
        ? 'another person has this login'
        : isClient
          ? 'an application has this person’s sub as its client_id'
          : undefined,
    );
  }
  for (const row of rows.clients) {
    // A client_id that is also somebody's sub would let a client pass for that person (RFC 9700 §4.15).
    const isPerson = present.people.has(row.client_id) || newSubs.has(row.client_id);
    const taken = isPerson ? 'somebody’s sub is this client_id' : undefined;
    judge('clients', row, row.client_id, present.clients.get(row.client_id), taken);
  }
  for (const row of rows.apis) judge('apis', row, row.identifier, present.apis.get(row.identifier));
  return { conflicts, toAdd, unchanged };
}

async function add(
  { revisions }: Database,
  transaction: Query,
  rows: Pick<DirectoryRows, Kind>,
): Promise<void> {
  for (const some of chunks(rows.people)) {
    await transaction
      .insertInto('accounts')
      .values(some.map(({ password: _password, ...account }) => account))
      .execute();
    const passwords = some.flatMap(({ sub, password }) => (password === null ? [] : [{ sub, ...password }]));
    if (passwords.length > 0) await transaction.insertInto('passwords').values(passwords).execute();
  }
  for (const some of chunks(rows.clients)) await transaction.insertInto('clients').values(some).execute();
  for (const some of chunks(rows.apis)) await transaction.insertInto('apis').values(some).execute();
  if (rows.people.length > 0) await revisions.move(transaction, 'accounts');
  if (rows.clients.length > 0) await revisions.move(transaction, 'clients');
  if (rows.apis.length > 0) await revisions.move(transaction, 'apis');
}
