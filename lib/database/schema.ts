import type { AccountsTable, PasswordsTable } from './tables/accounts.ts';
import type { ApisTable, ClientsTable } from './tables/clients.ts';
import type { EpochsTable } from './tables/epochs.ts';
import type { LeasesTable, SigningKeysTable } from './tables/keys.ts';
import type { LastingSecretsTable } from './tables/lasting-secrets.ts';
import type { MailLinksTable } from './tables/mail-links.ts';
import type { MigrationsTable, RevisionsTable } from './tables/revisions.ts';

/** Every table that is queried through Kysely. The grants' tables are lib/grants' own and read with prepared statements. */
export interface DatabaseSchema {
  migrations: MigrationsTable;
  revisions: RevisionsTable;
  epochs: EpochsTable;
  accounts: AccountsTable;
  passwords: PasswordsTable;
  clients: ClientsTable;
  apis: ApisTable;
  signing_keys: SigningKeysTable;
  leases: LeasesTable;
  mail_links: MailLinksTable;
  lasting_secrets: LastingSecretsTable;
}
