import type { PasswordRules } from '../../accounts/password-hashing.ts';
import type { BreachedPasswords } from './breached-passwords.ts';

/** The longest password, in code points (NIST SP 800-63B-4 §3.1.1.2 asks for at least 64, ASVS 5.0 V6.2.9 for 64, we for 128). */
const MAXIMUM_PASSWORD_LENGTH = 1024;

export type PasswordRefusal = 'too_short' | 'too_long' | 'common' | 'personal' | 'breached';

function fold(text: string): string {
  return text.normalize('NFKC').toLowerCase();
}

let commonPasswords: Promise<ReadonlySet<string>> | undefined;

/** The offline list of leaked passwords; read when a password is first chosen, since it takes some MiB. */
async function loadCommonPasswords(): Promise<ReadonlySet<string>> {
  const { dictionary } = await import('@zxcvbn-ts/language-common');
  return new Set(dictionary['passwords-common'].map(fold));
}

function localPart(address: string): string {
  const at = address.lastIndexOf('@');
  return at > 0 ? address.slice(0, at) : address;
}

/** Whether `password` has more code points than a password can have; never walks a longer text. */
export function isTooLong(password: string): boolean {
  return password.length > 2 * MAXIMUM_PASSWORD_LENGTH || [...password].length > MAXIMUM_PASSWORD_LENGTH;
}

/**
 * Which passwords a person may choose, by NIST SP 800-63B-4 §3.1.1.2 and ASVS 5.0 V6.2: long enough in code points, not
 * on the list of common ones, not the person's own login or mail address, and, where a service is asked, not known from a leak. No
 * rule of composition, no expiry.
 */
export function createPasswordPolicy(
  configuration: { minimumLength: number },
  breached?: Pick<BreachedPasswords, 'include'>,
): PasswordRules {
  const { minimumLength } = configuration;
  const refuse = (reason: PasswordRefusal, description: string) =>
    ({ outcome: 'refused', reason, description }) as const;
  return {
    async judge(password, person) {
      if (isTooLong(password)) {
        return refuse('too_long', `a password has at most ${MAXIMUM_PASSWORD_LENGTH} characters`);
      }
      if ([...password.normalize('NFKC')].length < minimumLength) {
        return refuse('too_short', `a password has at least ${minimumLength} characters`);
      }
      const folded = fold(password);
      const personal = [person.login, person.email ?? ''].flatMap((name) => [
        fold(name),
        fold(localPart(name)),
      ]);
      if (personal.includes(folded)) {
        return refuse('personal', 'a password is not the login or the mail address it belongs to');
      }
      commonPasswords ??= loadCommonPasswords();
      if ((await commonPasswords).has(folded)) {
        return refuse(
          'common',
          'this password is among the most used ones, which are tried first: choose another',
        );
      }
      // Last, so that nobody is asked about what is refused anyway.
      if ((await breached?.include(password)) === true) {
        return refuse('breached', 'this password is known from a data leak: choose another');
      }
      return { outcome: 'accepted' };
    },
  };
}
