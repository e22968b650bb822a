import type { Apis } from '../../clients/apis.ts';
import type { SigningKeys } from '../../keys/signing-keys.ts';
import type { Log } from '../../observability/log.ts';
import { watchDetailTypes } from '../requests/detail-type-watch.ts';

const RETRY_MILLISECONDS = 5000;

/**
 * Makes an engine, and another one whenever the signing keys change or, with `apis`, the types of authorization details: both are
 * fixed in an instance. `current` never waits: until the next one is ready, and as long as it cannot be made, the former serves.
 */
export async function engineSuccession<Engine>(options: {
  make: () => Promise<Engine>;
  keys: Pick<SigningKeys, 'onChange'>;
  apis: Pick<Apis, 'detailTypes'> | undefined;
  log: Log;
  /** How soon (ms) one that could not be made is tried again. */
  retryMilliseconds?: number;
}): Promise<{ current(): Engine; close(): void }> {
  const { make, keys, apis, log, retryMilliseconds = RETRY_MILLISECONDS } = options;
  // Before the engine reads them: what changes meanwhile is noticed at the first look.
  const begun = await apis?.detailTypes();
  let engine = (await make()) as Engine;
  let swaps = 0;
  const swap = (reason: string) => {
    swaps += 1;
    const own = swaps;
    make().then(
      (next) => {
        // Of two changes close together the later must win, whichever instance is ready first.
        if (own === swaps) engine = next;
      },
      (error: unknown) => {
        log.error({ err: error }, `the engine could not take over ${reason}; it is tried again`);
        // Whoever is to sign its documents may be away for a moment.
        setTimeout(() => own === swaps && swap(reason), retryMilliseconds).unref();
      },
    );
  };
  const types =
    apis === undefined || begun === undefined
      ? undefined
      : watchDetailTypes(apis, begun, () => swap('the changed types of authorization details'));
  const stopWatching = keys.onChange(() => swap('the changed signing keys'));
  return {
    current: () => {
      types?.look();
      return engine;
    },
    close: () => {
      stopWatching();
      // Nothing is tried again.
      swaps += 1;
    },
  };
}
