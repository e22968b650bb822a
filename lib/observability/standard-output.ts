import type { DestinationStream } from 'pino';
import { unwaitingWrite } from './unwaiting-write.ts';

/** How much (bytes) is kept for a reader that is slow; what comes on top of it is lost. */
const LONGEST_UNSENT = 1_048_576;
/** How soon (ms) a reader that had no room is tried again. */
const RETRY_MILLISECONDS = 10;
/** How long (ms) an ending process waits for a reader that is slow: it may be what it died of that is not read yet. */
const LAST_MILLISECONDS = 500;
/** There is no room at the moment: not on the disk, but on the way to whoever reads. */
const FULL_FOR_NOW: ReadonlySet<unknown> = new Set(['EAGAIN', 'EBUSY']);
const LINE_END = Buffer.from('\n');

/** How many lines have been lost, and what the last of them failed with. */
export interface LostLines {
  count: number;
  code: string;
}

/**
 * Writes lines to standard output, each before it returns, and never throws: a full disk, a closed terminal or a reader that has gone must not
 * keep from serving. What cannot be written is lost, and `tell` hears of it as soon as writing works again. `write` is the system's, and does not wait for a reader.
 */
export function standardOutput(
  tell: (lost: LostLines) => void,
  write: (bytes: Buffer) => number = unwaitingWrite(1),
): DestinationStream {
  let unsent: Buffer[] = [];
  let unsentBytes = 0;
  let lost: LostLines | undefined;
  /** Whether the beginning of the first unsent line is written already. */
  let hasBegun = false;
  /** Whether the line that was written last lacks its end for good. */
  let isCut = false;
  let retry: NodeJS.Timeout | undefined;

  function lose(count: number, code: string): void {
    lost = { count: (lost?.count ?? 0) + count, code };
  }

  function tryAgain(): void {
    if (retry === undefined) process.once('exit', sendLast);
    clearTimeout(retry);
    retry = setTimeout(send, RETRY_MILLISECONDS).unref();
  }

  function send(): void {
    for (let line = unsent[0]; line !== undefined; line = unsent[0]) {
      const bytes = isCut ? Buffer.concat([LINE_END, line]) : line;
      try {
        const written = write(bytes);
        isCut = false;
        hasBegun = written < bytes.length;
        if (hasBegun) unsent[0] = bytes.subarray(written);
        else unsent.shift();
        unsentBytes -= line.length - (hasBegun ? bytes.length - written : 0);
      } catch (error) {
        const code = String((error as NodeJS.ErrnoException).code);
        if (FULL_FOR_NOW.has(code)) {
          tryAgain();
          return;
        }
        lose(unsent.length, code);
        isCut ||= hasBegun;
        hasBegun = false;
        unsent = [];
        unsentBytes = 0;
        return;
      }
    }
    if (lost === undefined) return;
    const told = lost;
    lost = undefined;
    tell(told);
    // What was to say so may be lost as well.
    if (lost !== undefined) lose(told.count, (lost as LostLines).code);
  }

  /** Nothing else runs any more, so this may wait. */
  function sendLast(): void {
    const pause = new Int32Array(new SharedArrayBuffer(4));
    const deadline = performance.now() + LAST_MILLISECONDS;
    for (send(); unsent.length > 0 && performance.now() < deadline; send()) {
      Atomics.wait(pause, 0, 0, RETRY_MILLISECONDS);
    }
  }

  return {
    write: (line) => {
      const bytes = Buffer.from(line);
      if (unsentBytes + bytes.length > LONGEST_UNSENT) {
        lose(1, 'EAGAIN');
        return;
      }
      unsent.push(bytes);
      unsentBytes += bytes.length;
      // Others wait already: so does this one.
      if (unsent.length === 1) send();
    },
  };
}
