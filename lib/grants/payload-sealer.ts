import type { Sealer } from '../database/sealer.ts';

/** The tables whose payloads are sealed. */
export type SealedTable = 'record' | 'grant' | 'session';

/** Payloads kept open in one process; at about 600 bytes each this stays below 4 MiB. */
const MOST_REMEMBERED = 4096;
/** What makes a sealed value unlike all others: its subkey's salt and its message's number, behind version and key id. */
const MESSAGE_ID = { start: 5, end: 33 } as const;

function latin1(bytes: Uint8Array, start = 0, end = bytes.byteLength): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1', start, end);
}

/**
 * Seals payloads for the row that they stand in: moved to another one they do not open. What this process sealed or opened lately
 * it remembers by the sealed value's own unique id, which spares a request most of its decryption; a row that
 * changed has another sealed value, so nothing can be stale.
 */
export class PayloadSealer {
  readonly #sealer: Sealer;
  readonly #opened = new Map<string, string>();

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  seal(table: SealedTable, key: Uint8Array, payload: string): Buffer {
    const context = `${table}:${latin1(key)}`;
    const sealed = this.#sealer.seal(payload, context);
    this.#remember(context, sealed, payload);
    return sealed;
  }

  /** Throws SealError. */
  open(table: SealedTable, key: Uint8Array, sealed: Uint8Array): string {
    const context = `${table}:${latin1(key)}`;
    const known = this.#opened.get(context + latin1(sealed, MESSAGE_ID.start, MESSAGE_ID.end));
    if (known !== undefined) return known;
    const payload = this.#sealer.open(sealed, context).toString('utf8');
    this.#remember(context, sealed, payload);
    return payload;
  }

  #remember(context: string, sealed: Uint8Array, payload: string): void {
    if (this.#opened.size >= MOST_REMEMBERED) {
      const oldest = this.#opened.keys().next();
      if (!oldest.done) this.#opened.delete(oldest.value);
    }
    this.#opened.set(context + latin1(sealed, MESSAGE_ID.start, MESSAGE_ID.end), payload);
  }
}
