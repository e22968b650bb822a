import { type Command, Option } from 'commander';
import type { Account } from '../accounts/account-adapter.ts';
import { SecondFactors } from '../authentication/second-factors/second-factors.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, notFound } from './command-result.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { withJson } from './options.ts';
import { formatFields } from './table.ts';

const FACTORS = ['totp', 'passkeys', 'recovery-codes', 'remembered-devices'] as const;

type Factor = (typeof FACTORS)[number];

/** Takes one factor away. False: there was none. */
async function removeFactor(factors: SecondFactors, sub: string, factor: Factor): Promise<boolean> {
  switch (factor) {
    case 'totp':
      return factors.removeTotp(sub);
    case 'passkeys':
      return factors.removePasskeys(sub);
    case 'recovery-codes':
      return factors.removeRecoveryCodes(sub);
    case 'remembered-devices':
      // Forgotten below, with whatever else is removed.
      return (await factors.devices.list(sub)).length > 0;
    default:
      return factor satisfies never;
  }
}

/** Finds a person by sub or login, wherever people are kept. */
export async function withPerson(
  rooms: OperatorRooms,
  subOrLogin: string,
  work: (account: Account, factors: SecondFactors) => Promise<CommandResult>,
): Promise<CommandResult> {
  const { accounts } = rooms;
  const account = (await accounts.findBySub(subOrLogin)) ?? (await accounts.findByLogin(subOrLogin));
  return account === undefined ? notFound(`user ${subOrLogin}`) : work(account, new SecondFactors(rooms));
}

/** `users factors` and `users remove-factor`: for whoever lost everything, and asks the operator. */
export function addUserFactorCommands(users: Command, context: CommandContext): void {
  withJson(users.command('factors <sub-or-login>'))
    .description('show what a person takes a second step with')
    .action((subOrLogin: string, options) =>
      context.runInRooms(options, (rooms) =>
        withPerson(rooms, subOrLogin, async (account, factors) => {
          const present = await factors.of(account);
          const devices = await factors.devices.list(account.sub);
          const shown = {
            totp: present.totp,
            passkeys: present.passkeys,
            recovery_codes: present.recoveryCodes,
            mail_code: present.email !== undefined,
            remembered_devices: devices.length,
          };
          return done(
            { sub: account.sub, login: account.login, ...shown },
            formatFields(Object.entries(shown).map(([name, value]) => [name, String(value)] as const)),
          );
        }),
      ),
    );

  withJson(users.command('remove-factor <sub-or-login>'))
    .description('take a second factor off a person who has lost it, and end their sessions and tokens')
    .addOption(new Option('--factor <factor>', 'what to remove').choices(FACTORS).makeOptionMandatory())
    .action((subOrLogin: string, options: { json?: boolean; factor: Factor }) =>
      context.runInRooms(options, (rooms) =>
        withPerson(rooms, subOrLogin, async ({ sub, login }, factors) => {
          const { factor } = options;
          const removed = await removeFactor(factors, sub, factor);
          const report = { sub, login, factor, removed };
          if (!removed) return done(report, `${login} has no ${factor}`);
          await factors.devices.forget(sub);
          await rooms.grants.endAccount(sub, { consent: false });
          return done(report, `removed ${factor} of ${login}`);
        }),
      ),
    );
}
