import type { Command } from 'commander';
import type { AccountDirectory, AccountRecord, AccountUpdate } from '../accounts/account-directory.ts';
import type { CommandContext } from './command-context.ts';
import { type CommandResult, done, notFound, type Refusal, refused } from './command-result.ts';
import { MANAGED_ELSEWHERE } from './managed-elsewhere.ts';
import type { OperatorRooms } from './operator-rooms.ts';
import { repeatable, wholeNumber, withJson } from './options.ts';
import { formatFields, formatTable, formatTime } from './table.ts';
import { readPassword } from './terminal.ts';
import { addUserFactorCommands } from './user-factors.ts';
import { addUserIdentityCommands } from './user-identities.ts';
import { addUserMailCommands } from './user-mail.ts';

/** The most that one page of the directory holds. */
const PAGE = 200;

interface ClaimOptions {
  json?: boolean;
  login?: string;
  email?: string;
  name?: string;
  claim?: string[];
  passwordStdin?: boolean;
}

function presentUser(account: AccountRecord): Record<string, unknown> {
  return {
    sub: account.sub,
    login: account.login,
    disabled: account.disabled,
    has_password: account.hasPassword,
    created_at: formatTime(account.createdAt),
    updated_at: formatTime(account.updatedAt),
    claims: account.claims,
  };
}

function describeUser(account: AccountRecord): string {
  const { claims, ...rest } = presentUser(account);
  return formatFields([
    ...Object.entries(rest).map(([name, value]) => [name, String(value)] as const),
    // The claim `updated_at` is the record's own moment once more.
    ...Object.entries(claims as object)
      .filter(([name]) => !(name in rest))
      .map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const),
  ]);
}

function doneWith(account: AccountRecord): CommandResult {
  return done(presentUser(account), describeUser(account));
}

/**
 * `name=text` gives a text (`true` and `false` a boolean), `name:=json` any JSON; an empty text removes the claim.
 */
function readClaims(options: ClaimOptions): Record<string, unknown> | Refusal {
  const claims: Record<string, unknown> = {};
  if (options.email !== undefined) claims.email = options.email;
  if (options.name !== undefined) claims.name = options.name;
  for (const given of options.claim ?? []) {
    const [, name, operator, text] = /^([^=]+?)(:?=)(.*)$/s.exec(given) ?? [];
    if (name === undefined || text === undefined) {
      return refused('invalid_claims', `--claim ${given} is not name=text or name:=json`);
    }
    if (operator === ':=') {
      try {
        claims[name] = JSON.parse(text);
      } catch {
        return refused('invalid_claims', `--claim ${name}:=… is not JSON`);
      }
    } else claims[name] = text === '' ? null : text === 'true' || text === 'false' ? text === 'true' : text;
  }
  return claims;
}

const isRefusal = (value: object): value is Refusal => 'outcome' in value && value.outcome === 'refused';

function directoryOf(rooms: OperatorRooms): AccountDirectory | Refusal {
  return rooms.accounts.directory ?? MANAGED_ELSEWHERE;
}

/** Finds a person by sub or login and does something to them. */
async function withUser(
  rooms: OperatorRooms,
  subOrLogin: string,
  work: (directory: AccountDirectory, account: AccountRecord) => Promise<CommandResult>,
): Promise<CommandResult> {
  const directory = directoryOf(rooms);
  if (isRefusal(directory)) return directory;
  const account = await directory.show(subOrLogin);
  return account === undefined ? notFound(`user ${subOrLogin}`) : work(directory, account);
}

function reportUpdate(update: AccountUpdate, subOrLogin: string): CommandResult {
  if (update.outcome === 'not_found') return notFound(`user ${subOrLogin}`);
  if (update.outcome === 'refused') return refused(update.reason, update.description);
  return doneWith(update.account);
}

/** Asked before the rooms are opened: a password that is not there must not leave anything half done. */
async function passwordOf(context: CommandContext): Promise<string | Refusal> {
  const password = await readPassword(context.terminal.stdin);
  return password ?? refused('unacceptable_password', 'standard input holds no password in UTF-8');
}

