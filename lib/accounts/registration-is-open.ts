import type { Configuration } from '../../config/configuration.ts';
import type { AccountAdapter } from './account-adapter.ts';

/** Whether anybody may make an account: only where people are kept here. */
export function registrationIsOpen(
  configuration: Pick<Configuration, 'registration'>,
  accounts: Pick<AccountAdapter, 'directory'>,
): boolean {
  return configuration.registration.mode === 'open' && accounts.directory !== undefined;
}
