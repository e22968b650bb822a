import type {
  AccountActivityTable,
  AccountDeletionsTable,
  ApplicationUsesTable,
} from './tables/account-activity.ts';
import type { AccountsTable, PasswordsTable } from './tables/accounts.ts';
import type { AuthenticationRequestsTable } from './tables/authentication-requests.ts';
import type {
  ApisTable,
  ClientDocumentsTable,
  ClientsTable,
  RegistrationTokensTable,
} from './tables/clients.ts';
import type { EpochsTable } from './tables/epochs.ts';
import type { LeasesTable, SigningKeysTable } from './tables/keys.ts';
import type { KnownBrowsersTable } from './tables/known-browsers.ts';
import type { LastingSecretsTable } from './tables/lasting-secrets.ts';
import type { MailLinksTable } from './tables/mail-links.ts';
import type { NotificationsTable } from './tables/notifications.ts';
import type { AnsweredChallengesTable, PasskeysTable } from './tables/passkeys.ts';
import type { MigrationsTable, RevisionsTable } from './tables/revisions.ts';
import type {
  MailCodesTable,
  RecoveryCodesTable,
  RememberedDevicesTable,
  TotpSecretsTable,
} from './tables/second-factors.ts';
import type { UpstreamIdentitiesTable, UpstreamSessionsTable } from './tables/upstream-identities.ts';

/** Every table that is queried through Kysely. The grants' tables are lib/grants' own and read with prepared statements. */
export interface DatabaseSchema {
  migrations: MigrationsTable;
  revisions: RevisionsTable;
  epochs: EpochsTable;
  accounts: AccountsTable;
  passwords: PasswordsTable;
  account_activity: AccountActivityTable;
  application_uses: ApplicationUsesTable;
  account_deletions: AccountDeletionsTable;
  clients: ClientsTable;
  apis: ApisTable;
  registration_tokens: RegistrationTokensTable;
  client_documents: ClientDocumentsTable;
  signing_keys: SigningKeysTable;
  leases: LeasesTable;
  mail_links: MailLinksTable;
  totp_secrets: TotpSecretsTable;
  recovery_codes: RecoveryCodesTable;
  mail_codes: MailCodesTable;
  remembered_devices: RememberedDevicesTable;
  known_browsers: KnownBrowsersTable;
  lasting_secrets: LastingSecretsTable;
  passkeys: PasskeysTable;
  answered_challenges: AnsweredChallengesTable;
  notifications: NotificationsTable;
  authentication_requests: AuthenticationRequestsTable;
  upstream_identities: UpstreamIdentitiesTable;
  upstream_sessions: UpstreamSessionsTable;
}
