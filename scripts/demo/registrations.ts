import { readFileSync } from 'node:fs';
import type { Addresses } from './addresses.ts';
import type { DemoAccount } from './demo-folder.ts';
import type { Operator } from './operator.ts';

/** The client_id of each application. */
export const CLIENT_IDS = { webApp: 'book-club', singlePageApp: 'notes' } as const;

/**
 * Registers the account, the API and both applications, or brings what an earlier start registered to the present
 * addresses. Answers the web app's new secret: it gets one at each start, so that none has to be kept.
 *
 * @throws {Error} with the words of the command that was refused.
 */
export async function registerAll(
  operator: Operator,
  addresses: Addresses,
  account: DemoAccount,
): Promise<{ webAppSecret: string }> {
  const [webAppSecret] = await Promise.all([
    registerWebApp(operator, addresses.webApp.origin),
    registerClient(
      operator,
      CLIENT_IDS.singlePageApp,
      registrationOf('spa/client.json', addresses.singlePageApp.origin),
    ),
    registerApi(operator, addresses.api.origin),
    registerAccount(operator, account),
  ]);
  return { webAppSecret };
}

/** What an example asks to be registered as, with its origin put in. */
function registrationOf(file: string, origin: string): string {
  const text = readFileSync(new URL(`../../examples/${file}`, import.meta.url), 'utf8');
  return text.replaceAll('{origin}', origin);
}

/** Runs a command that must succeed. */
async function must(operator: Operator, words: string[], input?: string): Promise<Record<string, unknown>> {
  const answer = await operator(words, input);
  if (answer.outcome === 'done') return answer.json as Record<string, unknown>;
  throw new Error(`latchkey ${words.join(' ')}: ${answer.description}`);
}

/** Changes what is registered; creates it when it is not. */
async function updateOrCreate(
  operator: Operator,
  update: string[],
  create: string[],
  input?: string,
): Promise<Record<string, unknown>> {
  const updated = await operator(update, input);
  if (updated.outcome === 'done') return updated.json as Record<string, unknown>;
  if (updated.error !== 'not_found') throw new Error(`latchkey ${update.join(' ')}: ${updated.description}`);
  return must(operator, create, input);
}

function registerClient(
  operator: Operator,
  clientId: string,
  metadata: string,
): Promise<Record<string, unknown>> {
  return updateOrCreate(
    operator,
    ['clients', 'update', clientId, '--file', '-'],
    ['clients', 'create', '--client-id', clientId, '--file', '-'],
    metadata,
  );
}

async function registerWebApp(operator: Operator, origin: string): Promise<string> {
  const clientId = CLIENT_IDS.webApp;
  const registered = await registerClient(operator, clientId, registrationOf('web-app/client.json', origin));
  const withSecret =
    registered.client_secret === undefined
      ? await must(operator, ['clients', 'rotate-secret', clientId])
      : registered;
  return String(withSecret.client_secret);
}

async function registerApi(operator: Operator, origin: string): Promise<void> {
  const api = JSON.parse(registrationOf('resource-server/api.json', origin)) as {
    identifier: string;
    scopes: Record<string, string>;
  };
  const { identifier } = api;
  const described = Object.entries(api.scopes).flatMap(([scope, text]) => [
    '--scope-description',
    `${scope}=${text}`,
  ]);
  const members = ['--name', 'Notes API', '--scopes', Object.keys(api.scopes).join(','), ...described];
  await updateOrCreate(
    operator,
    ['apis', 'update', identifier, ...members],
    ['apis', 'create', '--identifier', identifier, ...members],
  );
}

async function registerAccount(operator: Operator, { login, name, password }: DemoAccount): Promise<void> {
  const known = await operator(['users', 'show', login]);
  if (known.outcome === 'done') return;
  if (known.error !== 'not_found') throw new Error(`latchkey users show ${login}: ${known.description}`);
  const claims = [
    '--claim',
    'email_verified=true',
    '--claim',
    'given_name=Ada',
    '--claim',
    'family_name=Lovelace',
  ];
  await must(
    operator,
    ['users', 'create', '--email', login, '--name', name, ...claims, '--password-stdin'],
    password,
  );
}
