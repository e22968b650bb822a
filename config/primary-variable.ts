/** Tells a worker the process that has made it one of Latchkey's. Not a setting, which `LATCHKEY_` would begin. */
export const PRIMARY_VARIABLE = '_LATCHKEY_PRIMARY';

/** The process identifier of the primary that has made this process a worker, as text. */
export function namedPrimary(): string | undefined {
  return process.env[PRIMARY_VARIABLE];
}
