import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { done, notFound } from './command-result.ts';
import { findPerson, nothingOf } from './find-account.ts';
import { withJson } from './options.ts';
import { presentRecord, recordCells } from './present-record.ts';
import { formatTable } from './table.ts';

const COLUMNS = ['grant_id', 'account_id', 'client_id', 'created_at', 'expires_at'];

/** `grants …`: what people allowed applications. */
export function addGrantCommands(program: Command, context: CommandContext): void {
  const grants = program.command('grants').description('what people allowed applications to do');

  withJson(grants.command('list'))
    .description('list grants')
    .option('--account <sub-or-login>', 'of this person alone')
    .option('--client <client-id>', 'to this application alone')
    .action((options: { json?: boolean; account?: string; client?: string }) =>
      context.runInRooms(options, async (rooms) => {
        const { account } = options;
        const person = account === undefined ? undefined : await findPerson(rooms, account);
        const filter = {
          ...(person === undefined ? {} : { accountId: person.sub }),
          ...(options.client === undefined ? {} : { clientId: options.client }),
        };
        const found = (await rooms.grants.listGrants(filter)).map(presentRecord);
        const rows = found.map((record) => recordCells(record, COLUMNS));
        return done(
          found,
          nothingOf(person, found) ?? formatTable(['GRANT', 'ACCOUNT', 'CLIENT', 'GIVEN', 'EXPIRES'], rows),
        );
      }),
    );

  withJson(grants.command('revoke <grant-id>'))
    .description('revoke what a person allowed an application, in every session, with every token')
    .action((grantId: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const revoked = await rooms.grants.revokeGrant(grantId);
        if (revoked.outcome === 'not_found') return notFound(`grant ${grantId}`);
        const { grants: count } = revoked;
        return done(
          { revoked: true, grant_id: grantId, grants: count },
          `revoked grant ${grantId} (${count} in all: one for each session of this person with this application)`,
        );
      }),
    );
}
