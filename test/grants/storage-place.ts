import type { Grants } from '../../lib/grants/grants.ts';
import type { GrantStorage } from '../../lib/grants/storage.ts';

/** One process's view of a store. */
export interface OpenPlace {
  grants: Grants;
  storage: GrantStorage;
  /** Reuses of refresh tokens that were reported. */
  reuses: unknown[];
  close(): Promise<void>;
}

/** A store of its own for one test. */
export interface Place {
  /** Opens it as one more process would; `graceSeconds` is the grace of refresh tokens. */
  open(options?: { graceSeconds?: number }): Promise<OpenPlace>;
  /** How another process opens it: a module with `openPlace(location, options)`, and the location. */
  module: string;
  location: string;
  /** Whether what has expired waits for a sweep; else the store removes it by itself. */
  sweeps: boolean;
  remove(): Promise<void>;
}

/** A backend under the contract: makes empty places. */
export type MakePlace = () => Promise<Place>;
