import type { Account } from '../../accounts/account-adapter.ts';
import type { StoredClient } from '../../clients/clients.ts';
import type { AccountView, ClientTranslation, ClientView } from './view-parts.ts';

const optionalText = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined;

/** Where the document is by which an application is known; nobody else can put one there. */
function hostOf({ origin, clientId }: StoredClient): string | undefined {
  return origin === 'document' ? URL.parse(clientId)?.host : undefined;
}

const TRANSLATED = {
  client_name: 'name',
  logo_uri: 'logoUri',
  client_uri: 'uri',
  policy_uri: 'policyUri',
  tos_uri: 'tosUri',
} as const;

/** `client_name#de` and the like, by language. */
function translationsOf(metadata: StoredClient['metadata']): ClientView['translations'] {
  const translations: Record<string, ClientTranslation> = {};
  for (const [member, value] of Object.entries(metadata)) {
    const [name = '', tag] = member.split('#', 2);
    if (tag === undefined || !Object.hasOwn(TRANSLATED, name) || typeof value !== 'string') continue;
    const field = TRANSLATED[name as keyof typeof TRANSLATED];
    translations[tag] = { ...translations[tag], [field]: value };
  }
  return Object.keys(translations).length === 0 ? undefined : translations;
}

/** An application as pages show it. */
export function clientView(client: StoredClient): ClientView {
  const { metadata } = client;
  return {
    name: optionalText(metadata.client_name) ?? client.clientId,
    logoUri: optionalText(metadata.logo_uri),
    uri: optionalText(metadata.client_uri),
    policyUri: optionalText(metadata.policy_uri),
    tosUri: optionalText(metadata.tos_uri),
    accentColor: client.origin === 'operator' ? optionalText(metadata.accent_color) : undefined,
    translations: translationsOf(metadata),
    unverified: client.origin === 'operator' ? undefined : { host: hostOf(client) },
  };
}

/** A person as pages show them. */
export function accountView(account: Account): AccountView {
  return { login: account.login, name: optionalText(account.claims.name) };
}
