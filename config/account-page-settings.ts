import { z } from 'zod';
import { count } from './setting-traits.ts';

/** The pages on which people look after their own account. */
export const accountPage = z.strictObject({
  deletionDays: count(
    14,
    0,
    90,
    'Days between somebody’s wish to be deleted and the deletion. Whoever signs in meanwhile has changed their mind.',
  ),
});
