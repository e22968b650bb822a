import { constants, fstatSync, openSync, writeSync } from 'node:fs';

/** What Node has of a pipe or a socket below its stream. */
interface Handle {
  setBlocking(blocking: boolean): void;
}

/**
 * Makes the system's write to standard output (1) or standard error (2), which fails with EAGAIN where it would wait for whoever reads: a reader that
 * stops reading must not stop a server. What it writes to is found out at the first write.
 */
export function unwaitingWrite(descriptor: 1 | 2): (bytes: Buffer) => number {
  let write: ((bytes: Buffer) => number) | undefined;
  return (bytes) => {
    write ??= chooseWrite(descriptor);
    return write(bytes);
  };
}

function chooseWrite(descriptor: 1 | 2): (bytes: Buffer) => number {
  const kind = fstatSync(descriptor);
  const own = kind.isFIFO() ? openAnew(descriptor) : undefined;
  if (own !== undefined) return (bytes) => writeSync(own, bytes);
  if (!kind.isFIFO() && !kind.isSocket()) return (bytes) => writeSync(descriptor, bytes);
  const stream = (descriptor === 1 ? process.stdout : process.stderr) as { _handle?: Handle | null };
  return (bytes) => {
    // Shared with the other processes, and Node makes it wait again whenever one of them is started or ends.
    stream._handle?.setBlocking(false);
    return writeSync(descriptor, bytes);
  };
}

/** The same pipe, opened for this process alone: whether it waits is then nobody else's to change. */
function openAnew(descriptor: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    // Not Linux, a pipe of another user, or one that nobody reads any more.
    return undefined;
  }
}
