/** Where a database tells what happens to it. The names of details are those that the log lets through (lib/observability/log.ts): others are dropped there. */
export interface DatabaseLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
}

export const SILENT: DatabaseLog = { info: () => {}, warn: () => {} };
