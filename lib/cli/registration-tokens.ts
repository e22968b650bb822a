import type { Command } from 'commander';
import { type RegistrationToken, RegistrationTokens } from '../clients/registration-tokens.ts';
import type { CommandContext } from './command-context.ts';
import { done, notFound, refused } from './command-result.ts';
import { wholeNumber, withJson } from './options.ts';
import { formatTable, formatTime } from './table.ts';

const DAY = 86_400;
const LONGEST = 366 * DAY;

interface CreateOptions {
  json?: boolean;
  label?: string;
  uses?: number;
  lifetime?: number;
}

function present(token: RegistrationToken): Record<string, unknown> {
  return {
    id: token.id,
    label: token.label ?? null,
    uses: token.uses,
    maximum_uses: token.maximumUses ?? null,
    created_at: formatTime(token.createdAt),
    expires_at: formatTime(token.expiresAt),
  };
}

/** `registration-tokens …`: what lets somebody register an application (RFC 7591, initial access tokens). */
export function addRegistrationTokenCommands(program: Command, context: CommandContext): void {
  const tokens = program
    .command('registration-tokens')
    .description('tokens that let applications register themselves');

  withJson(tokens.command('create'))
    .description('make a token; prints it, this once')
    .option('--label <text>', 'what you will know it by')
    .option('--uses <count>', 'how many applications it registers; 1 when not given', wholeNumber)
    .option('--lifetime <seconds>', 'how long it can be used; a day when not given', wholeNumber)
    .action(async (options: CreateOptions) => {
      const { label, uses = 1, lifetime = DAY } = options;
      if (uses < 1 || lifetime < 1 || lifetime > LONGEST) {
        const description = `--uses must be at least 1, --lifetime between 1 and ${LONGEST}`;
        return context.run(options, () => ({ outcome: 'misused', error: 'usage', description }));
      }
      if (label !== undefined && !/^[^\p{Cc}]{1,100}$/u.test(label)) {
        return context.run(options, () =>
          refused('invalid_label', '--label must be a line of at most 100 characters'),
        );
      }
      return context.runInRooms(options, async ({ configuration, database }) => {
        const made = await new RegistrationTokens(database).create({
          label,
          maximumUses: uses,
          seconds: lifetime,
        });
        const answer = { ...present(made.record), token: made.token };
        const { mode } = configuration.clientRegistration;
        const note =
          mode === 'initial_access_token'
            ? ''
            : `\nclient_registration.mode is ${mode}: nobody is asked for it`;
        return done(answer, `${made.token}\ngood until ${formatTime(made.record.expiresAt)}${note}`);
      });
    });

  withJson(tokens.command('list'))
    .description('list tokens that can still be used')
    .action((options) =>
      context.runInRooms(options, async ({ database }) => {
        const found = await new RegistrationTokens(database).list();
        const rows = found.map((token) => [
          token.id,
          token.label ?? '-',
          `${token.uses} of ${token.maximumUses ?? 'any'}`,
          formatTime(token.expiresAt),
        ]);
        return done(found.map(present), formatTable(['ID', 'LABEL', 'USES', 'EXPIRES'], rows));
      }),
    );

  withJson(tokens.command('revoke <id>'))
    .description('revoke a token; what it has registered stays')
    .action((id: string, options) =>
      context.runInRooms(options, async ({ database }) => {
        const { outcome } = await new RegistrationTokens(database).revoke(id);
        return outcome === 'not_found'
          ? notFound(`registration token ${id}`)
          : done({ revoked: true, id }, `revoked ${id}`);
      }),
    );
}
