import { ACCOUNT_PAGE_TABLES } from './account-activity.ts';
import { SECOND_FACTOR_TABLES } from './second-factors.ts';
import { UPSTREAM_TABLES } from './upstream-identities.ts';

/** The tables with rows of a person, by `sub`, that go with them. */
export const PERSON_TABLES = [
  ...(['passwords', 'passkeys', 'known_browsers', 'authentication_requests'] as const),
  ...SECOND_FACTOR_TABLES,
  ...ACCOUNT_PAGE_TABLES,
  ...UPSTREAM_TABLES,
] as const;
