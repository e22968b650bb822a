import { z } from 'zod';
import { webUriProblem } from './redirect-uri.ts';

/** A member that is linked to or fetched from: https, or http on a loopback address. */
export const webUri = z.string().superRefine((uri, context) => {
  const problem = webUriProblem(uri);
  if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
});
