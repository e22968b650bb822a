import { unusableRegistrations } from './clients/unusable-registrations.ts';
import type { Rooms } from './rooms.ts';

/** Names in the log what was registered under another configuration, and cannot be used under this one. Never rejects. */
export async function nameUnusableRegistrations({ configuration, database, log }: Rooms): Promise<void> {
  try {
    for await (const { kind, name, problem } of unusableRegistrations(database.query, configuration)) {
      log.warn(
        kind === 'client' ? { clientId: name, reason: problem } : { api: name, reason: problem },
        `a registered ${kind === 'client' ? 'application' : 'API'} does not fit the configuration, and is refused`,
      );
    }
  } catch (err) {
    log.warn({ err }, 'it is not known whether the registrations fit the configuration');
  }
}
