import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { done, notFound } from './command-result.ts';
import { withJson } from './options.ts';
import { presentRecord, recordCells } from './present-record.ts';
import { formatTable } from './table.ts';

const COLUMNS = ['id', 'kind', 'recipient', 'state', 'attempts', 'due_at', 'problem'];

/** `notifications …`: notices to applications that have not arrived. */
export function addNotificationCommands(program: Command, context: CommandContext): void {
  const notifications = program
    .command('notifications')
    .description('notices to applications that have not arrived yet');

  withJson(notifications.command('list'))
    .description('list notices that wait, and those that were given up, oldest first')
    .action((options) =>
      context.runInRooms(options, async (rooms) => {
        const found = (await rooms.notifications.list()).map(presentRecord);
        const rows = found.map((record) => recordCells(record, COLUMNS));
        const headings = ['ID', 'KIND', 'RECIPIENT', 'STATE', 'ATTEMPTS', 'NEXT', 'PROBLEM'];
        return done(found, formatTable(headings, rows));
      }),
    );

  withJson(notifications.command('retry <id>'))
    .description('try a notice again now, with all its attempts')
    .action((id: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const retried = await rooms.notifications.retry(id);
        if (retried.outcome === 'not_found') return notFound(`notice ${id}`);
        return done({ retried: true, id }, `notice ${id} is tried again now`);
      }),
    );

  withJson(notifications.command('discard <id>'))
    .description('remove a notice: it is not delivered any more')
    .action((id: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const discarded = await rooms.notifications.discard(id);
        if (discarded.outcome === 'not_found') return notFound(`notice ${id}`);
        return done({ discarded: true, id }, `discarded notice ${id}`);
      }),
    );
}
