import { statfsSync } from 'node:fs';

export const MEBIBYTE = 2 ** 20;

/** How many bytes are free for this user where a directory is. Throws what the system says. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}
