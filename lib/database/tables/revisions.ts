export interface RevisionsTable {
  topic: string;
  number: number;
}

export interface MigrationsTable {
  name: string;
  /** Unix time, ms. */
  applied_at: number;
}
