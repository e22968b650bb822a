import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import type { Api } from '../clients/apis.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, notFound, refused } from './command-result.ts';
import { commaSeparated, repeatable, wholeNumber, withJson } from './options.ts';
import { formatFields, formatTable, formatTime } from './table.ts';

interface ApiOptions {
  json?: boolean;
  identifier?: string;
  name?: string;
  scopes?: string[];
  scopeDescription?: string[];
  authorizationDetails?: string;
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
    authorization_details_types: api.detailTypes,
    token_format: api.tokenFormat,
    algorithm: api.algorithm,
    lifetime: api.lifetime ?? null,
    created_at: formatTime(api.createdAt),
    updated_at: formatTime(api.updatedAt),
  };
}

function doneWith(api: Api) {
  const { scope_descriptions: descriptions, ...present } = presentApi(api);
  const rest = { ...present, authorization_details_types: Object.keys(api.detailTypes) };
  const fields = Object.entries(rest).map(
    ([name, value]) => [name, Array.isArray(value) ? value.join(' ') : String(value ?? '-')] as const,
  );
  const described = Object.entries(descriptions as Record<string, string>);
  return done(
    presentApi(api),
    formatFields([...fields, ...described.map(([scope, text]) => [`scope ${scope}`, text] as const)]),
  );
}

function membersOf(options: ApiOptions, detailTypes: unknown): Record<string, unknown> {
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
    authorization_details_types: detailTypes,
    token_format: tokenFormat,
    algorithm,
    lifetime,
  };
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined));
}

/** The types of a file, unchecked; undefined when none is named. */
function readDetailTypes(file: string | undefined): { types: unknown } | CommandResult {
  if (file === undefined) return { types: undefined };
  try {
    return { types: JSON.parse(readFileSync(file, 'utf8')) as unknown };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return refused(
      'invalid_api',
      code === undefined ? `${file} is not JSON` : `${file} cannot be read (${code})`,
    );
  }
}

function withApiOptions(command: Command): Command {
  return withJson(command)
    .option('--name <name>', 'name shown to people')
    .option('--scopes <list>', 'its scopes, separated by commas', commaSeparated)
    .addOption(repeatable('--scope-description <scope=text>', 'what a scope allows, in words for consent'))
    .option(
      '--authorization-details <file>',
      'JSON file: what authorization details may say, by their type (RFC 9396)',
    )
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
        const read = readDetailTypes(options.authorizationDetails);
        if ('outcome' in read) return read;
        const created = await rooms.apis.create(membersOf(options, read.types));
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
        const read = readDetailTypes(options.authorizationDetails);
        if ('outcome' in read) return read;
        const updated = await rooms.apis.update(identifier, membersOf(options, read.types));
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
