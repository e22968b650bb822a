import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { done, refused } from './command-result.ts';
import { withJson } from './options.ts';
import { formatTable, formatTime } from './table.ts';

interface Successor {
  algorithm: string;
  kid: string;
  activatesAt: number;
}

const presentSuccessor = ({ algorithm, kid, activatesAt }: Successor) => ({
  algorithm,
  kid,
  activates_at: formatTime(activatesAt),
});

/** `keys …`: signing keys. */
export function addKeyCommands(program: Command, context: CommandContext): void {
  const keys = program.command('keys').description('signing keys; they rotate by themselves');

  withJson(keys.command('list'))
    .description('list signing keys with their life')
    .action((options) =>
      context.runInRooms(options, async (rooms) => {
        const found = (await rooms.keys.list()).map((key) => ({
          kid: key.kid,
          algorithm: key.algorithm,
          state: key.state,
          created_at: formatTime(key.createdAt),
          activates_at: formatTime(key.activatesAt),
          activated_at: key.activatedAt === null ? null : formatTime(key.activatedAt),
          retired_at: key.retiredAt === null ? null : formatTime(key.retiredAt),
          expires_at: key.expiresAt === null ? null : formatTime(key.expiresAt),
          external_key: key.externalKey,
        }));
        const rows = found.map((key) => [
          key.kid,
          key.algorithm,
          key.state,
          key.state === 'announced'
            ? `signs from ${key.activates_at}`
            : `since ${key.retired_at ?? key.activated_at}`,
          key.expires_at ?? '-',
          key.external_key ?? 'here',
        ]);
        return done(
          found,
          formatTable(['KID', 'ALGORITHM', 'STATE', 'WHEN', 'LEAVES THE JWKS', 'KEPT'], rows),
        );
      }),
    );

  withJson(keys.command('rotate'))
    .description('replace signing keys as soon as every cached JWKS has the successor')
    .option('--algorithm <algorithm>', 'of this algorithm alone')
    .option('--immediately', 'in an emergency: now, whoever may hold an old JWKS (prints what breaks)')
    .action((options: { json?: boolean; algorithm?: string; immediately?: boolean }) =>
      context.runInRooms(options, async (rooms) => {
        const { json: _json, ...wanted } = options;
        const outcome = await rooms.keys.rotate(wanted);
        if (outcome.outcome === 'refused') return refused(outcome.reason, outcome.description);
        const lines = outcome.successors.map(({ algorithm, kid, activatesAt }) =>
          outcome.outcome === 'activated'
            ? `${algorithm}: ${kid} signs now`
            : `${algorithm}: ${kid} is announced and signs from ${formatTime(activatesAt)}`,
        );
        return done(
          {
            outcome: outcome.outcome,
            successors: outcome.successors.map(presentSuccessor),
            ...(outcome.outcome === 'activated' ? { retired: outcome.retired } : {}),
            breaks: outcome.breaks,
          },
          [...lines, ...outcome.breaks].join('\n'),
        );
      }),
    );

  withJson(keys.command('retire <kid>'))
    .description('end a key at once: what it signed verifies no longer (prints what breaks)')
    .action((kid: string, options) =>
      context.runInRooms(options, async (rooms) => {
        const outcome = await rooms.keys.retire(kid);
        if (outcome.outcome === 'refused') return refused(outcome.reason, outcome.description);
        const { successor, breaks } = outcome;
        const lines = [`${kid} is withdrawn`];
        if (successor !== undefined) lines.push(`${successor.algorithm}: ${successor.kid} signs now`);
        return done(
          {
            outcome: outcome.outcome,
            kid,
            ...(successor === undefined ? {} : { successor: presentSuccessor(successor) }),
            breaks,
          },
          [...lines, ...breaks].join('\n'),
        );
      }),
    );
}
