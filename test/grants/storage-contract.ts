import { describeExpiry } from './contract-expiry.ts';
import { describeRefreshRotation } from './contract-refresh-rotation.ts';
import { describeRevocation } from './contract-revocation.ts';
import { describeSessions } from './contract-sessions.ts';
import { describeSingleUse } from './contract-single-use.ts';
import { describeTokenStatuses } from './contract-token-statuses.ts';
import { describeUnitOfWork } from './contract-unit-of-work.ts';
import type { MakePlace } from './storage-place.ts';

/**
 * What every backend of lib/grants promises (docs/storage.md). A backend is held to it by calling this in its test
 * file with what makes an empty store. What is at rest, and what a crash leaves, differs: each backend tests its own.
 */
export function describeStorageContract(makePlace: MakePlace): void {
  describeUnitOfWork(makePlace);
  describeSingleUse(makePlace);
  describeRevocation(makePlace);
  describeRefreshRotation(makePlace);
  describeSessions(makePlace);
  describeExpiry(makePlace);
  describeTokenStatuses(makePlace);
}
