import { z } from 'zod';

/** What the loader must know about a setting beyond its type. */
export interface SettingTraits {
  /** The value is never shown, and `<VARIABLE>_FILE` names a file that holds it. */
  secret?: true;
  /** What of a secret value is shown all the same. */
  shown?: (value: unknown) => unknown;
  /** The value is a path, resolved against the working directory. */
  path?: true;
}

/** Traits of single settings, keyed by the very schema object that stands in the tree below. */
export const settingTraits = z.registry<SettingTraits>();

/** A time in whole seconds, at least one unless `minimum` says otherwise. */
export const seconds = (fallback: number, maximum: number, description: string, minimum = 1) =>
  z.int().min(minimum).max(maximum).default(fallback).describe(description);

/** A whole number within bounds. */
export const count = (fallback: number, minimum: number, maximum: number, description: string) =>
  z.int().min(minimum).max(maximum).default(fallback).describe(description);

/** A TCP port; 0 takes any free one. */
export const port = (fallback: number, description: string) => count(fallback, 0, 65_535, description);

/** A file or folder that need not be given. */
export const path = (description: string) =>
  z.string().min(1).exactOptional().describe(description).register(settingTraits, { path: true });
