/**
 * The database cannot answer now: unreachable, starting, full, locked, too slow. The HTTP layer answers 503; what was asked may or
 * may not have been done. The message is one line for an operator, never for a page.
 */
export class DatabaseUnavailable extends Error {
  override name = 'DatabaseUnavailable';
}

/** What keeps the program from starting on this database, as one line that says what to do. */
export class UnusableDatabase extends Error {
  override name = 'UnusableDatabase';
}
