/** Where a database tells what happens to it. */
export interface DatabaseLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export const SILENT: DatabaseLog = { info: () => {}, warn: () => {} };
