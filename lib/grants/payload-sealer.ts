import type { Sealer } from '../database/sealer.ts';
import type { RecordKey } from './storage.ts';

/** The tables whose payloads are sealed. */
export type SealedTable = 'record' | 'grant' | 'session';

/** A payload in clear, with what a record stands on. */
export interface OpenPayload {
  payload: string;
  grantKey?: RecordKey | undefined;
  sessionKey?: RecordKey | undefined;
}

/** Payloads kept open in one process; at about 600 bytes each this stays below 2 MiB. */
const MOST_REMEMBERED = 2048;
/** Where a sealed value holds what makes it unlike all others: its subkey's salt, and its message's number. */
const SALT_OFFSET = 5;
const NUMBER_OFFSET = 30;
const STAMP_PART_BYTES = 3;

/** Keys are kept as text: a small Buffer is a window on some KiB that it keeps alive. */
interface Remembered {
  stamp: number;
  payload: string;
  grantKey: string | undefined;
  sessionKey: string | undefined;
}

const asText = (key: RecordKey | undefined): string | undefined => key?.toString('latin1');
const asKey = (text: string | undefined): RecordKey | undefined =>
  text === undefined ? undefined : Buffer.from(text, 'latin1');

function buffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A number that tells whether a row still holds this sealed value: 48 bits of its unique header. */
export function stampOf(sealed: Uint8Array): number {
  const bytes = buffer(sealed);
  const salt = bytes.readUIntBE(SALT_OFFSET, STAMP_PART_BYTES);
  return salt * 2 ** (8 * STAMP_PART_BYTES) + bytes.readUIntBE(NUMBER_OFFSET, STAMP_PART_BYTES);
}

/**
 * Seals payloads for the row that they stand in: moved to another one they do not open. What this process sealed or opened
 * lately it remembers with its stamp: whoever finds the same stamp in the row needs neither read nor open it again.
 */
export class PayloadSealer {
  readonly #sealer: Sealer;
  readonly #remembered = new Map<string, Remembered>();

  constructor(sealer: Sealer) {
    this.#sealer = sealer;
  }

  seal(table: SealedTable, key: Uint8Array, open: OpenPayload): Buffer {
    const row = nameOf(table, key);
    const sealed = this.#sealer.seal(open.payload, row);
    this.#remember(row, stampOf(sealed), open);
    return sealed;
  }

  /** What the row holds, if this process has it in clear. */
  recall(table: SealedTable, key: Uint8Array, stamp: number): OpenPayload | undefined {
    const known = this.#remembered.get(nameOf(table, key));
    if (known?.stamp !== stamp) return undefined;
    const { payload, grantKey, sessionKey } = known;
    return { payload, grantKey: asKey(grantKey), sessionKey: asKey(sessionKey) };
  }

  /** Throws SealError. */
  open(
    table: SealedTable,
    key: Uint8Array,
    sealed: Uint8Array,
    ground: Omit<OpenPayload, 'payload'> = {},
  ): OpenPayload {
    const row = nameOf(table, key);
    const open = { ...ground, payload: this.#sealer.open(sealed, row).toString('utf8') };
    this.#remember(row, stampOf(sealed), open);
    return open;
  }

  #remember(row: string, stamp: number, { payload, grantKey, sessionKey }: OpenPayload): void {
    if (this.#remembered.size >= MOST_REMEMBERED) {
      const oldest = this.#remembered.keys().next();
      if (!oldest.done) this.#remembered.delete(oldest.value);
    }
    this.#remembered.set(row, {
      stamp,
      payload,
      grantKey: asText(grantKey),
      sessionKey: asText(sessionKey),
    });
  }
}

/** The associated data of a row's sealed value. */
function nameOf(table: SealedTable, key: Uint8Array): string {
  return `${table}:${buffer(key).toString('latin1')}`;
}
