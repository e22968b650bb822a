import { refused } from './command-result.ts';

/** The refusal of what only whoever keeps the people can do. */
export const MANAGED_ELSEWHERE = refused(
  'not_managed_here',
  'people are kept by the account service or directory that is configured, not here',
);
