import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { isLoopbackHost } from './loopback.ts';

const MOST_ISSUERS = 100;

/** An https URL; http on loopback alone. */
const httpsUrl = z.string().refine((text) => {
  const url = URL.parse(text);
  return (
    url !== null &&
    (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopbackHost(url.hostname))) &&
    url.username === '' &&
    !text.includes('#')
  );
}, 'must be an https URL');

/** Names of clients, or of APIs. */
export const names = z.array(z.string().min(1).max(2048)).min(1).max(100);

/** Who is trusted, and where its keys are, or the keys. */
export const issuerMembers = {
  issuer: httpsUrl,
  jwks_uri: httpsUrl.optional(),
  jwks: z
    .strictObject({ keys: z.array(z.looseObject({ kty: z.enum(['RSA', 'EC', 'OKP', 'AKP']) })).min(1) })
    .optional(),
};

/** Whether the keys are given one way, and one way alone. */
export const hasOneKeySource = ({ jwks, jwks_uri: uri }: { jwks?: unknown; jwks_uri?: unknown }): boolean =>
  (jwks === undefined) !== (uri === undefined);

/** What is said when they are not. */
export const ONE_KEY_SOURCE = 'needs one of jwks and jwks_uri';

/** The trusted issuers of a JSON file, `{"<member>": […]}`; a line that says what is wrong with it. */
export function readTrustedIssuers<T extends { issuer: string }>(
  file: string,
  member: string,
  issuer: z.ZodType<T>,
): T[] | string {
  let given: unknown;
  try {
    given = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === undefined ? `${file} is not JSON` : `cannot read ${file} (${code})`;
  }
  const parsed = z
    .strictObject({ [member]: z.array(issuer).min(1).max(MOST_ISSUERS) })
    .refine(
      (all) => new Set(all[member]?.map((each) => each.issuer)).size === all[member]?.length,
      'names an issuer twice',
    )
    .safeParse(given);
  if (parsed.success) return parsed.data[member] ?? [];
  const [issue] = parsed.error.issues;
  const place = issue?.path.join('.') ?? '';
  return `${file}: ${place === '' ? '' : `${place} `}${issue?.message ?? 'is not valid'}`;
}
