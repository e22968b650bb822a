import type { ClientMetadata } from '../../clients/client-metadata.ts';
import { needsMac } from '../../clients/client-secret.ts';
import { type Check, type Finding, orFine, problem, warning } from './finding.ts';

/** Applications and APIs that were registered under another configuration, or stand on what is gone. */
export const registrationCheck: Check = async ({ configuration, database }) => {
  if (database === undefined) return [];
  const algorithms = configuration.keys.algorithms as ReadonlyArray<string>;
  const apis = await database.query
    .selectFrom('apis')
    .select(['identifier', 'algorithm', 'token_format'])
    .execute();
  const clients = await database.query
    .selectFrom('clients')
    .select(['client_id', 'metadata', 'secret_sealed'])
    .execute();
  const identifiers = new Set(apis.map(({ identifier }) => identifier));
  const gone = (algorithm: string) => `${algorithm}, which is not configured any more (keys.algorithms)`;
  const findings: Finding[] = apis
    .filter(({ algorithm, token_format: format }) => format === 'jwt' && !algorithms.includes(algorithm))
    .map(({ identifier, algorithm }) =>
      problem(
        'registrations',
        `API ${identifier} asks for tokens signed with ${gone(algorithm)}: none can be issued`,
        `apis update ${identifier} --algorithm ${algorithms[0]}, once the API accepts it`,
      ),
    );
  for (const client of clients) {
    const metadata = JSON.parse(client.metadata) as ClientMetadata;
    const { client_id: clientId } = client;
    const idToken = metadata.id_token_signed_response_alg;
    if (idToken !== undefined && !algorithms.includes(idToken)) {
      findings.push(
        problem(
          'registrations',
          `client ${clientId} asks for ID tokens signed with ${gone(idToken)}: nobody can sign in to it`,
          `configure the algorithm again, or change id_token_signed_response_alg: clients update ${clientId} --file -`,
        ),
      );
    }
    const api = metadata.resource_server;
    if (api !== undefined && !identifiers.has(api)) {
      findings.push(
        warning(
          'registrations',
          `client ${clientId} is the API ${api}, which is not registered: it may introspect nothing`,
          `apis create --identifier ${api}, or clients update ${clientId}`,
        ),
      );
    }
    if (needsMac(metadata) && client.secret_sealed === null) {
      findings.push(
        problem(
          'registrations',
          `client ${clientId} authenticates by a MAC (client_secret_jwt), and its secret is not kept here: it cannot authenticate`,
          `clients rotate-secret ${clientId}`,
        ),
      );
    }
  }
  return orFine(
    findings,
    'registrations',
    `${clients.length} applications and ${apis.length} APIs fit the configuration`,
  );
};
