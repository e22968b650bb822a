/** Cuts what a client sends to Redis into whole commands (RESP arrays of bulk strings), whatever pieces it arrives in. */
export class RedisCommands {
  #rest: Buffer = Buffer.alloc(0);

  /** The commands that are complete with these bytes, each as it was sent. */
  push(bytes: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    const commands: Buffer[] = [];
    for (;;) {
      const end = endOfCommand(this.#rest);
      if (end === undefined) return commands;
      commands.push(this.#rest.subarray(0, end));
      this.#rest = this.#rest.subarray(end);
    }
  }
}

/** Where the first command ends; undefined while it is not whole. */
function endOfCommand(bytes: Buffer): number | undefined {
  const words = numberAt(bytes, 0, '*');
  if (words === undefined) return undefined;
  let { next } = words;
  for (let word = 0; word < words.value; word += 1) {
    const length = numberAt(bytes, next, '$');
    if (length === undefined) return undefined;
    next = length.next + length.value + 2;
    if (next > bytes.length) return undefined;
  }
  return next;
}

function numberAt(bytes: Buffer, from: number, mark: '*' | '$'): { value: number; next: number } | undefined {
  const end = bytes.indexOf('\r\n', from);
  if (end < 0) return undefined;
  if (bytes[from] !== mark.charCodeAt(0))
    throw new Error(`not a command of a client: ${bytes.subarray(from)}`);
  return { value: Number(bytes.toString('latin1', from + 1, end)), next: end + 2 };
}
