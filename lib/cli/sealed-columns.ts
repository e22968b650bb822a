import { sealingContext as totpContext } from '../authentication/second-factors/totp.ts';
import { sealingContext as clientSecretContext } from '../clients/client-secret.ts';
import { sealingContext as lastingSecretContext } from '../database/lasting-secret.ts';
import type { SealedColumn } from '../database/sealed-values.ts';
import { sealingContext as signingKeyContext } from '../keys/key-store.ts';

/** Everything of the directory that is sealed with the encryption key, and what for. */
export const SEALED_COLUMNS: ReadonlyArray<SealedColumn> = [
  {
    table: 'signing_keys',
    key: 'kid',
    column: 'private_key',
    contextOf: signingKeyContext,
    what: 'signing key',
  },
  {
    table: 'clients',
    key: 'client_id',
    column: 'secret_sealed',
    contextOf: clientSecretContext,
    what: 'the secret of client',
  },
  {
    table: 'totp_secrets',
    key: 'sub',
    column: 'sealed',
    contextOf: totpContext,
    what: 'the authenticator app of person',
  },
  {
    table: 'lasting_secrets',
    key: 'name',
    column: 'sealed',
    contextOf: lastingSecretContext,
    what: 'the lasting secret',
  },
];
