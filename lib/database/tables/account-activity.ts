/** What happened to people's accounts lately: see lib/self-service/account-activity.ts. */
export interface AccountActivityTable {
  id: string;
  sub: string;
  /** Unix time, ms. */
  at: number;
  /** A constant of the code. */
  kind: string;
  address: string | null;
  user_agent: string | null;
  client_id: string | null;
}

/** When an application was last given something for a person. */
export interface ApplicationUsesTable {
  sub: string;
  client_id: string;
  /** Unix time, ms; exact to the day. */
  used_at: number;
}

/** People who asked to be deleted, and can still change their mind. */
export interface AccountDeletionsTable {
  sub: string;
  /** Unix time, ms. */
  requested_at: number;
  due_at: number;
}

/** What goes with a person when they are deleted. */
export const ACCOUNT_PAGE_TABLES = ['account_activity', 'application_uses', 'account_deletions'] as const;
