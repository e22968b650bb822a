import { EventEmitter } from 'node:events';

/**
 * What has happened, told upward. Listeners observe; nobody waits for them and they can refuse nothing.
 * Payloads carry identifiers only, never a secret, a token, a code or a password.
 */
export interface LatchkeyEvents {
  'login.succeeded': [{ accountId: string; clientId?: string; method: string }];
  'login.failed': [{ reason: string; address: string }];
  'login.throttled': [{ address: string; scope: 'account' | 'address' }];
  /** Any other attempt that was told to wait. `kind` is a constant of the code: it becomes a label of a metric. */
  'attempt.throttled': [{ kind: string; clientId?: string; address?: string }];
  /** What the person finds among the recent activity of their account; `kind` is a constant of the code, with words in the message catalogues. */
  'account.activity': [
    { accountId: string; kind: string; address?: string; userAgent?: string; clientId?: string },
  ];
  /** An application was given a code or a token for this person. */
  'application.used': [{ accountId: string; clientId: string }];
  /** The counter of a passkey did not grow, as if there were a copy of it; `passkey` is its name. */
  'passkey.copy_suspected': [{ accountId: string; passkey: string }];
  /** Somebody was asked whether a new password has leaked. */
  'password.looked_up': [{ outcome: 'breached' | 'unknown' | 'failed' }];
  'account.ended': [{ accountId: string; reason: string }];
  'refresh.reused': [{ clientId?: string }];
  'grant.revoked': [{ clientId?: string; accountId?: string }];
  'keys.changed': [{ algorithm: string; kid: string; state: string }];
  /** An attempt to deliver a notice; `kind` and `outcome` are constants of the code: they become labels of a metric. */
  'notification.attempted': [{ kind: string; outcome: 'delivered' | 'dropped' | 'failed' | 'given_up' }];
  'protocol.error': [{ reference?: string; error: string; clientId?: string; path: string }];
}

/** The application's one typed emitter. */
export type Events = EventEmitter<LatchkeyEvents>;

/** Makes the emitter; composition makes exactly one for each process. */
export function createEvents(): Events {
  return new EventEmitter<LatchkeyEvents>();
}
