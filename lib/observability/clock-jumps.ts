import type { Log } from './log.ts';

/** How often (ms) the clocks are compared. */
const INTERVAL_MILLISECONDS = 5000;
/** What is less than this (ms) is the clock being set right, little by little. */
const JUMP_MILLISECONDS = 2000;

/**
 * Says in the log when the machine's clock jumps (set by hand, after a suspension, by a virtual machine's host): what lives
 * for a time then lives longer or shorter. Answers how to stop that.
 */
export function watchClockJumps(log: Log): () => void {
  const offset = (): number => Date.now() - performance.now();
  let before = offset();
  const watching = setInterval(() => {
    const now = offset();
    const jump = now - before;
    before = now;
    if (Math.abs(jump) >= JUMP_MILLISECONDS) {
      log.warn({ seconds: Math.round(jump / 1000) }, 'the clock of this machine jumped');
    }
  }, INTERVAL_MILLISECONDS);
  watching.unref();
  return () => clearInterval(watching);
}
