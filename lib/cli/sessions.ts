import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { done, notFound } from './command-result.ts';
import { findPerson, nothingOf } from './find-account.ts';
import { withJson } from './options.ts';
import { presentRecord, recordCells } from './present-record.ts';
import { formatTable } from './table.ts';

const COLUMNS = ['uid', 'account_id', 'login_at', 'expires_at'];

/** `sessions …`: who is signed in. */
export function addSessionCommands(program: Command, context: CommandContext): void {
  const sessions = program.command('sessions').description('people’s sessions at the provider');

  withJson(sessions.command('list'))
    .description('list sessions')
    .option('--account <sub-or-login>', 'of this person alone')
    .action((options: { json?: boolean; account?: string }) =>
      context.runInRooms(options, async (rooms) => {
        const { account } = options;
        const person = account === undefined ? undefined : await findPerson(rooms, account);
        const filter = person === undefined ? {} : { accountId: person.sub };
        const found = (await rooms.grants.listSessions(filter)).map(presentRecord);
        const rows = found.map((record) => recordCells(record, COLUMNS));
        return done(
          found,
          nothingOf(person, found) ?? formatTable(['UID', 'ACCOUNT', 'SIGNED IN', 'EXPIRES'], rows),
        );
      }),
    );

  withJson(sessions.command('revoke <uid>'))
    .description('end a session: its browser must sign in again')
    .action((uid: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const ended = await rooms.grants.endSession(uid);
        if (ended.outcome === 'not_found') return notFound(`session ${uid}`);
        return done({ revoked: true, uid }, `ended session ${uid}`);
      }),
    );
}
