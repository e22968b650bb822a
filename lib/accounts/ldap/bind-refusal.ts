import { PasswordPolicyError } from 'ldapts';

/** Why a directory let nobody in. `locked` is told whatever the password was, the other two after `wrong_password` with a right one. */
export type BindRefusal = 'wrong_password' | 'locked' | 'disabled' | 'password_expired';

/** Result codes (RFC 4511 appendix A). */
const CONSTRAINT_VIOLATION = 19;
const NO_SUCH_OBJECT = 32;
const INAPPROPRIATE_AUTHENTICATION = 48;
const INVALID_CREDENTIALS = 49;

/** What Active Directory says in `data …` of its message; Microsoft's Win32 error codes in hexadecimal. */
const ACTIVE_DIRECTORY: Readonly<Record<string, BindRefusal>> = {
  // Outside permitted hours, from a machine that is not permitted, disabled, expired.
  '530': 'disabled',
  '531': 'disabled',
  '533': 'disabled',
  '701': 'disabled',
  // The password has expired, or must be changed first.
  '532': 'password_expired',
  '773': 'password_expired',
  '775': 'locked',
};

/**
 * What a refused bind means; undefined when it says nothing about the password. `policyError` is the one of the password policy
 * control (draft-behera-ldap-password-policy section 6.2).
 */
export function bindRefusal(
  { code, message }: { code: number; message: string },
  policyError?: number,
): BindRefusal | undefined {
  const ofPolicy = policyRefusal(policyError);
  switch (code) {
    case INVALID_CREDENTIALS: {
      if (ofPolicy !== undefined) return ofPolicy;
      const [, data = ''] = /AcceptSecurityContext error, data ([0-9a-f]+)/i.exec(message) ?? [];
      return ACTIVE_DIRECTORY[data.toLowerCase()] ?? 'wrong_password';
    }
    // The entry has no password, or is gone since it was found.
    case INAPPROPRIATE_AUTHENTICATION:
    case NO_SUCH_OBJECT:
      return 'wrong_password';
    // How 389 Directory Server says that there were too many failures.
    case CONSTRAINT_VIOLATION:
      return 'locked';
    default:
      return ofPolicy;
  }
}

/** The same for a bind that succeeded: some directories let people in to change their password, and for nothing else. */
export function policyRefusal(policyError: number | undefined): BindRefusal | undefined {
  switch (policyError) {
    case PasswordPolicyError.AccountLocked:
      return 'locked';
    case PasswordPolicyError.PasswordExpired:
    case PasswordPolicyError.ChangeAfterReset:
      return 'password_expired';
    default:
      return undefined;
  }
}
