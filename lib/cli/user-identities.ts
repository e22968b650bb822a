import type { Command } from 'commander';
import { UpstreamIdentities } from '../upstream/upstream-identities.ts';
import type { CommandContext } from './command-context.ts';
import { done } from './command-result.ts';
import { withJson } from './options.ts';
import { formatTable, formatTime } from './table.ts';
import { withPerson } from './user-factors.ts';

/** `users identities` and `users unlink-identity`: who people are at other providers. */
export function addUserIdentityCommands(users: Command, context: CommandContext): void {
  withJson(users.command('identities <sub-or-login>'))
    .description('list a person’s accounts at other providers')
    .action((subOrLogin: string, options) =>
      context.runInRooms(options, (rooms) =>
        withPerson(rooms, subOrLogin, async ({ sub }) => {
          const found = await new UpstreamIdentities(rooms.database).listOf(sub);
          const shown = found.map(({ provider, issuer, subject, label, createdAt, lastUsedAt }) => ({
            provider,
            issuer,
            subject,
            label,
            created_at: formatTime(createdAt),
            last_used_at: lastUsedAt === undefined ? null : formatTime(lastUsedAt),
          }));
          const rows = shown.map((each) => [
            each.provider,
            each.issuer,
            each.subject,
            each.label,
            each.last_used_at ?? '-',
          ]);
          return done(shown, formatTable(['PROVIDER', 'ISSUER', 'SUBJECT', 'NAME THERE', 'LAST USED'], rows));
        }),
      ),
    );

  withJson(users.command('unlink-identity <sub-or-login>'))
    .description('take an account at another provider off a person, and end their sessions and tokens')
    .requiredOption('--issuer <url>', 'the other provider')
    .requiredOption('--subject <subject>', 'the person’s sub there')
    .action((subOrLogin: string, options: { json?: boolean; issuer: string; subject: string }) =>
      context.runInRooms(options, (rooms) =>
        withPerson(rooms, subOrLogin, async ({ sub, login }) => {
          const { issuer, subject } = options;
          const identities = new UpstreamIdentities(rooms.database);
          const outcome = await identities.unlink(sub, { issuer, subject }, { keepsLast: false });
          const report = { sub, login, issuer, subject, unlinked: outcome === 'unlinked' };
          if (outcome !== 'unlinked') return done(report, `${login} is not ${subject} at ${issuer}`);
          await rooms.grants.endAccount(sub, { consent: false });
          return done(report, `unlinked ${subject} at ${issuer} from ${login}`);
        }),
      ),
    );
}