/** `users …`: people of the built-in directory. */
export function addUserCommands(program: Command, context: CommandContext): void {
  const users = program.command('users').description('people who sign in');

  withJson(users.command('create'))
    .description('create a person; prints the record with its sub')
    .option('--email <address>', 'e-mail address, and the login unless --login is given')
    .option('--login <login>', 'what the person types to sign in')
    .option('--name <name>', 'full name')
    .addOption(repeatable('--claim <name=text>', 'a further claim; name:=json for other types than text'))
    .option('--password-stdin', 'read the password from standard input')
    .action(async (options: ClaimOptions) => {
      const password = options.passwordStdin ? await passwordOf(context) : undefined;
      await context.runInRooms(options, async (rooms) => {
        const directory = directoryOf(rooms);
        if (isRefusal(directory)) return directory;
        if (typeof password === 'object') return password;
        const claims = readClaims(options);
        if (isRefusal(claims)) return claims;
        if ((options.login ?? claims.email ?? null) === null) {
          return refused('invalid_login', 'give --email, or --login: it is what the person signs in with');
        }
        const created = await directory.create({
          ...(options.login === undefined ? {} : { login: options.login }),
          ...(password === undefined ? {} : { password }),
          claims: Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== null)),
        });
        if (created.outcome === 'refused') return refused(created.reason, created.description);
        return doneWith(created.account);
      });
    });

  withJson(users.command('list'))
    .description('list people by login')
    .option('--limit <count>', 'at most so many', wholeNumber)
    .option('--after <login>', 'only those after this login')
    .action((options: { json?: boolean; limit?: number; after?: string }) =>
      context.runInRooms(options, async (rooms) => {
        const directory = directoryOf(rooms);
        if (isRefusal(directory)) return directory;
        const found: AccountRecord[] = [];
        const limit = options.limit ?? Number.POSITIVE_INFINITY;
        let after = options.after;
        while (found.length < limit) {
          const page = await directory.list({
            limit: Math.min(PAGE, limit - found.length),
            ...(after === undefined ? {} : { after }),
          });
          found.push(...page.accounts);
          after = page.next;
          if (after === undefined) break;
        }
        const rows = found.map(({ login, sub, disabled, createdAt }) => [
          login,
          sub,
          disabled ? 'disabled' : 'enabled',
          formatTime(createdAt),
        ]);
        return done(found.map(presentUser), formatTable(['LOGIN', 'SUB', 'STATE', 'CREATED'], rows));
      }),
    );

  withJson(users.command('show <sub-or-login>'))
    .description('show one person')
    .action((subOrLogin: string, options) =>
      context.runInRooms(options, (rooms) =>
        withUser(rooms, subOrLogin, async (_directory, account) => doneWith(account)),
      ),
    );

  withJson(users.command('update <sub-or-login>'))
    .description('change a person’s login and claims')
    .option('--email <address>', 'e-mail address; not verified until a claim says so')
    .option('--login <login>', 'what the person types to sign in')
    .option('--name <name>', 'full name')
    .addOption(repeatable('--claim <name=text>', 'a claim; name:=json for other types, name= to remove it'))
    .action((subOrLogin: string, options: ClaimOptions) =>
      context.runInRooms(options, (rooms) =>
        withUser(rooms, subOrLogin, async (directory, { sub }) => {
          const claims = readClaims(options);
          if (isRefusal(claims)) return claims;
          const change = { ...(options.login === undefined ? {} : { login: options.login }), claims };
          return reportUpdate(await directory.update(sub, change), subOrLogin);
        }),
      ),
    );

  withJson(users.command('disable <sub-or-login>'))
    .description('refuse a person from now on, and end their sessions and tokens')
    .action((subOrLogin: string, options) =>
      context.runInRooms(options, (rooms) =>
        withUser(rooms, subOrLogin, async (directory, { sub }) => {
          const update = await directory.disable(sub);
          if (update.outcome === 'updated') await rooms.grants.endAccount(sub, { consent: false });
          return reportUpdate(update, subOrLogin);
        }),
      ),
    );

  withJson(users.command('enable <sub-or-login>'))
    .description('let a disabled person sign in again')
    .action((subOrLogin: string, options) =>
      context.runInRooms(options, (rooms) =>
        withUser(rooms, subOrLogin, async (directory, { sub }) =>
          reportUpdate(await directory.enable(sub), subOrLogin),
        ),
      ),
    );

  withJson(users.command('delete <sub-or-login>'))
    .description('delete a person, and end their sessions and grants')
    .action((subOrLogin: string, options) =>
      context.runInRooms(options, (rooms) =>
        withUser(rooms, subOrLogin, async (directory, { sub, login }) => {
          // The record goes last: should the store of sessions fail, the person is refused, and the command finds them again.
          await directory.disable(sub);
          await rooms.grants.endAccount(sub, { consent: true });
          const deleted = await directory.delete(sub);
          if (deleted.outcome === 'not_found') return notFound(`user ${subOrLogin}`);
          return done({ deleted: true, sub, login }, `deleted ${login} (${sub})`);
        }),
      ),
    );

  withJson(users.command('set-password <sub-or-login>'))
    .description('set a person’s password, and end their sessions and tokens')
    .requiredOption('--password-stdin', 'read the password from standard input')
    .action(async (subOrLogin: string, options) => {
      const password = await passwordOf(context);
      await context.runInRooms(options, (rooms) =>
        withUser(rooms, subOrLogin, async (directory, { sub }) => {
          if (typeof password === 'object') return password;
          const update = await directory.setPassword(sub, password);
          if (update.outcome === 'updated') await rooms.grants.endAccount(sub, { consent: false });
          return reportUpdate(update, subOrLogin);
        }),
      );
    });

  addUserMailCommands(users, context);
  addUserFactorCommands(users, context);
  addUserIdentityCommands(users, context);
}
