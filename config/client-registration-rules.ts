import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { Configuration } from './configuration.ts';

/** Nobody could register, or nobody knows who may, where these do not go together. */
export function clientRegistrationProblems({ clientRegistration, clientDocuments }: Configuration): string[] {
  const { mode, statementIssuersFile: file } = clientRegistration;
  const problems: string[] = [];
  const name =
    'client_registration.statement_issuers_file (LATCHKEY_CLIENT_REGISTRATION_STATEMENT_ISSUERS_FILE)';
  if (mode === 'software_statement' && file === undefined) {
    problems.push(`${name}: is missing; client_registration.mode is software_statement`);
  }
  const problem = file === undefined ? undefined : issuersProblem(file);
  if (problem !== undefined) problems.push(`${name}: ${problem}`);
  if (clientDocuments.minimumAge > clientDocuments.maximumAge) {
    problems.push(
      `client_documents.minimum_age (LATCHKEY_CLIENT_DOCUMENTS_MINIMUM_AGE): ${clientDocuments.minimumAge} is more than client_documents.maximum_age`,
    );
  }
  return problems;
}

function issuersProblem(file: string): string | undefined {
  const form = z.record(
    z.string(),
    z.looseObject({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) }),
  );
  try {
    const parsed = form.safeParse(JSON.parse(readFileSync(file, 'utf8')));
    return parsed.success ? undefined : `${file} must hold an object of key sets by issuer`;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === undefined ? `${file} is not JSON` : `cannot read ${file} (${code})`;
  }
}
