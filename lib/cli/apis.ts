import type { Command } from 'commander';
import type { Api } from '../clients/apis.ts';
import type { CommandContext } from './command-context.ts';
import { done, notFound, refused } from './command-result.ts';
import { commaSeparated, repeatable, wholeNumber, withJson } from './options.ts';
import { formatFields, formatTable, formatTime } from './table.ts';

interface ApiOptions {
  json?: boolean;
  identifier?: string;
  name?: string;
  scopes?: string[];
  scopeDescription?: string[];
  tokenFormat?: string;
  algorithm?: string;
  lifetime?: number;
}

function presentApi(api: Api): Record<string, unknown> {
  return {
    identifier: api.identifier,
    name: api.name ?? null,
    scopes: api.scopes,
    scope_descriptions: api.scopeDescriptions,
    token_format: api.tokenFormat,
    algorithm: api.algorithm,
    lifetime: api.lifetime ?? null,
    created_at: formatTime(api.createdAt),
    updated_at: formatTime(api.updatedAt),
  };
}

function doneWith(api: Api) {
  const { scope_descriptions: descriptions, ...rest } = presentApi(api);
  const fields = Object.entries(rest).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(' ') : String(value ?? '-')] as const,
  );
  const described = Object.entries(descriptions as Record<string, string>);
  return done(
    presentApi(api),
    formatFields([...fields, ...described.map(([scope, text]) => [`scope ${scope}`, text] as const)]),
  );
}

function membersOf(options: ApiOptions): Record<string, unknown> {
  const { identifier, name, scopes, tokenFormat, algorithm, lifetime } = options;
  const descriptions = options.scopeDescription?.map((given) => {
    const [, scope = given, text = ''] = /^([^=]*)=(.*)$/s.exec(given) ?? [];
    return [scope, text] as const;
  });
  const members = {
    identifier,
    name,
    scopes,
    scope_descriptions: descriptions === undefined ? undefined : Object.fromEntries(descriptions),
    token_format: tokenFormat,
    algorithm,
    lifetime,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

function withApiOptions(command: Command): Command {
  return withJson(command)
    .option('--name <name>', 'name shown to people')
    .option('--scopes <list>', 'its scopes, separated by commas', commaSeparated)
    .addOption(repeatable('--scope-description <scope=text>', 'what a scope allows, in words for consent'))
    .option('--token-format <format>', 'jwt (default) or opaque')
    .option('--algorithm <algorithm>', 'JWS algorithm of its JWT access tokens')
    .option('--lifetime <seconds>', 'how long its access tokens live', wholeNumber);
}

/** `apis …`: resource servers that access tokens are meant for. */
export function addApiCommands(program: Command, context: CommandContext): void {
  const apis = program.command('apis').description('APIs that access tokens are meant for');

  withApiOptions(apis.command('create'))
    .description('register an API')
    .requiredOption('--identifier <uri>', 'what names it as a resource and audience (RFC 8707)')
    .action((options: ApiOptions) =>
      context.runInRooms(options, async (rooms) => {
        const created = await rooms.apis.create(membersOf(options));
        if (created.outcome === 'conflict')
          return refused('conflict', `${options.identifier} is registered already`);
        if (created.outcome === 'refused') return refused('invalid_api', created.description);
        return doneWith(created.api);
      }),
    );

  withJson(apis.command('list'))
    .description('list APIs')
    .action((options) =>
      context.runInRooms(options, async (rooms) => {
        const found = await rooms.apis.list();
        const rows = found.map((api) => [
          api.identifier,
          api.name ?? '-',
          api.scopes.join(' ') || '-',
          api.tokenFormat,
          api.algorithm,
          api.lifetime === undefined ? 'default' : `${api.lifetime} s`,
        ]);
        const headings = ['IDENTIFIER', 'NAME', 'SCOPES', 'FORMAT', 'ALGORITHM', 'LIFETIME'];
        return done(found.map(presentApi), formatTable(headings, rows));
      }),
    );

  withApiOptions(apis.command('update <identifier>'))
    .description('change an API')
    .action((identifier: string, options: ApiOptions) =>
      context.runInRooms(options, async (rooms) => {
        const updated = await rooms.apis.update(identifier, membersOf(options));
        if (updated.outcome === 'not_found') return notFound(`API ${identifier}`);
        if (updated.outcome === 'refused') return refused('invalid_api', updated.description);
        return doneWith(updated.api);
      }),
    );

  withJson(apis.command('delete <identifier>'))
    .description('delete an API; tokens issued for it live on until they expire')
    .action((identifier: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const deleted = await rooms.apis.delete(identifier);
        if (deleted.outcome === 'not_found') return notFound(`API ${identifier}`);
        return done({ deleted: true, identifier }, `deleted ${identifier}`);
      }),
    );
}
