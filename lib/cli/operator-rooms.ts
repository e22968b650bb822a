import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from '../accounts/account-adapter.ts';
import type { Apis } from '../clients/apis.ts';
import type { ClientDocuments } from '../clients/client-documents.ts';
import type { Clients } from '../clients/clients.ts';
import type { Database } from '../database/database.ts';
import type { Grants } from '../grants/grants.ts';
import type { SigningKeys } from '../keys/signing-keys.ts';
import type { Notifications } from '../notifications/notifications.ts';

/** The rooms that commands work with, opened on the same data directory as a running server's. */
export interface OperatorRooms {
  configuration: Configuration;
  database: Database;
  accounts: AccountAdapter;
  clients: Clients;
  clientDocuments: Pick<ClientDocuments, 'list'>;
  apis: Apis;
  keys: SigningKeys;
  grants: Grants;
  notifications: Notifications;
  close(): Promise<void>;
}
