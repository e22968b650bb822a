import type { KeyObject } from 'node:crypto';

/** Whoever keeps private keys: asked for a public key and for signatures, one call at a time or several. */
export interface SigningDevice {
  /** Rejects when there is no such key, or when it cannot be asked; ends when `signal` is aborted. */
  publicKey(name: string, signal: AbortSignal): Promise<KeyObject>;
  /** The signature over `data` in the form of RFC 7518 §3. As above. */
  sign(request: { name: string; algorithm: string; data: Uint8Array }, signal: AbortSignal): Promise<Buffer>;
  /** Resolves when nothing of it runs any more. */
  close(): Promise<void>;
}
