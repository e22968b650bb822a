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
  'account.ended': [{ accountId: string; reason: string }];
  'refresh.reused': [{ clientId?: string }];
  'grant.revoked': [{ clientId?: string; accountId?: string }];
  'keys.changed': [{ algorithm: string; kid: string; state: string }];
  'protocol.error': [{ reference: string; error: string; clientId?: string; path: string }];
}

/** The application's one typed emitter. */
export type Events = EventEmitter<LatchkeyEvents>;

/** Makes the emitter; composition makes exactly one for each process. */
export function createEvents(): Events {
  return new EventEmitter<LatchkeyEvents>();
}
