import type { Account } from '../accounts/account-adapter.ts';
import type { StoredClient } from '../clients/clients.ts';
import type { AccountView, ClientView } from './view-models.ts';

const optionalText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** An application as pages show it. */
export function clientView(client: StoredClient): ClientView {
  const { metadata } = client;
  return {
    name: optionalText(metadata.client_name) ?? client.clientId,
    logoUri: optionalText(metadata.logo_uri),
    uri: optionalText(metadata.client_uri),
    policyUri: optionalText(metadata.policy_uri),
    tosUri: optionalText(metadata.tos_uri),
  };
}

/** A person as pages show them. */
export function accountView(account: Account): AccountView {
  return { login: account.login, name: optionalText(account.claims.name) };
}
