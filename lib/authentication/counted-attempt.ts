import type { Events } from '../observability/events.ts';
import type { Log } from '../observability/log.ts';
import { admitRefusalLine } from '../observability/refusal-lines.ts';
import { addressGroup } from './throttling/address-group.ts';
import type { Admission, Admittance } from './throttling/login-throttle.ts';

/** An attempt that was not judged; `retryAfter` in whole seconds: one made then is judged. */
export type Unjudged = { outcome: 'throttled'; retryAfter: number } | { outcome: 'unavailable' };

/**
 * Counts an attempt to sign in before it is judged (see LoginThrottle), and takes back what must not count: one that came to `authenticated`, and one
 * that came to `unavailable`, which was never judged. Emits login.throttled. Rejects with what `judge` rejects with.
 */
export async function countedAttempt<Judged extends { outcome: string }>(
  { events, log }: { events: Events; log: Log },
  attempt: {
    address: string;
    admit: () => Promise<Admittance>;
    judge: () => Promise<Judged>;
    /** What the log calls the login that was typed, where one was. */
    nameForLog?: () => string;
  },
): Promise<Judged | Unjudged> {
  const { address, admit, judge, nameForLog } = attempt;
  let admission: Admission;
  try {
    const admittance = await admit();
    if (admittance.outcome === 'throttled') {
      const { scope, retryAfter } = admittance;
      events.emit('login.throttled', { address, scope });
      if (admitRefusalLine(log, addressGroup(address).subscriber)) {
        const named = nameForLog === undefined ? {} : { login: nameForLog() };
        log.info({ scope, address, ...named, retryAfter }, 'login throttled');
      }
      return { outcome: 'throttled', retryAfter };
    }
    admission = admittance.admission;
  } catch (err) {
    // Unable to count, unable to judge: guessing must not be free while the store is in trouble.
    log.error({ err }, 'login not judged: failed logins cannot be counted');
    return { outcome: 'unavailable' };
  }
  const judged = await judge();
  // Not waited for: in the embedded file it is one transaction with what the sign-in writes next.
  void correct(log, admission, judged.outcome);
  return judged;
}

async function correct(log: Log, admission: Admission, outcome: string): Promise<void> {
  try {
    if (outcome === 'authenticated') await admission.succeeded();
    if (outcome === 'unavailable') await admission.withdrawn();
  } catch (err) {
    // Once judged, nobody is sent away because the counters could not be corrected: they err on the strict side.
    log.warn({ err }, 'counters of failed logins were not corrected');
  }
}
