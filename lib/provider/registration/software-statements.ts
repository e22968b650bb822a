import { readFileSync } from 'node:fs';
import type { JSONWebKeySet } from 'jose';
import { CLIENT_SIGNATURE_ALGORITHMS } from '../../clients/algorithms.ts';

/** In the error codes of RFC 7591 §3.2.2. */
export type ReadStatement =
  | { outcome: 'read'; metadata: Record<string, unknown> }
  | { outcome: 'invalid_software_statement' | 'unapproved_software_statement'; description: string };

/** Claims that are about the statement and not about the software. */
const OF_THE_STATEMENT = new Set(['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']);

/** Reads software statements: what somebody whom the operator trusts says of an application (RFC 7591 §2.3). */
export type StatementReader = (statement: unknown) => Promise<ReadStatement>;

/**
 * Makes the reader. `file` holds the trusted issuers' key sets by issuer; the settings have been checked when it is read.
 * A statement that names an audience must be meant for this provider.
 */
export function statementReader(file: string, provider: string): StatementReader {
  const issuers = new Map(
    Object.entries(JSON.parse(readFileSync(file, 'utf8')) as Record<string, JSONWebKeySet>),
  );
  return async (statement) => {
    // Loaded with the first statement: most servers never see one.
    const { createLocalJWKSet, decodeJwt, jwtVerify } = await import('jose');
    if (typeof statement !== 'string') return invalid('software_statement must be a JWT');
    let issuer: string | undefined;
    try {
      issuer = decodeJwt(statement).iss;
    } catch {
      return invalid('software_statement must be a JWT');
    }
    const keys = issuers.get(issuer ?? '');
    if (issuer === undefined || keys === undefined) {
      const description = 'software_statement is of an issuer that is not trusted here';
      return { outcome: 'unapproved_software_statement', description };
    }
    try {
      const { payload } = await jwtVerify(statement, createLocalJWKSet(keys), {
        issuer,
        algorithms: [...CLIENT_SIGNATURE_ALGORITHMS],
        clockTolerance: 30,
      });
      const audiences = payload.aud === undefined ? [provider] : [payload.aud].flat();
      if (!audiences.includes(provider)) return invalid('software_statement is meant for somebody else');
      const entries = Object.entries(payload).filter(([claim]) => !OF_THE_STATEMENT.has(claim));
      return { outcome: 'read', metadata: Object.fromEntries(entries) };
    } catch (error) {
      const { code } = error as { code?: string };
      return invalid(
        code === 'ERR_JWT_EXPIRED'
          ? 'software_statement has expired'
          : 'software_statement is not signed by a key of its issuer that is known here',
      );
    }
  };
}

function invalid(description: string): ReadStatement {
  return { outcome: 'invalid_software_statement', description };
}
