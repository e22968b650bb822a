/** Notices that have not been delivered yet. */
export interface NotificationsTable {
  id: string;
  /** What it is, and so who knows how to deliver it. */
  kind: string;
  /** For the operator: the client it is for, or another word that tells where it goes. */
  recipient: string;
  /** Sealed JSON, whose meaning is the kind's. */
  details: Uint8Array;
  state: 'waiting' | 'failed';
  /** How many attempts have begun. */
  attempts: number;
  /** When it is tried next, or, while a process has it on lease, when that lease ends; Unix time, ms. */
  due_at: number;
  /** The lease of who has it; null when nobody has. */
  lease: string | null;
  /** Why the last attempt came to nothing. */
  problem: string | null;
  /** Unix time, ms. */
  created_at: number;
}
