/** Since when what the provider remembers counts: the row with the greatest number is the present one. */
export interface EpochsTable {
  number: number;
  /** Random: what a copy of the directory counts up to is not what another counted up to. */
  id: string;
  /** Unix time, ms; 0 for the first, before which there was nothing. */
  began_at: number;
}
