import { type EntryAttributes, textsOf } from './entry-attributes.ts';

/** Attributes in which directories of several makes say that somebody is shut out. */
export const STANDING_ATTRIBUTES = [
  'userAccountControl',
  'accountExpires',
  'pwdAccountLockedTime',
  'nsAccountLock',
  'loginDisabled',
] as const;

/** Of `userAccountControl` in Active Directory (MS-ADTS section 2.2.16). */
const ACCOUNT_DISABLE = 2;
/** Locked by an operator, until an operator unlocks (draft-behera-ldap-password-policy section 5.3.3). */
const LOCKED_FOR_GOOD = '000001010000Z';
/** From 1601, where Active Directory begins to count, to 1970 (ms). */
const EPOCH_DIFFERENCE = 11_644_473_600_000;

/** Whether the directory itself counts somebody as disabled. `now` in Unix time, ms. A lock that passes by itself is none. */
export function isDisabled(attributes: EntryAttributes, now: number): boolean {
  const is = (name: (typeof STANDING_ATTRIBUTES)[number], value: string): boolean =>
    textsOf(attributes, name).some((each) => each.toUpperCase() === value);
  const [control = '0'] = textsOf(attributes, 'userAccountControl');
  return (
    (Number(control) & ACCOUNT_DISABLE) !== 0 ||
    hasExpired(textsOf(attributes, 'accountExpires')[0], now) ||
    is('pwdAccountLockedTime', LOCKED_FOR_GOOD) ||
    is('nsAccountLock', 'TRUE') ||
    is('loginDisabled', 'TRUE')
  );
}

/** In units of 100 ns; 0 and the largest number mean never (MS-ADA1 section 2.2). */
function hasExpired(fileTime: string | undefined, now: number): boolean {
  if (fileTime === undefined || !/^\d{1,19}$/.test(fileTime) || fileTime === '0') return false;
  return Number(BigInt(fileTime) / 10_000n) - EPOCH_DIFFERENCE <= now;
}
