import type { Readable, Writable } from 'node:stream';

/** The streams that commands read and write. */
export interface Terminal {
  stdin: Readable;
  stdout: Writable;
  stderr: Writable;
}

/** Longest standard input that is read, in bytes. */
const LONGEST_INPUT = 1_048_576;

/** Everything on standard input as text. Undefined when it is too long or not UTF-8. */
export async function readInput(stdin: Readable): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk as Uint8Array | string);
    length += bytes.length;
    if (length > LONGEST_INPUT) return undefined;
    chunks.push(bytes);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    return undefined;
  }
}

/** A password on standard input: everything but one line break at the end. Undefined when it is empty or no text. */
export async function readPassword(stdin: Readable): Promise<string | undefined> {
  const password = (await readInput(stdin))?.replace(/\r?\n$/, '');
  return password === '' ? undefined : password;
}
