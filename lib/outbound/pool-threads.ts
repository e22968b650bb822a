import { availableParallelism } from 'node:os';
import { Places } from './places.ts';

/** Whether a core is left for other threads while the main thread works. */
export const HAS_SPARE_CORE = availableParallelism() > 1;

/** The main thread has a core of its own, and one of the four threads of Node's pool is left to the disk. */
const MOST_AT_ONCE = Math.min(availableParallelism() - 1, 3);
/** The most that wait for a thread. Further ones are told so rather than piling up memory and delay. */
const MOST_WAITING = 128;

/**
 * Threads of Node's pool for work that takes long: hashes of passwords, which wait for one, and signatures, which are made elsewhere while none is
 * free. One count for both, or the disk would wait behind them. There is one thread even on one core, since a hash is made nowhere else.
 */
export const POOL_THREADS = new Places(Math.max(MOST_AT_ONCE, 1), MOST_WAITING);
